//! The log goes to standard error; standard output is for what was asked for. Whatever becomes of either, the server goes on.
//!
//! - `throttle`: how many lines clients may cause.

pub mod throttle;

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::config::{LogConfig, LogFormat};
use crate::limits::network_of;
use throttle::{Kind, LeftOut, Throttle};

/// How many writes of log lines have failed.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// The lines that clients cause, and since when they are counted. There is one log a process, and so one of these.
static CAUSED: LazyLock<(Throttle, Instant)> = LazyLock::new(|| (Throttle::default(), Instant::now()));

/// How many lines about one kind of fault of the server's own are written in a second.
pub const FAULTS: u32 = 10;

/// How often it is told how many lines were left out.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Starts the log of this process. Called once; a second call, as a test may make it, changes nothing.
pub fn start(config: &LogConfig) {
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(config.level.filter())
        .with_writer(|| CountsFailures(io::stderr().lock()))
        // It would write to standard error that it cannot write there, and panic.
        .log_internal_errors(false)
        .with_ansi(colours);
    let _ = match config.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}

/// How many log lines could not be written.
pub fn failed_writes() -> u64 {
    FAILED.load(Ordering::Relaxed)
}

/// A writer that never fails: lines that cannot be written are counted and lost.
struct CountsFailures<W>(W);

impl<W: Write> Write for CountsFailures<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.write_all(line).is_err() {
            FAILED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What could not be flushed was counted when it was written: standard error has no buffer.
        let _ = self.0.flush();
        Ok(())
    }
}

/// Whether a line that a client has caused may be written. What is left out is told by [`tell_left_out`].
///
/// Inputs: the client's address, if it is known; what the line says, and more of that; how many such lines are written in a second.
pub fn admits(address: Option<IpAddr>, what: &'static str, detail: &'static str, most: u32) -> bool {
    let (throttle, since) = &*CAUSED;
    throttle.admit(since.elapsed().as_secs(), Kind { address: address.map(network_of), what, detail }, most)
}

/// Writes down once a second, for as long as the task runs, how many lines were left out.
pub async fn tell_left_out() {
    loop {
        tokio::time::sleep(TELL_EVERY).await;
        for left_out in CAUSED.0.left_out() {
            match left_out {
                LeftOut::Kind(Kind { address, what, detail }, repeated) => {
                    let address = address.map(|address| address.to_string()).unwrap_or_default();
                    tracing::warn!(target: "audit", address, reason = detail, repeated, "{what}, and again");
                }
                LeftOut::Many(repeated) => tracing::warn!(target: "audit", repeated, "lines of many addresses were left out"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_written_is_counted_and_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let before = failed_writes();
        let mut writer = CountsFailures(Closed);
        writer.write_all(b"a line\n").unwrap();
        writer.flush().unwrap();
        assert_eq!(failed_writes(), before + 1);
    }
}
