//! The archive of the simulated shards: it reads the facts of the desk back, when the script has a `read`.

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

/// The archive. It answers with the facts that the desk has decided, when [`ModelArchive::answer`] is called.
pub struct ModelArchive {
    desk: Arc<Mutex<ModelWriter>>,
    asked: Mutex<VecDeque<ArchiveQuery>>,
    answered: AtomicUsize,
}

impl ModelArchive {
    pub fn of(desk: Arc<Mutex<ModelWriter>>) -> Self {
        Self { desk, asked: Mutex::default(), answered: AtomicUsize::default() }
    }

    /// The number of requests that it has answered.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Answers up to `most` requests. False if there were none.
    pub fn answer(&self, most: usize) -> bool {
        let mut asked = self.asked.lock().unwrap();
        let count = most.min(asked.len());
        let questions: Vec<ArchiveQuery> = asked.drain(..count).collect();
        drop(asked);
        let any = !questions.is_empty();
        self.answered.fetch_add(questions.len(), Ordering::Relaxed);
        for ArchiveQuery { numbers, bytes, then } in questions {
            let (mut said, mut size) = (Vec::new(), 0);
            for number in numbers {
                if size >= bytes {
                    break;
                }
                let desk = self.desk.lock().unwrap();
                let (room, at) = desk
                    .persisted_events
                    .iter()
                    .find_map(|(room, persisted_events)| {
                        Some((room, persisted_events.iter().position(|persisted| persisted.offset == number)?))
                    })
                    .unwrap();
                size += 100 + desk.persisted_events[room][at].padding;
                said.push(message_of(room, at + 1, &desk.persisted_events[room][at]));
            }
            then(Some(said));
        }
        any
    }
}

impl Archive for ModelArchive {
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>) {
        self.asked.lock().unwrap().push_back(ArchiveQuery { numbers, bytes, then });
    }
}
