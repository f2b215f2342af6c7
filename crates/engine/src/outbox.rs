//! The messages that wait to be written to one connection, in order. Their bytes are counted, and [`crate::Config::outbox_limit`] bounds
//! them.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::rc::Rc;

use crate::message::ConflationKey;

/// Whole WebSocket frames, shared by all outboxes of this shard that contain them. Not atomic: a shard is one thread.
pub(crate) type Frames = Rc<[u8]>;

/// The messages that wait after the first one.
#[derive(Default)]
pub(crate) struct Queue {
    /// A superseded message is empty, and is skipped; see [`Outbox::push_superseding`].
    waiting: VecDeque<Frames>,
    /// The number of empty messages.
    superseded: usize,
    /// The number of messages that were taken out since the queue was empty: a message keeps its number while it waits.
    taken: u64,
    /// The newest message of each key; it may have been sent since.
    newest: HashMap<ConflationKey, Newest>,
}

/// The newest message of a key.
#[derive(Clone, Copy)]
struct Newest {
    /// Its number in the queue.
    message: u64,
    /// The number of its broadcast; 0 if it has none.
    broadcast: u64,
}

impl Queue {
    fn pop(&mut self) -> Option<Frames> {
        loop {
            let next = self.waiting.pop_front()?;
            self.taken += 1;
            if !next.is_empty() {
                return Some(next);
            }
            self.superseded -= 1;
        }
    }

    /// The message of this key, if it still waits.
    fn of_key(&mut self, key: ConflationKey) -> Option<&mut Frames> {
        let index = self.newest.get(&key)?.message.checked_sub(self.taken)?;
        self.waiting.get_mut(index as usize)
    }

    fn push_of_key(&mut self, key: ConflationKey, broadcast: u64, frames: Frames) {
        // Numbers of messages that have been sent are removed before they outnumber the waiting messages.
        if self.newest.len() > 2 * self.waiting.len() + 16 {
            self.newest.retain(|_, newest| newest.message >= self.taken);
        }
        self.newest.insert(key, Newest { message: self.taken + self.waiting.len() as u64, broadcast });
        self.waiting.push_back(frames);
    }

    /// Removes the superseded messages when they are more than half of the waiting ones.
    fn compact(&mut self) {
        if self.superseded <= self.waiting.len() / 2 {
            return;
        }
        let mut numbers = Vec::with_capacity(self.waiting.len());
        let mut left = self.taken;
        for frames in &self.waiting {
            numbers.push(left);
            left += u64::from(!frames.is_empty());
        }
        let taken = self.taken;
        self.newest.retain(|_, newest| match newest.message.checked_sub(taken).and_then(|at| numbers.get(at as usize)) {
            Some(new) => {
                newest.message = *new;
                true
            }
            None => false,
        });
        self.waiting.retain(|frames| !frames.is_empty());
        self.superseded = 0;
    }

    fn clear(&mut self) {
        self.superseded = 0;
        self.waiting.clear();
        self.taken = 0;
        self.newest = HashMap::new();
    }
}

/// The number of queues that a shard keeps for reuse.
const MAX_SPARE_QUEUES: usize = 1024;

/// The queue of one connection. Most contain at most one message, which needs no memory of its own.
#[derive(Default)]
pub(crate) struct Outbox {
    first: Option<Frames>,
    rest: Option<Box<Queue>>,
    /// The number of bytes of `first` that are written already.
    written: usize,
    bytes: usize,
}

/// Emptied queues, which are reused so that a burst does not allocate each time while an idle connection holds no memory.
#[derive(Default)]
pub(crate) struct SpareQueues(#[expect(clippy::vec_box, reason = "the boxes themselves are what is reused")] Vec<Box<Queue>>);

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether more than one message waits.
    pub fn has_several(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| !rest.waiting.is_empty())
    }

    /// The number of bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memory of the outbox in bytes. A message that waits in several outboxes of the shard is divided among them.
    pub fn memory_bytes(&self) -> usize {
        let rest = self.rest.iter().flat_map(|rest| &rest.waiting);
        self.first.iter().chain(rest).map(|frames| frames.len() / Rc::strong_count(frames) + size_of::<Frames>()).sum()
    }

    pub fn push(&mut self, frames: Frames, spare: &mut SpareQueues) {
        self.bytes += frames.len();
        if self.first.is_none() {
            self.first = Some(frames);
        } else {
            self.rest.get_or_insert_with(|| spare.0.pop().unwrap_or_default()).waiting.push_back(frames);
        }
    }

    /// Whether a message with a key may wait. A newer message of the same key must not be pushed behind it without its key: the next message of the
    /// key would replace the older one, in front of the newer one.
    pub fn has_keys(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| !rest.newest.is_empty())
    }

    /// Puts a message with a key into the outbox, because only the newest version of such a message matters: it replaces an older message
    /// of its key that still waits. True if there was one.
    pub fn push_newest(&mut self, key: ConflationKey, frames: Frames, spare: &mut SpareQueues) -> bool {
        // The first message may be half written, so no message replaces it.
        if self.first.is_none() {
            self.push(frames, spare);
            return false;
        }
        self.bytes += frames.len();
        let rest = self.rest.get_or_insert_with(|| spare.0.pop().unwrap_or_default());
        let Some(older) = rest.of_key(key) else {
            rest.push_of_key(key, 0, frames);
            return false;
        };
        self.bytes -= older.len();
        *older = frames;
        true
    }

    /// Puts a message of the broadcast with this number behind all others, because it has a position, and drops an older message of its key that still
    /// waits. Returns the number of the broadcast of the older one, if there was one.
    pub fn push_superseding(&mut self, key: ConflationKey, number: u64, frames: Frames, spare: &mut SpareQueues) -> Option<u64> {
        if self.first.is_none() {
            self.push(frames, spare);
            return None;
        }
        self.bytes += frames.len();
        let rest = self.rest.get_or_insert_with(|| spare.0.pop().unwrap_or_default());
        let older_number = rest.newest.get(&key).map(|newest| newest.broadcast);
        let older = rest.of_key(key).map(std::mem::take).filter(|older| !older.is_empty());
        rest.push_of_key(key, number, frames);
        let older = older?;
        self.bytes -= older.len();
        rest.superseded += 1;
        rest.compact();
        older_number
    }

    /// Drops the waiting messages, except one that is partly written: it has to be completed before any other message can be sent.
    pub fn drop_unstarted(&mut self, spare: &mut SpareQueues) {
        let started = self.first.take().filter(|_| self.written > 0);
        let written = self.written;
        self.clear(spare);
        if let Some(started) = started {
            self.bytes = started.len() - written;
            self.written = written;
            self.first = Some(started);
        }
    }

    /// The bytes to write next, and whether more messages wait after them.
    pub fn front(&self) -> Option<(&[u8], bool)> {
        let first = self.first.as_ref()?;
        Some((&first[self.written..], self.rest.as_ref().is_some_and(|rest| !rest.waiting.is_empty())))
    }

    /// The first waiting slices, as many as fit.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let Some(first) = &self.first else { return 0 };
        slices[0] = IoSlice::new(&first[self.written..]);
        let rest = self.rest.iter().flat_map(|rest| &rest.waiting).filter(|frames| !frames.is_empty());
        1 + slices[1..].iter_mut().zip(rest).map(|(slot, frames)| *slot = IoSlice::new(frames)).count()
    }

    /// Removes the bytes that were written.
    pub fn advance(&mut self, mut written: usize, spare: &mut SpareQueues) {
        self.bytes -= written;
        while let Some(first) = &self.first {
            let left = first.len() - self.written;
            if written < left {
                self.written += written;
                return;
            }
            written -= left;
            self.written = 0;
            self.first = self.rest.as_mut().and_then(|rest| rest.pop());
        }
        self.release(spare);
    }

    /// Takes the next whole message (for long-polling, which never writes a part of one).
    pub fn pop(&mut self, spare: &mut SpareQueues) -> Option<Frames> {
        let next = self.first.take()?;
        self.bytes -= next.len() - self.written;
        self.written = 0;
        self.first = self.rest.as_mut().and_then(|rest| rest.pop());
        if self.first.is_none() {
            self.release(spare);
        }
        Some(next)
    }

    /// Drops all waiting messages.
    pub fn clear(&mut self, spare: &mut SpareQueues) {
        self.first = None;
        self.written = 0;
        self.bytes = 0;
        self.release(spare);
    }

    fn release(&mut self, spare: &mut SpareQueues) {
        let Some(mut rest) = self.rest.take() else { return };
        rest.clear();
        if spare.0.len() < MAX_SPARE_QUEUES && rest.waiting.capacity() <= 256 {
            spare.0.push(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &mut Outbox, spare: &mut SpareQueues, at_most: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 3];
        let count = outbox.slices(&mut slices);
        let mut bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
        bytes.truncate(at_most);
        outbox.advance(bytes.len(), spare);
        bytes
    }

    #[test]
    fn bytes_leave_in_order_in_writes_of_any_size() {
        for take in 1..12 {
            let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
            for text in ["ab", "cde", "f", "ghij"] {
                outbox.push(Rc::from(text.as_bytes()), &mut spare);
            }
            let mut all = Vec::new();
            while !outbox.is_empty() {
                all.extend(drain(&mut outbox, &mut spare, take));
                assert_eq!(outbox.bytes(), 10 - all.len());
            }
            assert_eq!(all, b"abcdefghij", "taking {take} at a time");
            assert!(outbox.rest.is_none(), "an empty outbox holds no memory");
        }
    }

    #[test]
    fn newest_message_of_a_key_replaces_a_waiting_one() {
        let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
        let push = |outbox: &mut Outbox, key: Option<ConflationKey>, text: &str| match key {
            Some(key) => outbox.push_newest(key, Rc::from(text.as_bytes()), &mut SpareQueues::default()),
            None => {
                outbox.push(Rc::from(text.as_bytes()), &mut SpareQueues::default());
                false
            }
        };
        assert!(!push(&mut outbox, Some(1), "first"));
        assert!(!push(&mut outbox, Some(1), "a1"), "the first may be half written");
        assert!(!push(&mut outbox, Some(2), "b1"));
        push(&mut outbox, None, "fact");
        assert!(push(&mut outbox, Some(1), "a-two"));
        assert!(push(&mut outbox, Some(2), "b"));
        assert_eq!(outbox.bytes(), "firsta-twobfact".len());
        assert_eq!(drain(&mut outbox, &mut spare, 7), b"firsta-");
        assert!(!push(&mut outbox, Some(1), "a3"), "the older one is being written");
        assert!(push(&mut outbox, Some(1), "a4"));
        let mut all = Vec::new();
        while !outbox.is_empty() {
            all.extend(drain(&mut outbox, &mut spare, 3));
        }
        assert_eq!(all, b"twobfacta4");
        assert_eq!(outbox.bytes(), 0);
        assert!(outbox.rest.is_none(), "an empty outbox holds no memory");
    }

    #[test]
    fn superseding_message_goes_last_and_drops_the_older_one() {
        let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
        let push = |outbox: &mut Outbox, spare: &mut SpareQueues, key: Option<ConflationKey>, text: &str| match key {
            Some(key) => outbox.push_superseding(key, 0, Rc::from(text.as_bytes()), spare).is_some(),
            None => {
                outbox.push(Rc::from(text.as_bytes()), spare);
                false
            }
        };
        assert!(!push(&mut outbox, &mut spare, Some(1), "first"));
        assert!(!push(&mut outbox, &mut spare, Some(1), "a1"), "the first may be half written");
        assert!(!push(&mut outbox, &mut spare, Some(2), "b1"));
        push(&mut outbox, &mut spare, None, "fact");
        assert!(push(&mut outbox, &mut spare, Some(1), "a2"));
        for number in 2..1_000 {
            assert!(push(&mut outbox, &mut spare, Some(2), &format!("b{number:03}")));
            assert!(outbox.rest.as_ref().is_some_and(|rest| rest.waiting.len() <= 8), "superseded messages take no memory");
        }
        assert_eq!(outbox.bytes(), "firstfacta2b999".len());
        let mut all = Vec::new();
        while !outbox.is_empty() {
            all.extend(drain(&mut outbox, &mut spare, 3));
        }
        assert_eq!(String::from_utf8_lossy(&all), "firstfacta2b999");
        assert_eq!(outbox.bytes(), 0);
    }

    #[test]
    fn outbox_remembers_only_keys_of_waiting_messages() {
        let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
        outbox.push(Rc::from(&b"first"[..]), &mut spare);
        for key in 0..10_000 {
            outbox.push_newest(key, Rc::from(&b"signal"[..]), &mut spare);
            outbox.push(Rc::from(&b"fact"[..]), &mut spare);
            let bytes = outbox.bytes();
            outbox.pop(&mut spare);
            outbox.pop(&mut spare);
            assert!(outbox.bytes() < bytes);
        }
        assert!(outbox.rest.is_none_or(|rest| rest.newest.len() <= 18));
    }

    #[test]
    fn partly_written_message_survives_a_drop_of_the_rest() {
        for (written, left) in [(0, &b""[..]), (1, b"b")] {
            let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
            for text in ["ab", "cd"] {
                outbox.push(Rc::from(text.as_bytes()), &mut spare);
            }
            outbox.advance(written, &mut spare);
            outbox.drop_unstarted(&mut spare);
            assert_eq!(outbox.bytes(), left.len());
            assert_eq!(drain(&mut outbox, &mut spare, 9), left);
        }
    }

    #[test]
    fn whole_messages_leave_in_order() {
        let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
        for text in ["ab", "cde"] {
            outbox.push(Rc::from(text.as_bytes()), &mut spare);
        }
        assert_eq!(outbox.pop(&mut spare).as_deref(), Some(&b"ab"[..]));
        assert_eq!(outbox.bytes(), 3);
        assert_eq!(outbox.pop(&mut spare).as_deref(), Some(&b"cde"[..]));
        assert_eq!(outbox.pop(&mut spare), None);
        assert_eq!(outbox.bytes(), 0);
    }
}
