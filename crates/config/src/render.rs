//! The settings for people: the lines of `roomcast config`, and the example file.

use std::fmt::Write;

use super::reader::Line;
use super::schema::{Section, Setting};

/// The effective settings, one a line: name, value, source and sentence.
pub fn effective(lines: &[Line]) -> String {
    let mut text = String::new();
    for Line { setting, value, source, .. } in lines {
        let set = format!("{}={}", setting.env, one_line(value));
        let source = format!("[{}]", source.as_str());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{set:<45} {source:<9} {}", setting.sentence.trim());
    }
    text
}

/// A TOML file with every setting and its default, commented out.
pub fn example(table: &[Section]) -> String {
    let mut text = String::from(
        "# The settings of Roomcast. Pass this file with --config or ROOMCAST_CONFIG. The environment and a .env file take precedence over it.\n\
         # Each setting has its default and, in parentheses, its environment variable. A duration is in seconds or has a unit (ms, s, m, h).\n\
         # A size is in bytes or has a unit (KB, MB, KiB, MiB). `roomcast config` prints each effective value and where it comes from.\n\
         # `roomcast config --example` writes this file.\n",
    );
    for section in table {
        let _ = write!(text, "\n#{}\n[{}]\n", section.about, section.name);
        for setting in section.settings {
            let _ = write!(text, "#{} ({})\n#{} = {}\n", setting.sentence, setting.env, setting.key, literal(setting));
        }
    }
    text
}

/// A default as TOML writes it.
fn literal(setting: &Setting) -> String {
    let text = setting.default;
    if setting.list {
        "[]".into()
    } else if text.parse::<u64>().is_ok() || text.parse::<bool>().is_ok() {
        text.into()
    } else {
        format!("\"{text}\"")
    }
}

fn one_line(value: &str) -> String {
    value.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
