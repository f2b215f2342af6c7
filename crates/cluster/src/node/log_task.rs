//! Reads the event log when the sequencer asks for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::event_log::EventLogReader;
use crate::sequencer::LogRequest;

/// How long the task waits while the connections cannot take more events.
const CAPACITY_PAUSE: Duration = Duration::from_millis(5);

/// Reads the log, until the task is aborted.
pub(super) async fn run(shared: Arc<Shared>, log: impl EventLogReader) {
    let mut is_failing = false;
    loop {
        wait_for_request(&shared).await;
        while !shared.sink.has_capacity() {
            tokio::time::sleep(CAPACITY_PAUSE).await;
        }
        let Some(request) = shared.stream.poll(Instant::now()) else { continue };
        let result = match request {
            LogRequest::Page { from, limit } => log.read(from, limit).await.map(|page| shared.stream.page_read(page, Instant::now())),
            LogRequest::Head => log.head().await.map(|head| shared.stream.head_read(head, Instant::now())),
        };
        match result {
            Ok(()) if is_failing => tracing::info!("the event log can be read again"),
            Ok(()) => {}
            Err(error) => {
                shared.stream.read_failed(Instant::now());
                if !is_failing {
                    tracing::warn!(%error, "failed to read the event log; the node will retry");
                }
                is_failing = true;
                continue;
            }
        }
        is_failing = false;
        if let Some(fault) = shared.stream.take_went_back() {
            shared.sink.log_went_back(fault);
        }
    }
}

/// Waits until a request is due.
async fn wait_for_request(shared: &Shared) {
    loop {
        // No request is open here, so the next one has a time.
        let due = shared.stream.due().unwrap_or_else(Instant::now);
        if due <= Instant::now() {
            return;
        }
        let _ = tokio::time::timeout_at(due.into(), shared.read.notified()).await;
    }
}
