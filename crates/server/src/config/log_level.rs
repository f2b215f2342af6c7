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

/// The targets of log lines: the crates of Roomcast, and libraries whose log an operator may need.
const TARGETS: &[&str] = &[
    "audit",
    "roomcast",
    "server",
    "engine",
    "wire",
    "domain",
    "store",
    "bus",
    "hyper",
    "hyper_util",
    "axum",
    "tower",
    "tokio",
    "tokio_util",
    "rustls",
    "tokio_rustls",
    "mio",
    "rusqlite",
];

/// Whether a text is a level, or a target with its level. Without this check an unknown word would be read as a target, and all other targets would
/// be silent.
fn is_directive(part: &str) -> bool {
    let is_level = |word: &str| ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| word.eq_ignore_ascii_case(level));
    match part.trim().split_once('=') {
        None => is_level(part.trim()),
        Some((target, level)) => is_level(level.trim()) && target.split("::").next().is_some_and(|first| TARGETS.contains(&first.trim())),
    }
}

impl SettingValue for LogLevel {
    const EXPECTED: &'static str = "error, warn, info, debug, trace or off, or directives such as info,audit=warn";

    fn read(text: &str) -> Option<Self> {
        let bare = text.replace(' ', "");
        // The levels of Node's loggers are accepted, too: clients' projects share LOG_LEVEL with a Node backend.
        let word = match text.to_ascii_lowercase().as_str() {
            "off" | "silent" | "none" => "off",
            "error" | "fatal" => "error",
            "warn" | "warning" => "warn",
            "info" => "info",
            // Debugging Roomcast is not debugging its libraries.
            "debug" | "verbose" => {
                "info,roomcast=debug,server=debug,engine=debug,wire=debug,domain=debug,store=debug,bus=debug,audit=debug"
            }
            "trace" => "info,roomcast=trace,server=trace,engine=trace,wire=trace,domain=trace,store=trace,bus=trace,audit=trace",
            _ if text.split(',').all(is_directive) && EnvFilter::try_new(&bare).is_ok() => &bare,
            _ => return None,
        };
        Some(Self { text: text.into(), directives: word.into() })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}
