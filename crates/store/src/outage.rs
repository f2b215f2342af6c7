//! Rejects commands while the database does not answer, so that no caller waits for longer than a few seconds. The commands that were sent to the database
//! wait, because their outcome is not known.

use std::sync::Arc;

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

/// Makes the report for the thread that serves a queue. While it waits for the database, the queue rejects its items that need the database, those that
/// wait and further ones.
pub(crate) fn report<T: Rejectable + Send + 'static>(queue: &Arc<Queue<T>>) -> OutageReport {
    let queue = Arc::clone(queue);
    Box::new(move |reason: Option<&str>| match reason {
        Some(reason) => {
            tracing::warn!(reason, "the database does not answer; commands are rejected until it does");
            let error = || DomainError::Unavailable(reason.to_owned());
            queue.suspend(reason, T::needs_database).into_iter().for_each(|item| item.reject(error()));
        }
        None => queue.resume(),
    })
}
