//! A program with Roomcast inside. It runs jobs, and reports them to all connected clients without an HTTP request.

use std::sync::Arc;
use std::time::Duration;

use roomcast::{BackendApi, Config};
use serde_json::json;

/// The time that a step of a job takes.
const STEP: Duration = Duration::from_millis(250);

/// The settings are those of the binary `roomcast`: environment variables, and a file `.env` in the working directory.
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (config, _) = Config::of_process(None, Config::check)?;
    roomcast::serve_with(config, run_jobs).await
}

/// Runs one job after the other, until the server stops.
async fn run_jobs(backend: Arc<dyn BackendApi>) -> anyhow::Result<()> {
    for job in 1.. {
        for percent in [0, 25, 50, 75] {
            // The next percentage replaces this one, so it need not be stored, and disconnected clients do not receive it later.
            backend.broadcast_volatile_to_all("job:progress", json!({ "job": job, "percent": percent }))?;
            tokio::time::sleep(STEP).await;
        }
        // The future completes when the event is on disk. Disconnected clients receive the event when they reconnect.
        backend.broadcast_to_all("job:done", json!({ "job": job })).await?;
    }
    Ok(())
}
