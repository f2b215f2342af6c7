//! `roomcast check`: whether a server would start with a file of settings.

use std::path::{Path, PathBuf};

use clap::Args;
use config::{Config, ConfigError, SettingSource};

use super::report::{Check, Outcome, Report};

/// The arguments of `roomcast check`.
#[derive(Args)]
pub struct CheckArguments {
    /// The TOML file. Without it, the one that --config or ROOMCAST_CONFIG names
    file: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Checks the settings as the start of the server does: each value, settings that contradict each other, and the keys and certificates that they name. It
/// creates nothing, and does not connect.
///
/// # Errors
/// A setting is invalid. A warning is no error.
pub fn check(config: Option<&Path>, arguments: CheckArguments) -> anyhow::Result<()> {
    let file = arguments.file.as_deref().or(config);
    Report::new(checks(file)).print(arguments.json)
}

/// A line for each invalid setting and each warning; or one that all is well.
pub(super) fn checks(file: Option<&Path>) -> Vec<Check> {
    let read = Config::of_process(file, crate::serve::check).and_then(|(config, lines)| {
        crate::serve::check(&config)?;
        Ok((config, lines))
    });
    match read {
        Err(error) => failures(&error),
        Ok((config, lines)) => {
            let set = lines.iter().filter(|line| line.source != SettingSource::Default).count();
            let detail = format!("{set} of {} settings are set; a server can start with them", lines.len());
            let warnings = config.warnings().into_iter().map(|warning| Check::new("settings", Outcome::Warning, warning));
            [Check::new("settings", Outcome::Passed, detail)].into_iter().chain(warnings).collect()
        }
    }
}

fn failures(error: &ConfigError) -> Vec<Check> {
    error.lines().iter().map(|line| Check::new("settings", Outcome::Failed, line)).collect()
}
