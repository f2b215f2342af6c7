//! The log is written to standard error; standard output is for the results of commands. The server continues when it cannot write to
//! either.
//!
//! - [`throttle`]: how many lines clients may cause.
//! - [`audit`]: the log of connections, disconnections and rejections.

pub mod audit;
mod node_field;
pub mod throttle;

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use config::{LogConfig, LogFormat};
use limits::rate_limit::network_of;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use tracing::Level;

use node_field::{JsonWithNode, TextWithNode};
use throttle::{DroppedLines, LineKind, Throttle};

/// How many writes of log lines have failed.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Whether the reader of standard error has stopped reading.
static STALLED: AtomicBool = AtomicBool::new(false);

/// How long a line waits for the reader of standard error. After that it is lost and counted, and later lines do not wait until the reader continues.
const STDERR_TIMEOUT: Duration = Duration::from_millis(100);

/// A pipe that is ready takes as many bytes at once without waiting (`PIPE_BUF`; POSIX guarantees 512, Linux 4,096).
const MAX_LINE_BYTES: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// Throttles the lines that clients cause, and the start of its first second. A process has one log, and so one throttle.
static CLIENT_LINES: LazyLock<(Throttle, Instant)> = LazyLock::new(|| (Throttle::default(), Instant::now()));

/// How many lines about one kind of server fault are written in a second.
pub const MAX_FAULT_LINES: u32 = 10;

/// How often the number of omitted lines is logged.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the log of this process. Called once; a second call, as a test may make it, changes nothing. `node`: the `NODE_ID` of one of several nodes, which
/// is on each line.
pub fn start(config: &LogConfig, node: Option<&str>) {
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(config.level.filter())
        .with_writer(|| CountsFailures(NeverHangs { inner: io::stderr().lock(), stalled: &STALLED }))
        // The subscriber would report a failed write to standard error on standard error, and panic.
        .log_internal_errors(false)
        .with_ansi(colours);
    let _ = match (config.format, node) {
        (LogFormat::Text, None) => log.try_init(),
        (LogFormat::Text, Some(node)) => log.map_event_format(|format| TextWithNode::new(format, node)).try_init(),
        (LogFormat::Json, None) => log.json().flatten_event(true).try_init(),
        (LogFormat::Json, Some(node)) => {
            log.json().flatten_event(true).map_event_format(|format| JsonWithNode::new(format, node)).try_init()
        }
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
        // Standard error has no buffer, so a failure was counted in the write.
        let _ = self.0.flush();
        Ok(())
    }
}

/// A writer to a pipe or a terminal that gives up when the reader has stopped reading: a paused terminal or a log collector that hangs would stop every
/// thread that logs, and with them the server.
struct NeverHangs<'a, W> {
    inner: W,
    stalled: &'a AtomicBool,
}

impl<W: AsFd> NeverHangs<'_, W> {
    fn is_ready(&self) -> bool {
        let time = if self.stalled.load(Ordering::Relaxed) { Duration::ZERO } else { STDERR_TIMEOUT };
        let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        // A signal must not make the line wait in the write.
        let ready = retry_on_intr(|| poll(&mut [PollFd::new(&self.inner, PollFlags::OUT)], Some(&time)));
        // The write returns the error of a broken pipe.
        let is_ready = !matches!(ready, Ok(0));
        self.stalled.store(!is_ready, Ordering::Relaxed);
        is_ready
    }
}

impl<W: AsFd + Write> Write for NeverHangs<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.inner.write(&bytes[..bytes.len().min(MAX_LINE_BYTES)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Whether a line that a client has caused may be written. [`report_dropped`] logs how many were not.
///
/// The inputs are the level of the line, which the line with the number of omitted lines has, too; the client's address, if it is known; the line's message
/// and its detail; how many such lines are written in a second.
pub fn admits(level: Level, address: Option<IpAddr>, what: &'static str, detail: &'static str, most: u32) -> bool {
    let (throttle, since) = &*CLIENT_LINES;
    throttle.admit(since.elapsed().as_secs(), LineKind { level, address: address.map(network_of), what, detail }, most)
}

/// Logs once a second, for as long as the task runs, how many lines were omitted.
pub async fn report_dropped() {
    loop {
        tokio::time::sleep(REPORT_INTERVAL).await;
        CLIENT_LINES.0.dropped().into_iter().for_each(log_dropped);
    }
}

/// Logs how many lines were omitted, at the level of these lines. The target is `audit`, also for lines with another one.
fn log_dropped(dropped: DroppedLines) {
    match dropped {
        DroppedLines::Kind(LineKind { level, address, what, detail }, repeated) => {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            // A macro of `tracing` has one level.
            match level {
                Level::ERROR => tracing::error!(target: "audit", address, reason = detail, repeated, "{what} (repeated)"),
                Level::WARN => tracing::warn!(target: "audit", address, reason = detail, repeated, "{what} (repeated)"),
                _ => tracing::info!(target: "audit", address, reason = detail, repeated, "{what} (repeated)"),
            }
        }
        DroppedLines::Many(repeated) => tracing::warn!(target: "audit", repeated, "lines of many addresses were dropped"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_line_that_counts_omitted_lines_has_their_level() {
        for (logged, level, lines) in
            [(Level::WARN, Level::INFO, 0), (Level::INFO, Level::INFO, 1), (Level::WARN, Level::WARN, 1), (Level::ERROR, Level::WARN, 0)]
        {
            let (mut reader, writer) = io::pipe().unwrap();
            let subscriber = tracing_subscriber::fmt().with_max_level(logged).with_writer(Arc::new(writer)).finish();
            tracing::subscriber::with_default(subscriber, || {
                log_dropped(DroppedLines::Kind(LineKind { level, address: None, what: "connected", detail: "" }, 200));
            });
            let text = io::read_to_string(&mut reader).unwrap();
            assert_eq!(text.matches("connected (repeated)").count(), lines, "a line of {level} at {logged}: {text}");
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_counted() {
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

    #[test]
    fn lines_are_lost_while_the_reader_does_not_read() {
        let (mut reader, writer) = io::pipe().unwrap();
        let stalled = AtomicBool::new(false);
        let mut log = NeverHangs { inner: writer, stalled: &stalled };
        let mut written = 0;
        let line = [b'x'; 10_000];
        let error = loop {
            match log.write(&line) {
                Ok(bytes) => written += bytes,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(stalled.load(Ordering::Relaxed));
        assert!(log.write(&line).is_err());
        io::Read::read_exact(&mut reader, &mut vec![0; written]).unwrap();
        log.write_all(b"a line").unwrap();
        assert!(!stalled.load(Ordering::Relaxed));
    }
}
