//! A program with Roomcast inside. It runs jobs, and reports them to all connected clients without an HTTP request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::custom_events::CustomEvent;
use domain::ids::RoomId;
use serde_json::{Value, json};
use server::app::{App, open_database};
use server::auth::Keys;
use server::backend_api::BackendApi;
use server::cli::banner;
use server::config::Config;
use server::listener::Listener;
use server::logging;
use tokio::task::block_in_place;

/// The time that a step of a job takes.
const STEP: Duration = Duration::from_millis(250);

/// The settings are those of the binary `roomcast`: environment variables, and a file `.env` in the working directory.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (config, _) = Config::of_process(None, Config::check)?;
    logging::start(&config.log);
    let keys = Keys::load(&config)?;
    // The database is opened before the ports: if another process has it open, the error names that process.
    let database = open_database(&config)?;
    let listener = Listener::bind(&config).await?;
    let mut app = App::start(&config, &keys, &database)?;
    drop(database);
    banner::print(&config, &keys, &listener);

    let jobs = tokio::spawn(run_jobs(app.backend()));
    let handler = app.handler();
    let stop = async {
        // If the signal cannot be caught, the program stops at once.
        let _ = tokio::signal::ctrl_c().await;
        jobs.abort();
        let latest = app.drain(config.ops.drain_seconds).await;
        block_in_place(|| app.close_connections());
        // Clients that poll have this time to receive their last answer.
        latest.max(Instant::now() + Duration::from_millis(500)).into()
    };
    listener.serve(handler, stop).await;
    // Completes the queued writes, and closes the database.
    block_in_place(|| app.close());
    Ok(())
}

/// Runs one job after the other. Returns if an event cannot be emitted, because the server is stopping.
async fn run_jobs(backend: Arc<dyn BackendApi>) -> anyhow::Result<()> {
    for job in 1.. {
        for percent in [0, 25, 50, 75] {
            // The next percentage replaces this one, so it need not be stored, and disconnected clients do not receive it later.
            backend.emit_volatile(to_everyone("job:progress", json!({ "job": job, "percent": percent })))?;
            tokio::time::sleep(STEP).await;
        }
        // The future completes when the event is on disk. Disconnected clients receive the event when they reconnect.
        backend.broadcast_to_all("job:done", json!({ "job": job })).await?;
    }
    Ok(())
}

/// An event for all connected users.
fn to_everyone(event: &str, data: Value) -> CustomEvent {
    CustomEvent {
        rooms: vec![RoomId::everyone()],
        except: Vec::new(),
        except_connections: Vec::new(),
        name: event.into(),
        data: Some(data),
    }
}
