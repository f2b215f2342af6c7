//! Draws groups of horizontal bars.
//!
//! The text is written here and not by a crate, because a chart that is readable on a light and on a dark page needs a style sheet with
//! `prefers-color-scheme`, and plotters writes fixed colors into each element.

use std::fmt::Write;

/// Groups of bars with the same unit.
pub struct Section {
    pub title: &'static str,
    pub groups: Vec<BarGroup>,
}

/// Bars with the same scale.
pub struct BarGroup {
    pub title: &'static str,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub name: &'static str,
    pub value: f64,
    /// The value with its unit.
    pub label: String,
    pub is_ours: bool,
}

const WIDTH: u32 = 760;
const MARGIN: u32 = 16;
/// Where the bars begin.
const BARS: u32 = 190;
/// The length of the longest bar of each group. To its right is the space of its label.
const LONGEST: f64 = 480.0;
const BAR_HEIGHT: u32 = 14;
const BAR_STEP: u32 = 20;

const STYLE: &str = "\
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .section { font-weight: 600; font-size: 15px; }
  .group, .footer { fill: #59636e; }
  .footer { font-size: 11px; }
  .name { text-anchor: end; }
  .background { fill: #ffffff; }
  .ours { fill: #0969da; }
  .other { fill: #a0a8b1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .group, .footer { fill: #9da7b3; }
    .background { fill: #0d1117; }
    .ours { fill: #4493f8; }
    .other { fill: #6e7681; }
  }
";

/// Draws the sections one below the other, and small text at the end.
pub fn draw(title: &str, sections: &[Section], footer: &[String]) -> String {
    let mut drawing = Drawing::default();
    for section in sections {
        drawing.section(section);
    }
    drawing.y += 10;
    for line in footer {
        drawing.y += 16;
        drawing.text("footer", MARGIN, line);
    }
    let (height, title) = (drawing.y + MARGIN, escaped(title));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<path class=\"background\" d=\"M0 0h{WIDTH}v{height}H0z\"/>\n{}</svg>\n",
        drawing.elements
    )
}

#[derive(Default)]
struct Drawing {
    elements: String,
    /// The lower end of what is drawn.
    y: u32,
}

impl Drawing {
    fn section(&mut self, section: &Section) {
        self.y += 30;
        self.text("section", MARGIN, section.title);
        for group in &section.groups {
            self.y += 24;
            self.text("group", MARGIN, group.title);
            self.y += 8;
            let longest = group.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
            for bar in &group.bars {
                self.bar(bar, longest);
            }
        }
    }

    fn bar(&mut self, bar: &Bar, longest: f64) {
        let length = (bar.value / longest * LONGEST).max(1.0).round() as u32;
        let (class, top) = (if bar.is_ours { "ours" } else { "other" }, self.y);
        self.y = top + BAR_HEIGHT - 3;
        self.text("name", BARS - 8, bar.name);
        self.element(&format!("<rect class=\"{class}\" x=\"{BARS}\" y=\"{top}\" width=\"{length}\" height=\"{BAR_HEIGHT}\" rx=\"2\"/>"));
        self.text("value", BARS + length + 8, &bar.label);
        self.y = top + BAR_STEP;
    }

    fn text(&mut self, class: &str, x: u32, text: &str) {
        self.element(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{}\">{}</text>", self.y, escaped(text)));
    }

    fn element(&mut self, element: &str) {
        writeln!(self.elements, "{element}").expect("a string can be written to");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
