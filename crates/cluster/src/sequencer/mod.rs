//! Puts events into the order of their offsets, and decides when to read the event log.
//!
//! The sequencer is a state machine: the caller passes the time, the events of this node and of the bus, and the results of reading the log. It never
//! delivers an offset twice or before a smaller one, and delivers all offsets as long as the log can be read.

mod log_page;
mod pending;
mod retry;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use log_page::{LogPage, LogRequest, LogWentBack};

use crate::wire::EventFrame;
use pending::PendingEvents;
use retry::Retry;

/// How often the log is read while the bus is away.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often the head of the log is asked while the bus works.
const HEAD_INTERVAL: Duration = Duration::from_millis(250);

/// The most events of one page of the log.
const PAGE_LIMIT: u32 = 512;

/// The most events that wait for an earlier offset.
const MAX_PENDING: usize = 16_384;

/// The most bytes of these events.
const MAX_PENDING_BYTES: usize = 32 << 20;

/// The times and bounds of a sequencer.
#[derive(Clone, Copy, Debug)]
pub struct SequencerConfig {
    /// How long an offset may be missing before it is read from the log.
    pub gap_timeout: Duration,
    /// How often the head of the log is asked while the bus works.
    pub head_interval: Duration,
    /// How often the log is read while the bus is away.
    pub poll_interval: Duration,
    /// The most events of one page of the log.
    pub page_limit: u32,
    /// The most events that wait for an earlier offset. Later events are dropped, and read from the log when their turn comes.
    pub max_pending: usize,
    /// The most bytes of these events.
    pub max_pending_bytes: usize,
}

impl Default for SequencerConfig {
    fn default() -> Self {
        Self {
            gap_timeout: Duration::from_millis(20),
            head_interval: HEAD_INTERVAL,
            poll_interval: POLL_INTERVAL,
            page_limit: PAGE_LIMIT,
            max_pending: MAX_PENDING,
            max_pending_bytes: MAX_PENDING_BYTES,
        }
    }
}

/// What a sequencer has counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SequencerStats {
    /// Events that were delivered.
    pub delivered: u64,
    /// Delivered events that were read from the log, because the bus had not delivered them in time.
    pub read_from_log: u64,
    /// Reads because an offset was missing while the bus worked.
    pub gaps: u64,
    /// Events that were received a second time.
    pub duplicates: u64,
    /// Events that were dropped because too many waited.
    pub dropped: u64,
    /// Events that the log does not contain, or that overlap others: messages of the bus that were false.
    pub rejected: u64,
    /// Reads of the log that failed.
    pub failed_reads: u64,
}

/// Whether the bus delivers messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum BusState {
    Connected,
    Lost,
}

/// A request that the caller is executing.
#[derive(Clone, Copy, Debug)]
struct OpenRequest {
    /// [`OffsetSequencer::next`] when the request began.
    next: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct OffsetSequencer {
    config: SequencerConfig,
    /// The next offset to deliver.
    next: u64,
    /// The largest offset that is known to exist; `next - 1` if none is ahead.
    head: u64,
    ready: VecDeque<EventFrame>,
    pending: PendingEvents,
    bus: BusState,
    /// Since when the next offset is missing although a later one exists.
    missing_since: Option<Instant>,
    /// Whether the log must be read at once: after a reconnect, and when a page was full.
    catch_up: bool,
    open: Option<OpenRequest>,
    /// When the log was last read or asked, whether it worked or not.
    asked_at: Instant,
    retry: Retry,
    went_back: Option<LogWentBack>,
    stats: SequencerStats,
}

impl OffsetSequencer {
    /// A sequencer that delivers the offset `next` first. It begins without the bus.
    pub fn new(config: SequencerConfig, next: u64, now: Instant) -> Self {
        Self {
            config,
            next,
            head: next.saturating_sub(1),
            ready: VecDeque::new(),
            pending: PendingEvents::new(config.max_pending, config.max_pending_bytes),
            bus: BusState::Lost,
            missing_since: None,
            catch_up: true,
            open: None,
            asked_at: now,
            retry: Retry::new(config.poll_interval),
            went_back: None,
            stats: SequencerStats::default(),
        }
    }

    /// The next offset to deliver: all smaller ones were returned by [`OffsetSequencer::take_ready`], or are about to be.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What was counted so far.
    pub fn stats(&self) -> SequencerStats {
        self.stats
    }

    /// Events that wait for an earlier offset, and their bytes.
    pub fn pending(&self) -> (usize, usize) {
        (self.pending.len(), self.pending.bytes())
    }

    /// Takes a committed event, of this node or of the bus.
    pub fn offer(&mut self, event: EventFrame, now: Instant) {
        self.head = self.head.max(event.last());
        if event.last() < self.next {
            self.stats.duplicates += 1;
        } else if event.first() < self.next {
            self.stats.rejected += 1;
        } else if event.first() == self.next {
            self.deliver(event);
            self.advance();
        } else {
            self.stats.dropped += self.pending.insert(event);
        }
        self.note_missing(now);
    }

    /// Learns that offsets up to `last` exist, without their events: they are read from the log when their turn comes. For a node that cannot take events
    /// as fast as they come.
    pub fn learn(&mut self, last: u64, now: Instant) {
        self.head = self.head.max(last);
        self.note_missing(now);
    }

    /// The events that are next, in the order of their offsets.
    pub fn take_ready(&mut self) -> impl Iterator<Item = EventFrame> {
        self.ready.drain(..)
    }

    /// The bus delivers messages again; those published in between may be lost. Call it after the subscription is confirmed.
    pub fn bus_connected(&mut self) {
        self.bus = BusState::Connected;
        self.catch_up = true;
    }

    /// The bus delivers no messages.
    pub fn bus_lost(&mut self) {
        self.bus = BusState::Lost;
    }

    /// The request to execute now, if there is one. Pass its result to [`OffsetSequencer::page_read`], [`OffsetSequencer::head_read`] or
    /// [`OffsetSequencer::read_failed`]; until then there is no other request.
    pub fn poll(&mut self, now: Instant) -> Option<LogRequest> {
        if self.open.is_some() || now < self.due()? {
            return None;
        }
        let is_read = self.catch_up || self.bus == BusState::Lost || self.missing_since.is_some();
        if is_read && !self.catch_up && self.bus == BusState::Connected {
            self.stats.gaps += 1;
        }
        self.catch_up = false;
        self.open = Some(OpenRequest { next: self.next });
        self.pending.begin_read();
        Some(if is_read { LogRequest::Page { from: self.next, limit: self.config.page_limit } } else { LogRequest::Head })
    }

    /// When to call [`OffsetSequencer::poll`] again. `None` while a request is open.
    pub fn due(&self) -> Option<Instant> {
        if self.open.is_some() {
            return None;
        }
        if let Some(pause) = self.retry.pause() {
            return Some(self.asked_at + pause);
        }
        if self.catch_up {
            return Some(self.asked_at);
        }
        if self.bus == BusState::Lost {
            return Some(self.asked_at + self.config.poll_interval);
        }
        let regular = self.asked_at + self.config.head_interval;
        Some(self.missing_since.map_or(regular, |since| regular.min(since + self.config.gap_timeout)))
    }

    /// Takes a page of the log.
    pub fn page_read(&mut self, page: LogPage, now: Instant) {
        let Some(open) = self.end_request(now) else { return };
        self.retry.succeed();
        let is_full = page.is_full;
        for event in page.events {
            // Events that arrived during the read may have been delivered.
            if event.first() >= self.next {
                self.stats.read_from_log += 1;
                self.deliver(event);
            }
        }
        // Offsets without a row were deleted.
        self.next = self.next.max(page.complete_through.saturating_add(1));
        self.advance();
        if is_full {
            self.catch_up = true;
        } else {
            self.check_head(page.complete_through, open);
        }
        self.note_missing(now);
    }

    /// Takes the head of the log.
    pub fn head_read(&mut self, head: u64, now: Instant) {
        let Some(open) = self.end_request(now) else { return };
        self.retry.succeed();
        self.check_head(head, open);
        self.note_missing(now);
    }

    /// The log could not be read. The next request follows after a pause.
    pub fn read_failed(&mut self, now: Instant) {
        if self.end_request(now).is_some() {
            self.stats.failed_reads += 1;
            self.catch_up = true;
            self.retry.fail();
        }
    }

    /// The head of the log, if it is smaller than an offset that was delivered before it was asked. Then the database has lost commits.
    pub fn take_went_back(&mut self) -> Option<LogWentBack> {
        self.went_back.take()
    }

    fn end_request(&mut self, now: Instant) -> Option<OpenRequest> {
        let open = self.open.take()?;
        self.asked_at = now;
        Some(open)
    }

    /// Compares the head of the log with what is known. Every commit is in the log before it is published, so the log contains every offset that arrived
    /// before the read began.
    fn check_head(&mut self, head: u64, open: OpenRequest) {
        if head.saturating_add(1) < open.next {
            self.went_back = Some(LogWentBack { head, delivered: open.next - 1 });
        }
        self.stats.rejected += self.pending.reject_older_beyond(head);
        let known = self.next.saturating_sub(1);
        self.head = known.max(head).max(self.pending.last().unwrap_or(0));
    }

    fn deliver(&mut self, event: EventFrame) {
        self.next = event.last().saturating_add(1);
        self.stats.delivered += 1;
        self.ready.push_back(event);
    }

    /// Delivers the waiting events that are next.
    fn advance(&mut self) {
        while let Some(event) = self.pending.take_up_to(self.next) {
            if event.first() == self.next {
                self.deliver(event);
            } else if event.last() < self.next {
                self.stats.duplicates += 1;
            } else {
                self.stats.rejected += 1;
            }
        }
        self.missing_since = None;
    }

    /// Begins to wait for the next offset if a later one exists.
    fn note_missing(&mut self, now: Instant) {
        if self.head >= self.next {
            self.missing_since.get_or_insert(now);
        } else {
            self.missing_since = None;
        }
    }
}

#[cfg(test)]
mod tests;
