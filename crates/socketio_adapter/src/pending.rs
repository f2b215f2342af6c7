//! The requests of this server that wait for the responses of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::codec::response::Response;
use crate::codec::{DecodeError, MessageText, response};

/// Requests that wait at the same time. A further one is an error.
const MAX_PENDING: usize = 4096;
/// The bytes of the responses to one request. Beyond them the request ends, and its result is not complete.
const MAX_RESPONSE_BYTES: usize = 256 << 20;

/// What the other servers have responded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responses<T> {
    /// The values of all servers that have responded, in the order of their responses.
    pub values: Vec<T>,
    /// The number of servers that have responded.
    pub servers: u64,
    /// The number of servers that were asked, without this one.
    pub expected_servers: u64,
    /// Whether all servers have responded, and all clients that they have reported. If false, the time is over.
    pub is_complete: bool,
}

impl<T> Responses<T> {
    pub(crate) fn none() -> Self {
        Self { values: Vec::new(), servers: 0, expected_servers: 0, is_complete: true }
    }
}

/// The state of a request.
pub(crate) struct Progress<T> {
    pub values: Vec<T>,
    pub servers: u64,
    expected_servers: u64,
    /// The number of values that the servers have announced. `None` if they announce none.
    pub announced: Option<u64>,
}

impl<T> Progress<T> {
    fn is_complete(&self) -> bool {
        self.servers >= self.expected_servers && self.announced.is_none_or(|announced| self.values.len() as u64 >= announced)
    }
}

/// Adds a response to the state of its request.
pub(crate) type Collect<T> = fn(&Response<'_>, &mut Progress<T>) -> Result<(), DecodeError>;

/// Adds a response, and returns whether the request is complete, and whether the response was right.
type Collector = Box<dyn FnMut(&Response<'_>) -> (bool, Result<(), DecodeError>) + Send>;

struct Entry {
    collect: Collector,
    bytes: usize,
    done: Option<oneshot::Sender<()>>,
}

/// The table of all requests that wait.
#[derive(Default)]
pub(crate) struct PendingRequests(Mutex<HashMap<String, Entry>>);

/// How a request waits.
pub(crate) struct Wait<T> {
    pub expected_servers: u64,
    pub collect: Collect<T>,
    /// Whether the servers announce how many values follow.
    pub has_announcements: bool,
}

/// Too many requests wait.
pub(crate) struct TooMany;

impl PendingRequests {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles a message on a channel of responses. Those to other servers are skipped; if no request waits, without being decoded.
    ///
    /// # Errors
    /// If the message is no response, or not one to its request.
    pub fn receive(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.entries().is_empty() {
            return Ok(());
        }
        let text = MessageText::read(bytes)?;
        let response = response::decode(&text)?;
        let mut entries = self.entries();
        let Some(entry) = response.request_id().and_then(|id| entries.get_mut(id)) else { return Ok(()) };
        entry.bytes += bytes.len();
        let (is_complete, result) = (entry.collect)(&response);
        if (is_complete || entry.bytes > MAX_RESPONSE_BYTES)
            && let Some(done) = entry.done.take()
        {
            // The caller may have ended already.
            let _ = done.send(());
        }
        result
    }

    /// Prepares the table for the responses to a request. Call it before the request is sent.
    pub fn register<'t, T: Send + 'static>(&'t self, id: &'t str, wait: &Wait<T>) -> Result<WaitingRequest<'t, T>, TooMany> {
        let progress = Arc::new(Mutex::new(Progress {
            values: Vec::new(),
            servers: 0,
            expected_servers: wait.expected_servers,
            announced: wait.has_announcements.then_some(0),
        }));
        let (done, completed) = oneshot::channel();
        let (collected, add) = (progress.clone(), wait.collect);
        let collect: Collector = Box::new(move |response| {
            let mut progress = lock(&collected);
            let result = add(response, &mut progress);
            (progress.is_complete(), result)
        });
        let mut entries = self.entries();
        if entries.len() >= MAX_PENDING {
            return Err(TooMany);
        }
        entries.insert(id.to_owned(), Entry { collect, bytes: 0, done: Some(done) });
        Ok(WaitingRequest { entry: EntryGuard { table: self, id }, progress, completed })
    }
}

fn lock<T>(progress: &Mutex<Progress<T>>) -> MutexGuard<'_, Progress<T>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that waits. Its entry in the table is removed when this is dropped.
pub(crate) struct WaitingRequest<'t, T> {
    entry: EntryGuard<'t>,
    progress: Arc<Mutex<Progress<T>>>,
    completed: oneshot::Receiver<()>,
}

impl<T> WaitingRequest<'_, T> {
    /// Waits until all servers have responded, or the time is over.
    pub async fn responses(self, duration: Duration) -> Responses<T> {
        // An error means that the time is over; then the result is what has arrived.
        let _ = timeout(duration, self.completed).await;
        drop(self.entry);
        let mut progress = lock(&self.progress);
        let is_complete = progress.is_complete();
        let values = std::mem::take(&mut progress.values);
        Responses { values, servers: progress.servers, expected_servers: progress.expected_servers, is_complete }
    }
}

struct EntryGuard<'t> {
    table: &'t PendingRequests,
    id: &'t str,
}

impl Drop for EntryGuard<'_> {
    fn drop(&mut self) {
        self.table.entries().remove(self.id);
    }
}
