//! The bytes that a reader keeps on the heap between two reads.

use super::{Input, Limits, PayloadAt, check};
use crate::websocket::header::{Header, Start};
use crate::websocket::{Opcode, Violation};

/// The heap part of a reader. It does not exist while a connection is idle.
#[derive(Default, Debug)]
pub(super) struct ReadBuffer {
    /// Bytes as they were read: frames that were not requested yet, and possibly the beginning of another.
    pub raw: Vec<u8>,
    /// The number of bytes of `raw` that are used up. The bytes after them are still masked.
    used: usize,
    /// The message whose last fragment has not arrived yet.
    pub unfinished: Option<Unfinished>,
    /// The message that the last call lent out, if it was gathered or inflated.
    pub finished: Vec<u8>,
}

/// A message in fragments.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub opcode: Opcode,
    pub compressed: bool,
    pub fragments: u32,
    pub payload: Vec<u8>,
}

impl Unfinished {
    pub fn started_by(header: &Header) -> Self {
        Unfinished { opcode: header.opcode, compressed: header.compressed, fragments: 0, payload: Vec::new() }
    }
}

impl ReadBuffer {
    pub fn has_unread(&self) -> bool {
        self.used < self.raw.len()
    }

    pub fn bytes(&self) -> usize {
        let unfinished = self.unfinished.as_ref().map_or(0, |message| message.payload.capacity());
        self.raw.capacity() + unfinished + self.finished.capacity()
    }

    pub fn is_in_use(&self) -> bool {
        self.has_unread() || self.unfinished.is_some()
    }

    /// Frees the message that the last call lent out. True when the reader has no buffered bytes any more.
    pub fn release_used(&mut self) -> bool {
        self.finished = Vec::new();
        if !self.has_unread() {
            self.raw = Vec::new();
            self.used = 0;
        }
        !self.is_in_use()
    }

    /// Takes the next frame from `raw`, completed from `input`. At most that frame is taken from `input`, so that later frames need no
    /// copy.
    pub fn next_frame(&mut self, input: &mut Input<'_>, limits: &Limits) -> Result<Option<(Header, PayloadAt)>, Violation> {
        loop {
            let unread = &self.raw[self.used..];
            let needed = match Header::parse(unread)? {
                Start::Short(size) => size,
                Start::Whole(header) => {
                    check(&header, self.unfinished.as_ref(), limits)?;
                    let end = header.size.saturating_add(header.length);
                    if unread.len() >= end {
                        let start = self.used + header.size;
                        self.used += end;
                        return Ok(Some((header, PayloadAt::Raw(start..self.used))));
                    }
                    end
                }
            };
            if input.is_empty() {
                return Ok(None);
            }
            let missing = needed - unread.len();
            self.append(input.take(missing), missing);
        }
    }

    /// Appends bytes. The buffer grows by doubling, but not beyond the frame's end: an announced length alone allocates nothing.
    fn append(&mut self, bytes: &[u8], missing: usize) {
        self.raw.drain(..self.used);
        self.used = 0;
        if self.raw.capacity() - self.raw.len() < bytes.len() {
            self.raw.reserve_exact(missing.min(bytes.len().max(self.raw.len())));
        }
        self.raw.extend_from_slice(bytes);
    }
}
