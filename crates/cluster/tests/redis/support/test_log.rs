//! An event log in memory with the property of the real one: an offset can be read only when all smaller ones are committed.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cluster::sequencer::LogPage;
use cluster::wire::EventFrame;
use cluster::{EventLogError, EventLogReader};

/// The log, shared by the nodes of a test.
#[derive(Clone, Default)]
pub struct TestLog(Arc<Mutex<Vec<EventFrame>>>);

impl TestLog {
    /// Commits `count` events of a writer, and returns them.
    pub fn commit(&self, writer: &str, count: usize) -> Vec<EventFrame> {
        let mut events = self.0.lock().expect("no test panics here");
        let first = events.len() as u64 + 1;
        let body = |offset: u64| Bytes::from(format!("event {offset} of {writer}"));
        let committed: Vec<_> = (first..first + count as u64).map(|offset| EventFrame::new(offset, 1, ["room:1"], body(offset))).collect();
        events.extend(committed.iter().cloned());
        committed
    }

    /// The last offset.
    pub fn last(&self) -> u64 {
        self.0.lock().expect("no test panics here").len() as u64
    }

    /// The content of an offset.
    pub fn body(&self, offset: u64) -> Bytes {
        self.0.lock().expect("no test panics here")[offset as usize - 1].body().clone()
    }
}

impl EventLogReader for TestLog {
    async fn read(&self, from: u64, limit: u32) -> Result<LogPage, EventLogError> {
        let stored = self.0.lock().map_err(|error| EventLogError(error.to_string()))?;
        let events: Vec<_> = stored.iter().skip(from as usize - 1).take(limit as usize).cloned().collect();
        let is_full = events.len() == limit as usize;
        let complete_through = if is_full { from + u64::from(limit) - 1 } else { stored.len() as u64 };
        Ok(LogPage { events, complete_through, is_full })
    }

    async fn head(&self) -> Result<u64, EventLogError> {
        Ok(self.last())
    }
}
