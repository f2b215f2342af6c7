//! The values of `LOG_LEVEL`.

use tracing_subscriber::EnvFilter;

use super::value::SettingValue;

/// The filter of log lines, as directives of `tracing_subscriber`'s `EnvFilter`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLevel {
    /// The text of the setting.
    text: String,
    directives: String,
}

impl LogLevel {
    /// The filter. It was parsed once already when the setting was read, so it has no invalid part.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.directives)
    }
}

/// The targets of Roomcast's own log lines: its crates, and the audit log.
const OWN_TARGETS: [&str; 15] = [
    "api",
    "audit",
    "auth",
    "config",
    "contracts",
    "domain",
    "engine",
    "limits",
    "listener",
    "logging",
    "realtime",
    "rest_toolkit",
    "roomcast",
    "store",
    "wire",
];

/// The targets of libraries whose log an operator may need.
const LIBRARY_TARGETS: [&str; 10] =
    ["hyper", "hyper_util", "axum", "tower", "tokio", "tokio_util", "rustls", "tokio_rustls", "mio", "rusqlite"];

/// Directives that set the level of Roomcast's own targets, and `info` for the libraries: debugging Roomcast is not debugging its libraries.
fn own_at(level: &str) -> String {
    OWN_TARGETS.iter().fold("info".to_owned(), |directives, target| format!("{directives},{target}={level}"))
}

/// Whether a text is a level, or a target with its level. Without this check an unknown word would be read as a target, and all other targets would
/// be silent.
fn is_directive(part: &str) -> bool {
    let is_level = |text: &str| ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| text.eq_ignore_ascii_case(level));
    match part.trim().split_once('=') {
        None => is_level(part.trim()),
        Some((target, level)) => is_level(level.trim()) && target.split("::").next().is_some_and(is_target),
    }
}

fn is_target(name: &str) -> bool {
    OWN_TARGETS.iter().chain(&LIBRARY_TARGETS).any(|target| *target == name.trim())
}

impl SettingValue for LogLevel {
    const EXPECTED: &'static str = "error, warn, info, debug, trace or off, or directives such as info,audit=warn";

    fn read(text: &str) -> Option<Self> {
        let bare = text.replace(' ', "");
        // The levels of Node's loggers are accepted, too: clients' projects share LOG_LEVEL with a Node backend.
        let directives = match text.to_ascii_lowercase().as_str() {
            "off" | "silent" | "none" => "off".to_owned(),
            "error" | "fatal" => "error".to_owned(),
            "warn" | "warning" => "warn".to_owned(),
            "info" => "info".to_owned(),
            "debug" | "verbose" => own_at("debug"),
            "trace" => own_at("trace"),
            _ if text.split(',').all(is_directive) && EnvFilter::try_new(&bare).is_ok() => bare,
            _ => return None,
        };
        Some(Self { text: text.into(), directives })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}
