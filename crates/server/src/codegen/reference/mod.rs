//! The reference pages of `docs/reference`, generated from the code.
//!
//! - [`settings`]: every setting.
//! - [`metrics`]: every metric.
//! - [`errors`]: every error code.
//! - [`events`]: the events of each contract.
//!
//! `cargo xtask docs` writes the pages, and a test compares them with the code.

mod errors;
mod events;
mod metrics;
mod settings;

use clap::ValueEnum;

pub(crate) use errors::meaning as error_meaning;

/// A page.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ReferencePage {
    /// Every setting.
    Settings,
    /// Every metric.
    Metrics,
    /// Every error code.
    Errors,
    /// Every event of every contract.
    Events,
}

impl ReferencePage {
    /// All pages.
    pub const ALL: [Self; 4] = [Self::Settings, Self::Metrics, Self::Errors, Self::Events];

    /// The name of its file in `docs/reference`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Settings => "settings.md",
            Self::Metrics => "metrics.md",
            Self::Errors => "errors.md",
            Self::Events => "events.md",
        }
    }

    /// The page as Markdown.
    ///
    /// # Errors
    /// The metrics are read from a server, which may fail to start.
    pub fn markdown(self) -> anyhow::Result<String> {
        Ok(match self {
            Self::Settings => settings::page(),
            Self::Metrics => metrics::page()?,
            Self::Errors => errors::page(),
            Self::Events => events::page(),
        })
    }
}

/// The line below the title of each page.
const NOTICE: &str = "<!-- `cargo xtask docs` writes this page from the code. Do not edit it. -->\n";

/// The begin of a page. The inputs are its title, and its introduction in Markdown.
fn head(title: &str, introduction: &str) -> String {
    format!("# {title}\n\n{NOTICE}\n{introduction}\n")
}

/// A table. The inputs are the headings, and the cells of each row in Markdown.
fn table<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| format!("| {} |\n", cells.map(|cell| cell.trim().replace('\n', " ").replace('|', "\\|")).join(" | "));
    let head = line(headings.map(str::to_owned)) + &format!("|{}\n", "---|".repeat(N));
    rows.into_iter().fold(head, |text, row| text + &line(row))
}

/// A text as code; empty if the text is empty.
fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
