//! The log goes to standard error; standard output is for what was asked for.

use std::io::IsTerminal;

use crate::config::{LogConfig, LogFormat};

/// Starts the log of this process. Called once; a second call, as a test may make it, changes nothing.
pub fn start(config: &LogConfig) {
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(config.level.filter()).with_writer(std::io::stderr).with_ansi(colours);
    let _ = match config.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
