//! Checks and their results, as the commands print them: for people, with colors on a terminal, or as JSON.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// It is as it should be.
    Passed,
    /// It works, but an operator should look at it. The command succeeds.
    Warning,
    /// It does not work. The command fails.
    Failed,
    /// It was not checked.
    Skipped,
}

/// A check, with its result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Check {
    pub name: String,
    pub outcome: Outcome,
    /// What was found, in one line, and the remedy if there is one.
    pub detail: String,
}

impl Check {
    pub fn new(name: impl Into<String>, outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { name: name.into(), outcome, detail: detail.into() }
    }
}

/// The results of a command.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub(super) struct Report {
    /// Whether no check failed.
    pub ok: bool,
    pub checks: Vec<Check>,
}

/// The error of a command whose report, already printed, has failed checks. It is no line of its own.
#[derive(Debug, thiserror::Error)]
#[error("a check failed")]
pub(super) struct ChecksFailed;

impl Report {
    pub fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.outcome != Outcome::Failed), checks }
    }

    /// Prints the report to standard output: a line for each check, or one JSON object.
    ///
    /// # Errors
    /// [`ChecksFailed`] if a check failed; the output cannot be written.
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            super::print(&(serde_json::to_string_pretty(self)? + "\n"))?
        } else {
            super::print_styled(&self.text())?
        }
        if self.ok { Ok(()) } else { Err(ChecksFailed.into()) }
    }

    /// The lines, with colors that [`super::print_styled`] removes where standard output is no terminal.
    fn text(&self) -> String {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or_default();
        self.checks.iter().fold(String::new(), |mut text, check| {
            let (word, style) = check.outcome.shown();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{style}{word:7}{style:#}  {:width$}  {}", check.name, check.detail);
            text
        })
    }
}

impl Outcome {
    /// The word for people, and its style.
    fn shown(self) -> (&'static str, Style) {
        let colored = |color: AnsiColor| color.on_default().bold();
        match self {
            Self::Passed => ("passed", colored(AnsiColor::Green)),
            Self::Warning => ("warning", colored(AnsiColor::Yellow)),
            Self::Failed => ("FAILED", colored(AnsiColor::Red)),
            Self::Skipped => ("skipped", Style::new().dimmed()),
        }
    }
}
