//! The sequencer, shared by the threads that commit, the bus and the reader of the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::sequencer::{LogPage, LogRequest, LogWentBack, OffsetSequencer, SequencerConfig, SequencerStats};
use crate::wire::EventFrame;

/// Work that has its place in the order of events, such as the reply to a command.
pub type OrderedAction = Box<dyn FnOnce() + Send>;

/// Receives the events. It is called under the lock of the stream, so it must not call the stream, and must not block.
///
/// A function is a sink that takes each event by itself.
pub trait EventSink: Send + Sync {
    /// Called before some events and ordered actions, which follow each other without a pause.
    fn begin(&self) {}

    /// Takes the next event.
    fn event(&self, event: &EventFrame);

    /// Called after the last of these events and actions.
    fn end(&self) {}
}

impl<F: Fn(&EventFrame) + Send + Sync> EventSink for F {
    fn event(&self, event: &EventFrame) {
        self(event);
    }
}

/// Delivers every event once and in the order of the offsets, and runs ordered actions between them.
pub struct EventStream {
    state: Mutex<StreamState>,
    sink: Box<dyn EventSink>,
}

struct StreamState {
    sequencer: OffsetSequencer,
    /// The actions that wait for an offset, in the order in which they were added. Their number is bounded by the commands that the server executes at
    /// once, because each belongs to one.
    actions: BTreeMap<u64, Vec<OrderedAction>>,
    /// Whether no further event is delivered, because the node has stopped.
    is_closed: bool,
}

impl EventStream {
    /// A stream that delivers the offset `next` first, to `sink`.
    pub fn new(config: SequencerConfig, next: u64, now: Instant, sink: Box<dyn EventSink>) -> Self {
        let state = StreamState { sequencer: OffsetSequencer::new(config, next, now), actions: BTreeMap::new(), is_closed: false };
        Self { state: Mutex::new(state), sink }
    }

    /// Takes committed events, by ascending offset. Events that are next are delivered before this returns.
    pub fn offer(&self, events: impl IntoIterator<Item = EventFrame>, now: Instant) {
        self.with(|sequencer| events.into_iter().for_each(|event| sequencer.offer(event, now)));
    }

    /// Takes the events of a commit, as [`EventStream::offer`] does, and its actions, each with an offset. An action runs when all offsets up to its own
    /// are delivered, and before any later one; 0: at once. The actions of one offset run in their order.
    pub fn commit(
        &self,
        ordered: impl IntoIterator<Item = (u64, OrderedAction)>,
        events: impl IntoIterator<Item = EventFrame>,
        now: Instant,
    ) {
        let mut state = self.lock();
        if state.is_closed {
            return ordered.into_iter().for_each(|(_, action)| action());
        }
        for (offset, action) in ordered {
            state.actions.entry(offset).or_default().push(action);
        }
        self.change(&mut state, |sequencer| events.into_iter().for_each(|event| sequencer.offer(event, now)));
    }

    /// Learns that offsets up to `last` exist; see [`OffsetSequencer::learn`].
    pub fn learn(&self, last: u64, now: Instant) {
        self.with(|sequencer| sequencer.learn(last, now));
    }

    /// Delivers no further event. Waiting actions, and those of later commits, run at once: no connection receives events any more.
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        std::mem::take(&mut state.actions).into_values().flatten().for_each(|action| action());
    }

    /// The bus works again; see [`OffsetSequencer::bus_connected`].
    pub fn bus_connected(&self) {
        self.with(OffsetSequencer::bus_connected);
    }

    /// The bus does not work.
    pub fn bus_lost(&self) {
        self.with(OffsetSequencer::bus_lost);
    }

    /// The request to the log to execute now; see [`OffsetSequencer::poll`].
    pub fn poll(&self, now: Instant) -> Option<LogRequest> {
        self.with(|sequencer| sequencer.poll(now))
    }

    /// When to call [`EventStream::poll`] again.
    pub fn due(&self) -> Option<Instant> {
        self.with(|sequencer| sequencer.due())
    }

    /// Takes a page of the log, and delivers its events.
    pub fn page_read(&self, page: LogPage, now: Instant) {
        self.with(|sequencer| sequencer.page_read(page, now));
    }

    /// Takes the head of the log.
    pub fn head_read(&self, head: u64, now: Instant) {
        self.with(|sequencer| sequencer.head_read(head, now));
    }

    /// The log could not be read.
    pub fn read_failed(&self, now: Instant) {
        self.with(|sequencer| sequencer.read_failed(now));
    }

    /// Whether the database has lost commits; see [`OffsetSequencer::take_went_back`].
    pub fn take_went_back(&self) -> Option<LogWentBack> {
        self.with(OffsetSequencer::take_went_back)
    }

    /// What was counted so far.
    pub fn stats(&self) -> SequencerStats {
        self.with(|sequencer| sequencer.stats())
    }

    /// Changes the sequencer, and delivers what is next.
    fn with<T>(&self, change: impl FnOnce(&mut OffsetSequencer) -> T) -> T {
        self.change(&mut self.lock(), change)
    }

    fn change<T>(&self, state: &mut StreamState, change: impl FnOnce(&mut OffsetSequencer) -> T) -> T {
        let StreamState { sequencer, actions, is_closed } = state;
        let result = change(sequencer);
        if *is_closed {
            return result;
        }
        let next = sequencer.next();
        let mut ready = sequencer.take_ready().peekable();
        if ready.peek().is_none() && actions.first_key_value().is_none_or(|(offset, _)| *offset >= next) {
            return result;
        }
        self.sink.begin();
        for event in ready {
            run_actions_before(actions, event.first());
            self.sink.event(&event);
        }
        run_actions_before(actions, next);
        self.sink.end();
        result
    }

    fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the actions whose offsets are smaller than `next`.
fn run_actions_before(actions: &mut BTreeMap<u64, Vec<OrderedAction>>, next: u64) {
    while let Some(first) = actions.first_entry().filter(|first| *first.key() < next) {
        first.remove().into_iter().for_each(|action| action());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn actions_run_between_the_events_of_their_place() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let note = |order: &Arc<Mutex<Vec<String>>>, text: String| order.lock().unwrap().push(text);
        let sink = {
            let order = order.clone();
            Box::new(move |event: &EventFrame| note(&order, format!("event {}", event.first())))
        };
        let now = Instant::now();
        let stream = EventStream::new(SequencerConfig::default(), 1, now, sink);
        let event = |first, count| EventFrame::new(first, count, [], Bytes::new());
        let action = |offset: u64| {
            let order = order.clone();
            let action: OrderedAction = Box::new(move || note(&order, format!("after {offset}")));
            (offset, action)
        };
        stream.commit([3, 0, 2, 2].map(action), [event(3, 1), event(2, 1)], now);
        stream.offer([event(1, 1)], now);
        let expected = ["after 0", "event 1", "event 2", "after 2", "after 2", "event 3", "after 3"];
        assert_eq!(*order.lock().unwrap(), expected);
        assert!(stream.lock().actions.is_empty());
        stream.commit([action(9)], [], now);
        assert_eq!(order.lock().unwrap().len(), expected.len(), "it waits for the offset 9");
        stream.close();
        stream.commit([action(10)], [event(4, 1)], now);
        assert_eq!(order.lock().unwrap()[expected.len()..], ["after 9", "after 10"]);
    }
}
