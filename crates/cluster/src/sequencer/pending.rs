//! Events that wait for an earlier offset.

use std::collections::BTreeMap;

use crate::wire::EventFrame;

/// The events, by their first offset, with a bound on their number and bytes. Beyond the bound the events with the largest offsets are dropped.
#[derive(Debug)]
pub struct PendingEvents {
    events: BTreeMap<u64, PendingEvent>,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
    /// The number of the last read of the log.
    read: u64,
}

#[derive(Debug)]
struct PendingEvent {
    event: EventFrame,
    /// The last read of the log that had begun when the event arrived.
    read: u64,
}

impl PendingEvents {
    /// No events, with bounds.
    pub fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { events: BTreeMap::new(), bytes: 0, max_events, max_bytes, read: 0 }
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// The bytes of the events.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The largest offset.
    pub fn last(&self) -> Option<u64> {
        self.events.last_key_value().map(|(_, pending)| pending.event.last())
    }

    /// Adds an event; returns how many events were dropped. An event that waits already is replaced.
    pub fn insert(&mut self, event: EventFrame) -> u64 {
        self.bytes += event.size();
        if let Some(known) = self.events.insert(event.first(), PendingEvent { event, read: self.read }) {
            self.bytes -= known.event.size();
        }
        let mut dropped = 0;
        while (self.events.len() > self.max_events || self.bytes > self.max_bytes)
            && let Some((_, last)) = self.events.pop_last()
        {
            self.bytes -= last.event.size();
            dropped += 1;
        }
        dropped
    }

    /// Takes the first event if it begins at `offset` or before.
    pub fn take_up_to(&mut self, offset: u64) -> Option<EventFrame> {
        let first = self.events.first_entry().filter(|first| *first.key() <= offset)?;
        let event = first.remove().event;
        self.bytes -= event.size();
        Some(event)
    }

    /// A read of the log begins.
    pub fn begin_read(&mut self) {
        self.read += 1;
    }

    /// Removes the events beyond the head of the log that arrived before the last read began; returns how many.
    pub fn reject_older_beyond(&mut self, head: u64) -> u64 {
        let (before, read) = (self.events.len(), self.read);
        let bytes = &mut self.bytes;
        self.events.retain(|_, pending| {
            let keeps = pending.event.last() <= head || pending.read == read;
            if !keeps {
                *bytes -= pending.event.size();
            }
            keeps
        });
        (before - self.events.len()) as u64
    }
}
