//! The start of the server, from the settings to a listening server; and its orderly stop.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, open_database};
use crate::auth::Keys;
use crate::cli::banner;
use crate::config::{Config, ConfigError, KeyChoice};
use crate::listener::{Listener, rlimit};
use crate::logging;

/// The exit code of a process that a second signal stops at once: the same as if the signal had killed it.
const EXIT_STOPPED_AT_ONCE: i32 = 130;

/// The time to write the last answers of pending polls.
const FINAL_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs the server until SIGTERM or ctrl-c; then it drains, over `DRAIN_SECONDS`. A second such signal ends the process at once: every
/// change that was acknowledged is on the disk.
///
/// Errors: one line with the reason why the server cannot start.
pub fn serve(config: Config) -> anyhow::Result<()> {
    check(&config)?;
    logging::start(&config.log);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let descriptors = rlimit::raise();
    tracing::debug!(?descriptors, "open files allowed");
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(config))
}

/// Checks whether a server can start with these settings and the files that they name. It creates nothing.
///
/// Errors: a line about each invalid one.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let dev = matches!(config.key_choice(), Ok(KeyChoice::Dev));
    // `Config::check` reports keys that contradict each other, and dev mode creates its secret if there is none.
    let keys = if dev || config.key_choice().is_err() { Ok(()) } else { Keys::load(config).map(drop) };
    let certificate = Listener::certificate(config).map(drop);
    ConfigError::all([config.check(), keys, certificate].into_iter().filter_map(Result::err))
}

async fn run(config: Config) -> anyhow::Result<()> {
    let mut stop = StopSignal::catch()?;
    ignore_sigxfsz()?;
    let drain = config.ops.drain_seconds;
    let keys = Keys::load(&config)?;
    // Before the ports: a second server on the same data folder and ports then reports the process that holds the folder.
    let database = open_database(&config)?;
    let listener = Listener::bind(&config).await?;
    let mut product = App::start(&config, &keys, &database)?;
    drop(database);
    banner::print(&config, &keys, &listener);
    tracing::info!(addresses = ?listener.addresses(), "listening");
    let handler = product.handler();
    let farewell = async {
        stop.next().await;
        tracing::info!(?drain, "stopping; a second signal ends the process at once");
        tokio::spawn(async move {
            stop.next().await;
            tracing::warn!("stopped at once");
            std::process::exit(EXIT_STOPPED_AT_ONCE);
        });
        let latest = product.drain(drain).await;
        tokio::task::block_in_place(|| product.close_connections());
        latest.max(Instant::now() + FINAL_FLUSH_TIMEOUT).into()
    };
    listener.serve(handler, farewell).await;
    tokio::task::block_in_place(|| product.close());
    tracing::info!("stopped");
    Ok(())
}

/// The signals that stop the server.
struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// Catches the signals from now on.
    fn catch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A file that exceeds its size limit must cause an error of the write, as a full disk does: without a handler, the signal would kill the
/// process.
fn ignore_sigxfsz() -> io::Result<()> {
    // The handler stays when the returned value is dropped.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}
