//! The archive of the simulated shards: it reads the events of the model writer back, when the script has a `read`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::model_writer::{ModelWriter, message_of};
use crate::broadcast::Broadcast;
use crate::history::Archive;

/// A request to the archive.
struct ArchiveQuery {
    numbers: Vec<u64>,
    bytes: usize,
    then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>,
}

/// The archive. It responds with the events that the model writer has decided, when [`ModelArchive::respond`] is called.
pub struct ModelArchive {
    writer: Arc<Mutex<ModelWriter>>,
    pending: Mutex<VecDeque<ArchiveQuery>>,
    response_count: AtomicUsize,
}

impl ModelArchive {
    pub fn of(writer: Arc<Mutex<ModelWriter>>) -> Self {
        Self { writer, pending: Mutex::default(), response_count: AtomicUsize::default() }
    }

    /// The number of requests that it has responded to.
    pub fn response_count(&self) -> usize {
        self.response_count.load(Ordering::Relaxed)
    }

    /// Responds to up to `most` requests. False if there were none.
    pub fn respond(&self, most: usize) -> bool {
        let mut pending = self.pending.lock().unwrap();
        let count = most.min(pending.len());
        let queries: Vec<ArchiveQuery> = pending.drain(..count).collect();
        drop(pending);
        let any = !queries.is_empty();
        self.response_count.fetch_add(queries.len(), Ordering::Relaxed);
        for ArchiveQuery { numbers, bytes, then } in queries {
            let (mut broadcasts, mut size) = (Vec::new(), 0);
            for number in numbers {
                if size >= bytes {
                    break;
                }
                let writer = self.writer.lock().unwrap();
                let (room, at) = writer
                    .persisted_events
                    .iter()
                    .find_map(|(room, persisted_events)| {
                        Some((room, persisted_events.iter().position(|persisted| persisted.offset == number)?))
                    })
                    .unwrap();
                size += 100 + writer.persisted_events[room][at].padding;
                broadcasts.push(message_of(room, at + 1, &writer.persisted_events[room][at]));
            }
            then(Some(broadcasts));
        }
        any
    }
}

impl Archive for ModelArchive {
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>) {
        self.pending.lock().unwrap().push_back(ArchiveQuery { numbers, bytes, then });
    }
}
