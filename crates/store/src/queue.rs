//! A bounded queue between many producer threads and a few consumer threads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A queue of at most `bound` items. It never blocks a producer: see [`Rejected`].
///
/// Unlike a bounded channel of the standard library, the queue uses memory only for the items in it: tens of thousands of places are empty most of
/// the time.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    added: Condvar,
    bound: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    sleepers: usize,
    closed: bool,
    suspended: Option<Suspension<T>>,
}

/// Why a queue rejects items for a while, and which.
struct Suspension<T> {
    reason: Arc<str>,
    rejects: fn(&T) -> bool,
}

/// The reason why an item was rejected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Rejected {
    Full,
    Closed,
    /// Items are not served for a while, for this reason.
    Suspended(Arc<str>),
}

/// The result of waiting for items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Take {
    /// At least one item was moved.
    Some,
    /// The time has passed, and the queue is empty.
    Nothing,
    /// The queue is closed and empty: no item will follow.
    Closed,
}

impl<T> Queue<T> {
    pub(crate) fn new(bound: usize) -> Self {
        let state = State { waiting: VecDeque::new(), sleepers: 0, closed: false, suspended: None };
        Self { state: Mutex::new(state), added: Condvar::new(), bound }
    }

    /// Appends an item, or returns it with the reason.
    pub(crate) fn put(&self, item: T) -> Result<(), (Rejected, T)> {
        let mut state = self.lock();
        if state.closed {
            return Err((Rejected::Closed, item));
        }
        if state.waiting.len() >= self.bound {
            return Err((Rejected::Full, item));
        }
        if let Some(suspension) = state.suspended.as_ref().filter(|suspension| (suspension.rejects)(&item)) {
            return Err((Rejected::Suspended(Arc::clone(&suspension.reason)), item));
        }
        state.waiting.push_back(item);
        let wake = state.sleepers > 0;
        drop(state);
        if wake {
            self.added.notify_one();
        }
        Ok(())
    }

    /// Waits for an item and moves up to `most` items into `taken`. False when the queue is closed and empty: no item will follow.
    pub(crate) fn take(&self, most: usize, taken: &mut Vec<T>) -> bool {
        self.take_within(None, most, taken) == Take::Some
    }

    /// [`Queue::take`] that waits no longer than `time` if that is given.
    pub(crate) fn take_within(&self, time: Option<Duration>, most: usize, taken: &mut Vec<T>) -> Take {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return Take::Closed;
            }
            state.sleepers += 1;
            let over;
            (state, over) = match time {
                Some(time) => {
                    let (state, waited) = self.added.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner);
                    (state, waited.timed_out())
                }
                None => (self.added.wait(state).unwrap_or_else(PoisonError::into_inner), false),
            };
            state.sleepers -= 1;
            if over && state.waiting.is_empty() && !state.closed {
                return Take::Nothing;
            }
        }
        let count = most.min(state.waiting.len());
        taken.extend(state.waiting.drain(..count));
        // The memory of a burst is released after the burst.
        if state.waiting.is_empty() && state.waiting.capacity() > 4096 {
            state.waiting = VecDeque::new();
        }
        Take::Some
    }

    /// Rejects the items that `rejects` selects until [`Queue::resume`]: further ones for this reason, and those that wait by returning them.
    pub(crate) fn suspend(&self, reason: &str, rejects: fn(&T) -> bool) -> Vec<T> {
        let mut state = self.lock();
        state.suspended = Some(Suspension { reason: reason.into(), rejects });
        let (rejected, kept) = std::mem::take(&mut state.waiting).into_iter().partition(rejects);
        state.waiting = kept;
        Vec::from(rejected)
    }

    /// Ends [`Queue::suspend`].
    pub(crate) fn resume(&self) {
        self.lock().suspended = None;
    }

    /// Moves all waiting items into `taken`.
    pub(crate) fn take_waiting(&self, taken: &mut Vec<T>) {
        taken.extend(std::mem::take(&mut self.lock().waiting));
    }

    /// The number of waiting items.
    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Closes the queue: it rejects further items, and waiting items are still taken.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.added.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code under this lock panics in the middle of a change, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_taken_in_order_up_to_the_requested_number() {
        let queue = Queue::new(10);
        for number in 0..5 {
            queue.put(number).unwrap();
        }
        let mut taken = Vec::new();
        assert!(queue.take(3, &mut taken));
        assert_eq!(taken, [0, 1, 2]);
        assert!(queue.take(3, &mut taken));
        assert_eq!(taken, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn full_queue_returns_the_item() {
        let queue = Queue::new(1);
        queue.put("first").unwrap();
        assert_eq!(queue.put("second"), Err((Rejected::Full, "second")));
    }

    #[test]
    fn wait_with_a_time_limit_ends_without_items() {
        let queue = Queue::new(2);
        let mut taken = Vec::new();
        assert_eq!(queue.take_within(Some(Duration::ZERO), 9, &mut taken), Take::Nothing);
        queue.put(1).unwrap();
        assert_eq!(queue.take_within(Some(Duration::ZERO), 9, &mut taken), Take::Some);
        queue.close();
        assert_eq!(queue.take_within(Some(Duration::ZERO), 9, &mut taken), Take::Closed);
        assert_eq!(taken, [1]);
    }

    #[test]
    fn suspended_queue_returns_the_selected_items() {
        let queue = Queue::new(9);
        for number in 1..=4 {
            queue.put(number).unwrap();
        }
        let is_even = |number: &i32| number % 2 == 0;
        assert_eq!(queue.suspend("no answer", is_even), [2, 4]);
        assert_eq!(queue.put(6), Err((Rejected::Suspended("no answer".into()), 6)));
        queue.put(7).unwrap();
        queue.resume();
        queue.put(8).unwrap();
        let mut taken = Vec::new();
        assert!(queue.take(9, &mut taken));
        assert_eq!(taken, [1, 3, 7, 8]);
    }

    #[test]
    fn closed_queue_serves_waiting_items_and_rejects_new_ones() {
        let queue = Queue::new(2);
        queue.put(1).unwrap();
        queue.close();
        assert_eq!(queue.put(2), Err((Rejected::Closed, 2)));
        let mut taken = Vec::new();
        assert!(queue.take(9, &mut taken));
        assert!(!queue.take(9, &mut taken));
        assert_eq!(taken, [1]);
    }
}
