//! The start of the server, from the settings to a listening server; and its graceful stop.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::Keys;
use config::{Config, ConfigError, KeyChoice};
use contracts::backend_api::BackendApi;
use listener::{Listener, rlimit};
use logging;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, open_database};
use crate::cli::banner;
use crate::service_manager::ServiceManager;

/// The exit code of a process that a second signal stops at once: the same as if the signal had killed it.
const EXIT_STOPPED_AT_ONCE: i32 = 130;

/// The time to write the last responses to pending polls.
const FINAL_FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs the server until SIGTERM or Ctrl-C. Then it drains, over `DRAIN_SECONDS`. A second such signal ends the process at once: every
/// change that was acknowledged is on the disk.
///
/// # Errors
/// One line with the reason why the server cannot start.
pub fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve_with(config, |_| std::future::pending()))
}

/// Runs the server inside another program. It is [`serve`] with a task of the program's own, which has the functions for backends.
///
/// The server drains and stops at SIGTERM or Ctrl-C, which aborts the task, or when the task completes. Log lines go to the program's
/// `tracing` subscriber if it has set one. Call this in a tokio runtime with several threads.
///
/// ```no_run
/// use serde_json::json;
/// use roomcast::Config;
///
/// #[tokio::main]
/// async fn main() -> anyhow::Result<()> {
///     // The settings of the binary: the environment, and a file `.env`.
///     let (config, _) = Config::of_process(None, Config::check)?;
///     roomcast::serve_with(config, async |backend| {
///         for job in 1.. {
///             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
///             backend.broadcast_to_all("job:done", json!({ "job": job })).await?;
///         }
///         Ok(())
///     })
///     .await
/// }
/// ```
///
/// # Errors
/// One line with the reason why the server cannot start, or the error of the task.
pub async fn serve_with<F>(config: Config, task: impl FnOnce(Arc<dyn BackendApi>) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    check(&config)?;
    prepare_process(&config)?;
    let mut signals = StopSignals::catch()?;
    let keys = Keys::load(&config)?;
    // Before the ports: a second server on the same data folder and ports then reports the process that holds the folder.
    let database = open_database(&config)?;
    let listener = Listener::bind(&config).await?;
    let mut app = App::start(&config, &keys, &database).await?;
    drop(database);
    app.join_socketio_cluster(&config).await?;
    banner::print(&config, &keys, &listener, app.console_sign_in_path().as_deref());
    let service_manager = ServiceManager::ready(app.liveness());
    tracing::info!(addresses = ?listener.addresses(), "listening");

    let (handler, mut task) = (app.handler(), tokio::spawn(task(app.backend())));
    let mut result = Ok(());
    let stop = async {
        tokio::select! {
            () = signals.next() => task.abort(),
            ended = &mut task => result = ended.map_err(anyhow::Error::from).flatten(),
        }
        service_manager.stopping(config.ops.drain_seconds);
        drain_and_close(&mut app, signals, config.ops.drain_seconds).await.into()
    };
    listener.serve(handler, stop).await;
    tokio::task::block_in_place(|| app.close());
    tracing::info!("stopped");
    result
}

/// Drains the server, and ends its connections. Returns the time at which the last responses must be written.
async fn drain_and_close(app: &mut App, mut signals: StopSignals, drain: Duration) -> Instant {
    tracing::info!(?drain, "stopping; a second signal ends the process at once");
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("stopped at once");
        std::process::exit(EXIT_STOPPED_AT_ONCE);
    });
    let latest = app.drain(drain).await;
    tokio::task::block_in_place(|| app.close_connections());
    app.leave_socketio_cluster().await;
    app.leave_cluster().await;
    latest.max(Instant::now() + FINAL_FLUSH_TIMEOUT)
}

/// Sets up what the whole process has once: logging, the limit on open files, and a signal handler.
fn prepare_process(config: &Config) -> io::Result<()> {
    let cluster = config.cluster();
    logging::start(&config.log, cluster.as_ref().map(|cluster| cluster.node_id.as_str()));
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let descriptors = rlimit::raise();
    tracing::debug!(?descriptors, "open files allowed");
    ignore_sigxfsz()
}

/// Checks whether a server can start with these settings and the files that they name. It creates nothing.
///
/// # Errors
/// A line about each invalid setting.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let dev = matches!(config.key_choice(), Ok(KeyChoice::Dev));
    // `Config::check` reports keys that contradict each other, and dev mode creates its secret if there is none.
    let keys = if dev || config.key_choice().is_err() { Ok(()) } else { Keys::load(config).map(drop) };
    let certificate = Listener::certificate(config).map(drop);
    ConfigError::all([config.check(), keys, certificate].into_iter().filter_map(Result::err))
}

/// The signals that stop the server.
struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
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
