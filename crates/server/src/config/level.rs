//! What `LOG_LEVEL` may be.

use tracing_subscriber::EnvFilter;

use super::value::Value;

/// Which log lines are written, as directives of `tracing_subscriber`'s `EnvFilter`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Level {
    /// As it was set.
    text: String,
    directives: String,
}

impl Level {
    /// The filter. It was parsed once already when the setting was read, so a part that does not parse is not there.
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.directives)
    }
}

impl Value for Level {
    const WANTED: &'static str = "error, warn, info, debug, trace or off, or directives such as info,audit=warn";

    fn read(text: &str) -> Option<Self> {
        // The words of Node's loggers are understood, too: LOG_LEVEL comes from contracts written for those.
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
            // A single unknown word would be read as the name of a target, and everything else would fall silent.
            _ if text.contains(['=', ',']) && EnvFilter::try_new(text).is_ok() => text,
            _ => return None,
        };
        Some(Self { text: text.into(), directives: word.into() })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}
