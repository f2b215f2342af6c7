//! Rejects commands and queries while the database does not answer, so that no caller waits for longer than a few seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::error::DomainError;

use crate::queue::Queue;

/// Takes the reports of a link: a reason when a statement or a new connection takes long, and `None` when it has ended. It runs on the thread of the link.
pub(crate) type OutageReport = Box<dyn Fn(Option<&str>) + Send>;

/// An item of a queue that can be rejected.
pub(crate) trait Rejectable {
    /// Whether the item needs the database.
    fn needs_database(&self) -> bool;

    /// Runs the reply with an error.
    fn reject(self, error: DomainError);
}

/// Makes the reports for each of the threads that serve a queue. While all of them wait for the database, the queue rejects its items that need the
/// database, those that wait and further ones.
pub(crate) fn reports<T: Rejectable + Send + 'static>(
    queue: &Arc<Queue<T>>,
    threads: usize,
) -> impl Iterator<Item = OutageReport> + use<T> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let queue = Arc::clone(queue);
    std::iter::repeat_with(move || {
        let (queue, waiting) = (Arc::clone(&queue), Arc::clone(&waiting));
        let report = move |reason: Option<&str>| match reason {
            Some(reason) => {
                if waiting.fetch_add(1, Ordering::SeqCst) + 1 == threads {
                    tracing::warn!(reason, "the database does not answer; commands are rejected until it does");
                    let error = || DomainError::Unavailable(reason.to_owned());
                    queue.suspend(reason, T::needs_database).into_iter().for_each(|item| item.reject(error()));
                }
            }
            None => {
                waiting.fetch_sub(1, Ordering::SeqCst);
                queue.resume();
            }
        };
        Box::new(report) as OutageReport
    })
    .take(threads)
}
