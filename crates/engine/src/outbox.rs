//! What waits to be written to one connection, in order. Its bytes are counted, and [`crate::Config::outbox_limit`] bounds them.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

/// Whole WebSocket frames, shared by everybody on this shard who is to get them. Not atomic: a shard is one thread.
pub(crate) type Frames = Rc<[u8]>;

type Queue = VecDeque<Frames>;

/// How many queues a shard keeps for reuse.
const SPARE: usize = 1024;

/// The queue of one connection. Most hold nothing or one message, which needs no memory of its own.
#[derive(Default)]
pub(crate) struct Outbox {
    first: Option<Frames>,
    rest: Option<Box<Queue>>,
    /// How much of `first` is written already.
    written: usize,
    bytes: usize,
}

/// Emptied queues, so that a burst does not pay for memory again and again while an idle connection holds none.
#[derive(Default)]
pub(crate) struct SpareQueues(#[expect(clippy::vec_box, reason = "the boxes themselves are what is reused")] Vec<Box<Queue>>);

impl Outbox {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn push(&mut self, frames: Frames, spare: &mut SpareQueues) {
        self.bytes += frames.len();
        if self.first.is_none() {
            self.first = Some(frames);
        } else {
            self.rest.get_or_insert_with(|| spare.0.pop().unwrap_or_default()).push_back(frames);
        }
    }

    /// What is to be written next, and whether more waits behind it.
    pub fn front(&self) -> Option<(&[u8], bool)> {
        let first = self.first.as_ref()?;
        Some((&first[self.written..], self.rest.as_ref().is_some_and(|rest| !rest.is_empty())))
    }

    /// The first waiting slices, as many as fit.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let Some(first) = &self.first else { return 0 };
        slices[0] = IoSlice::new(&first[self.written..]);
        let rest = self.rest.as_deref().into_iter().flatten();
        1 + slices[1..].iter_mut().zip(rest).map(|(slot, frames)| *slot = IoSlice::new(frames)).count()
    }

    /// Drops what was written.
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
            self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        }
        self.release(spare);
    }

    /// Takes the next whole message (for long-polling, which never writes a part of one).
    pub fn pop(&mut self, spare: &mut SpareQueues) -> Option<Frames> {
        let next = self.first.take()?;
        self.bytes -= next.len() - self.written;
        self.written = 0;
        self.first = self.rest.as_mut().and_then(|rest| rest.pop_front());
        if self.first.is_none() {
            self.release(spare);
        }
        Some(next)
    }

    /// Drops everything that waits.
    pub fn clear(&mut self, spare: &mut SpareQueues) {
        self.first = None;
        self.written = 0;
        self.bytes = 0;
        if let Some(rest) = &mut self.rest {
            rest.clear();
        }
        self.release(spare);
    }

    fn release(&mut self, spare: &mut SpareQueues) {
        let Some(rest) = self.rest.take() else { return };
        if spare.0.len() < SPARE && rest.capacity() <= 256 {
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
    fn bytes_leave_in_order_whatever_the_socket_takes() {
        for take in 1..12 {
            let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
            for word in ["ab", "cde", "f", "ghij"] {
                outbox.push(Rc::from(word.as_bytes()), &mut spare);
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
    fn whole_messages_leave_in_order() {
        let (mut outbox, mut spare) = (Outbox::default(), SpareQueues::default());
        for word in ["ab", "cde"] {
            outbox.push(Rc::from(word.as_bytes()), &mut spare);
        }
        assert_eq!(outbox.pop(&mut spare).as_deref(), Some(&b"ab"[..]));
        assert_eq!(outbox.bytes(), 3);
        assert_eq!(outbox.pop(&mut spare).as_deref(), Some(&b"cde"[..]));
        assert_eq!(outbox.pop(&mut spare), None);
        assert_eq!(outbox.bytes(), 0);
    }
}
