//! The errors of invalid settings, a line for each.

use std::fmt;

/// Invalid settings, a line for each: its name, its value (never a secret's) and what is expected. There is at least one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError(Vec<String>);

/// Longer values are cut, so that the line stays readable.
const MAX_VALUE_CHARACTERS: usize = 80;

impl ConfigError {
    /// A line about one setting. The inputs are its name in its source, the value as it may be printed, and the expected value.
    pub fn setting(name: impl fmt::Display, value: &str, expected: impl fmt::Display) -> Self {
        Self::line(format!("{name}={}: {expected}", on_one_line(value)))
    }

    /// A line that is not about a single value.
    pub fn line(line: impl Into<String>) -> Self {
        Self(vec![line.into().replace(['\n', '\r'], " ")])
    }

    /// Joins a list of errors. Errors: all their lines, unless the list is empty.
    pub fn all(errors: impl IntoIterator<Item = Self>) -> Result<(), Self> {
        let lines: Vec<_> = errors.into_iter().flat_map(|error| error.0).collect();
        if lines.is_empty() { Ok(()) } else { Err(Self(lines)) }
    }

    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

fn on_one_line(value: &str) -> String {
    let mut text: String =
        value.chars().take(MAX_VALUE_CHARACTERS).map(|character| if character.is_control() { ' ' } else { character }).collect();
    if value.chars().nth(MAX_VALUE_CHARACTERS).is_some() {
        text.push('…');
    }
    text
}
