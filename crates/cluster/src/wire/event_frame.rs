//! An event on its way between nodes.

use std::any::Any;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::varint::{Reader, put_bytes, put_number, read_number};
use super::{DecodeError, MAX_OFFSETS};

/// An event with its offsets, its rooms and its body. The rooms stand in front of the body, so a node without connections in them need not decode it.
///
/// An event of this node, or one that was read from the log, also has the value that its body encodes; the value is not sent.
#[derive(Clone, Debug)]
pub struct EventFrame {
    first: u64,
    count: u32,
    /// The number of rooms, then each room behind its length; checked when the frame was made.
    rooms: Bytes,
    body: Bytes,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

/// Two frames are equal if they are sent as the same bytes.
impl PartialEq for EventFrame {
    fn eq(&self, other: &Self) -> bool {
        (self.first, self.count, &self.rooms, &self.body) == (other.first, other.count, &other.rooms, &other.body)
    }
}

impl Eq for EventFrame {}

impl EventFrame {
    /// An event with the offsets `first` to `first + count - 1`. `rooms`: those that receive it; an empty name stands for all connections. `body`: the
    /// event, as the sender and the receiver encode it.
    pub fn new<'a>(first: u64, count: u32, rooms: impl IntoIterator<Item = &'a str>, body: Bytes) -> Self {
        let (mut names, mut number) = (BytesMut::new(), 0);
        for room in rooms {
            put_bytes(&mut names, room.as_bytes());
            number += 1;
        }
        let mut all = BytesMut::with_capacity(names.len() + 1);
        put_number(&mut all, number);
        all.extend_from_slice(&names);
        Self { first, count: count.clamp(1, MAX_OFFSETS), rooms: all.freeze(), body, value: None }
    }

    /// The first of its offsets.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The last of its offsets.
    pub fn last(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count) - 1)
    }

    /// The rooms that receive it; an empty name stands for all connections.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        let (number, start) = read_number(&self.rooms).unwrap_or((0, 0));
        let mut at = start;
        (0..number).map_while(move |_| {
            let (length, prefix) = read_number(self.rooms.get(at..)?).ok()?;
            let start = at + prefix;
            at = start + usize::try_from(length).ok()?;
            std::str::from_utf8(self.rooms.get(start..at)?).ok()
        })
    }

    /// The event, as its sender encoded it.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same event with the value that its body encodes, so that this node need not decode the body.
    #[must_use]
    pub fn with_value(self, value: Arc<dyn Any + Send + Sync>) -> Self {
        Self { value: Some(value), ..self }
    }

    /// The value that the body encodes, if the frame has it.
    pub fn value(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.value.as_ref()
    }

    /// The approximate memory of the frame in bytes.
    pub fn size(&self) -> usize {
        self.rooms.len() + self.body.len() + size_of::<Self>()
    }

    /// Writes the frame behind the offset `after`, which is smaller than its first.
    pub(super) fn encode(&self, after: u64, buffer: &mut BytesMut) {
        put_number(buffer, self.first.saturating_sub(after));
        put_number(buffer, u64::from(self.count));
        put_bytes(buffer, &self.rooms);
        put_bytes(buffer, &self.body);
    }

    /// Reads a frame behind the offset `after`. The names of the rooms are checked here, so that [`EventFrame::rooms`] need not fail.
    pub(super) fn decode(after: u64, reader: &mut Reader) -> Result<Self, DecodeError> {
        let first = after.checked_add(reader.number()?).filter(|first| *first > after).ok_or(DecodeError::Malformed)?;
        let count = reader.number()?;
        if !(1..=u64::from(MAX_OFFSETS)).contains(&count) || first.checked_add(count).is_none() {
            return Err(DecodeError::Malformed);
        }
        let frame = Self { first, count: count as u32, rooms: reader.bytes()?, body: reader.bytes()?, value: None };
        frame.check_rooms()?;
        Ok(frame)
    }

    fn check_rooms(&self) -> Result<(), DecodeError> {
        let (number, mut at) = read_number(&self.rooms)?;
        for _ in 0..number {
            let rest = self.rooms.get(at..).ok_or(DecodeError::Malformed)?;
            let (length, prefix) = read_number(rest)?;
            let end = usize::try_from(length).ok().and_then(|length| length.checked_add(prefix)).ok_or(DecodeError::Malformed)?;
            let name = rest.get(prefix..end).ok_or(DecodeError::Malformed)?;
            std::str::from_utf8(name).map_err(|_| DecodeError::Malformed)?;
            at += end;
        }
        if at == self.rooms.len() { Ok(()) } else { Err(DecodeError::Malformed) }
    }
}

/// An ephemeral event on its way between nodes: it has no offset and may be lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EphemeralFrame {
    /// The event, as the sender and the receiver encode it.
    pub body: Bytes,
}
