//! Bytes to messages. Any input is allowed: nothing panics, and the memory of the result is proportional to the input.

use bytes::Bytes;

use super::presence_entry::{ChangedEntry, PresenceChange, PresenceKey};
use super::varint::Reader;
use super::{DecodeError, Digest, Envelope, EphemeralFrame, EventFrame, MAGIC, MAX_MESSAGE, MAX_PARTS, Message, VERSION, kind};
use crate::identity::{Incarnation, NodeId};

/// Decodes a message. Bodies and values share the memory of `bytes`.
///
/// # Errors
/// Why the message must be skipped.
pub fn decode(bytes: Bytes) -> Result<Envelope, DecodeError> {
    if !bytes.starts_with(&MAGIC) {
        return Err(DecodeError::Foreign);
    }
    if bytes.len() > MAX_MESSAGE {
        return Err(DecodeError::Malformed);
    }
    let mut reader = Reader::new(bytes.slice(MAGIC.len()..));
    if reader.byte()? != VERSION {
        return Err(DecodeError::Version);
    }
    let kind = reader.byte()?;
    let node = node_id(&mut reader)?;
    let incarnation = Incarnation(reader.fixed()?);
    let message = message(kind, &mut reader)?;
    if reader.is_empty() { Ok(Envelope { node, incarnation, message }) } else { Err(DecodeError::Malformed) }
}

fn message(kind: u8, reader: &mut Reader) -> Result<Message, DecodeError> {
    Ok(match kind {
        kind::EVENTS => {
            let mut after = 0;
            Message::Events(list(reader, |reader| {
                let event = EventFrame::decode(after, reader)?;
                after = event.last();
                Ok(event)
            })?)
        }
        kind::EPHEMERAL => Message::Ephemeral(list(reader, |reader| Ok(EphemeralFrame { body: reader.bytes()? }))?),
        kind::HEARTBEAT => Message::Heartbeat,
        kind::PRESENCE_CHANGES => Message::PresenceChanges { counter: reader.number()?, changes: list(reader, change)? },
        kind::PRESENCE_DIGEST => {
            Message::PresenceDigest(Digest { counter: reader.number()?, entries: reader.number()?, hash: reader.fixed()? })
        }
        kind::PRESENCE_REQUEST => Message::PresenceRequest { of: node_id(reader)? },
        kind::PRESENCE_LIST => {
            let counter = reader.number()?;
            let (part, parts) = (small(reader)?, small(reader)?);
            if part >= parts || parts > MAX_PARTS {
                return Err(DecodeError::Malformed);
            }
            Message::PresenceList { counter, part, parts, entries: list(reader, entry)? }
        }
        kind::USAGE => Message::Usage(list(reader, |reader| Ok((reader.text()?, small(reader)?)))?),
        _ => return Err(DecodeError::Kind),
    })
}

/// Reads the number of items and then each of them. Items are allocated as they are read, because a false number may be large.
fn list<T>(reader: &mut Reader, mut item: impl FnMut(&mut Reader) -> Result<T, DecodeError>) -> Result<Vec<T>, DecodeError> {
    let count = reader.count()?;
    // The smallest item has one byte and takes much more memory, so the first allocation is limited.
    let mut items = Vec::with_capacity(count.min(1024).min(reader.remaining()));
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn change(reader: &mut Reader) -> Result<ChangedEntry, DecodeError> {
    match reader.byte()? {
        0 => entry(reader).map(|(key, value)| (key, PresenceChange::Set(value))),
        1 => Ok((PresenceKey::decode(reader)?, PresenceChange::Ended)),
        2 => Ok((PresenceKey::decode(reader)?, PresenceChange::Left)),
        _ => Err(DecodeError::Malformed),
    }
}

fn entry(reader: &mut Reader) -> Result<(PresenceKey, Bytes), DecodeError> {
    Ok((PresenceKey::decode(reader)?, reader.bytes()?))
}

fn node_id(reader: &mut Reader) -> Result<NodeId, DecodeError> {
    NodeId::parse(&reader.text()?).ok_or(DecodeError::Malformed)
}

fn small(reader: &mut Reader) -> Result<u32, DecodeError> {
    u32::try_from(reader.number()?).map_err(|_| DecodeError::Malformed)
}
