//! The event log, as the cluster reads it.

use std::future::Future;

use crate::sequencer::LogPage;

/// The error of a read, as one line for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct EventLogError(pub String);

/// Reads the event log. All nodes of a cluster read the same log.
///
/// The log must have this property: an offset can be read only when all smaller offsets are committed or will never exist.
pub trait EventLogReader: Send + Sync + 'static {
    /// Reads at most `limit` events whose last offset is `from` or larger.
    ///
    /// # Errors
    /// The log cannot be read at present.
    fn read(&self, from: u64, limit: u32) -> impl Future<Output = Result<LogPage, EventLogError>> + Send;

    /// The last offset of the log, also if its row was deleted; 0 if there never was one.
    ///
    /// # Errors
    /// The log cannot be read at present.
    fn head(&self) -> impl Future<Output = Result<u64, EventLogError>> + Send;
}
