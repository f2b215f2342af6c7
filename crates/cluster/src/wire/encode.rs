//! Messages to bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::presence_entry::{ChangedEntry, PresenceChange, PresenceKey};
use super::varint::{put_bytes, put_number};
use super::{Envelope, EphemeralFrame, EventFrame, MAGIC, Message, VERSION, kind};
use crate::identity::{Incarnation, NodeId};

/// Encodes a message.
pub fn encode(envelope: &Envelope) -> Bytes {
    let mut buffer = BytesMut::with_capacity(256);
    let (node, incarnation) = (&envelope.node, envelope.incarnation);
    match &envelope.message {
        Message::Events(events) => return encode_events(node, incarnation, events),
        Message::Ephemeral(events) => {
            put_header(&mut buffer, node, incarnation, kind::EPHEMERAL);
            put_number(&mut buffer, events.len() as u64);
            events.iter().for_each(|EphemeralFrame { body }| put_bytes(&mut buffer, body));
        }
        Message::Heartbeat => put_header(&mut buffer, node, incarnation, kind::HEARTBEAT),
        Message::PresenceChanges { counter, changes } => {
            put_header(&mut buffer, node, incarnation, kind::PRESENCE_CHANGES);
            put_number(&mut buffer, *counter);
            put_number(&mut buffer, changes.len() as u64);
            changes.iter().for_each(|change| put_change(&mut buffer, change));
        }
        Message::PresenceDigest(digest) => {
            put_header(&mut buffer, node, incarnation, kind::PRESENCE_DIGEST);
            put_number(&mut buffer, digest.counter);
            put_number(&mut buffer, digest.entries);
            buffer.put_u64_le(digest.hash);
        }
        Message::PresenceRequest { of } => {
            put_header(&mut buffer, node, incarnation, kind::PRESENCE_REQUEST);
            put_bytes(&mut buffer, of.as_str().as_bytes());
        }
        Message::PresenceList { counter, part, parts, entries } => {
            put_header(&mut buffer, node, incarnation, kind::PRESENCE_LIST);
            for number in [*counter, u64::from(*part), u64::from(*parts), entries.len() as u64] {
                put_number(&mut buffer, number);
            }
            for (key, value) in entries {
                put_entry(&mut buffer, key, value);
            }
        }
        Message::Usage(charges) => {
            put_header(&mut buffer, node, incarnation, kind::USAGE);
            put_number(&mut buffer, charges.len() as u64);
            for (budget, amount) in charges {
                put_bytes(&mut buffer, budget.as_bytes());
                put_number(&mut buffer, u64::from(*amount));
            }
        }
    }
    buffer.freeze()
}

/// Encodes committed events, by ascending offset, without a copy of their list.
pub fn encode_events<'a, I>(node: &NodeId, incarnation: Incarnation, events: I) -> Bytes
where
    I: IntoIterator<Item = &'a EventFrame, IntoIter: ExactSizeIterator + Clone>,
{
    let events = events.into_iter();
    let size: usize = events.clone().map(EventFrame::size).sum();
    let mut buffer = BytesMut::with_capacity(size + 128);
    put_header(&mut buffer, node, incarnation, kind::EVENTS);
    put_number(&mut buffer, events.len() as u64);
    let mut after = 0;
    for event in events {
        event.encode(after, &mut buffer);
        after = event.last();
    }
    buffer.freeze()
}

fn put_header(buffer: &mut BytesMut, node: &NodeId, incarnation: Incarnation, kind: u8) {
    buffer.put_slice(&MAGIC);
    buffer.put_slice(&[VERSION, kind]);
    put_bytes(buffer, node.as_str().as_bytes());
    buffer.put_u64_le(incarnation.0);
}

fn put_change(buffer: &mut BytesMut, (key, change): &ChangedEntry) {
    match change {
        PresenceChange::Set(value) => {
            buffer.put_u8(0);
            put_entry(buffer, key, value);
        }
        PresenceChange::Ended => {
            buffer.put_u8(1);
            key.encode(buffer);
        }
        PresenceChange::Left => {
            buffer.put_u8(2);
            key.encode(buffer);
        }
    }
}

fn put_entry(buffer: &mut BytesMut, key: &PresenceKey, value: &Bytes) {
    key.encode(buffer);
    put_bytes(buffer, value);
}
