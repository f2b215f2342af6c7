//! Requests to the event log, and their results.

use crate::wire::EventFrame;

/// A request to the event log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogRequest {
    /// Read events: see [`EventLogReader::read`](crate::EventLogReader::read).
    Page {
        /// The first offset.
        from: u64,
        /// The most events.
        limit: u32,
    },
    /// Read the last offset: see [`EventLogReader::head`](crate::EventLogReader::head).
    Head,
}

/// Events of the log from an offset on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LogPage {
    /// The events, by ascending offset.
    pub events: Vec<EventFrame>,
    /// The offset up to which the page has all events that are stored. For a page that reaches the end of the log it is the head of the log, also if the
    /// last rows were deleted.
    pub complete_through: u64,
    /// Whether the page ends before the end of the log, because it has as many events as it may have.
    pub is_full: bool,
}

/// The log ends before an offset that was delivered: the database has lost commits, such as after a failover to a standby that lagged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogWentBack {
    /// The last offset of the log.
    pub head: u64,
    /// The last offset that was delivered.
    pub delivered: u64,
}
