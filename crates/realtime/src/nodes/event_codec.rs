//! Events as bytes, for other nodes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use cluster::wire::{EphemeralFrame, EventFrame};
use domain::event::{Account, EphemeralEvent, PersistedEvent};
use domain::ids::{RoomId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// The bytes in front of a persisted event's room: its number in the room, its time, its account, and the length of the room's name.
const HEADER_BYTES: usize = 8 + 8 + 8 + 2;

/// What a frame of the event stream has for the connections of this node.
#[derive(Clone, Debug)]
pub(super) enum FrameValue {
    /// The event.
    Event(Arc<PersistedEvent>),
    /// The log has an event that this version of the program cannot read. Clients that missed it must reload their data.
    Unreadable,
}

/// The frame of an event of this node, which has its body and its value.
pub(super) fn encode(persisted: Arc<PersistedEvent>) -> EventFrame {
    let room = persisted.room.as_str().as_bytes();
    let mut body = BytesMut::with_capacity(HEADER_BYTES + room.len() + persisted.body.len());
    body.put_i64(persisted.seq);
    body.put_i64(persisted.at.0);
    body.put_i64(persisted.account.0);
    body.put_u16(u16::try_from(room.len()).unwrap_or(u16::MAX));
    body.put_slice(room);
    body.put_slice(persisted.body.as_bytes());
    frame(persisted, body.freeze())
}

/// The frame of an event that was read from the log. It is not sent, so it has no body.
pub(super) fn from_log(persisted: PersistedEvent) -> EventFrame {
    frame(Arc::new(persisted), Bytes::new())
}

/// The frame of an event in the log that this version cannot read.
pub(super) fn unreadable(offset: u64) -> EventFrame {
    EventFrame::new(offset, 1, [], Bytes::new()).with_value(Arc::new(FrameValue::Unreadable))
}

fn frame(persisted: Arc<PersistedEvent>, body: Bytes) -> EventFrame {
    let (first, count) = (persisted.first_offset().unsigned_abs(), persisted.event.offsets());
    EventFrame::new(first, u32::try_from(count).unwrap_or(u32::MAX), [], body).with_value(Arc::new(FrameValue::Event(persisted)))
}

/// The event of a frame. A body that cannot be decoded comes from a node of a newer version.
pub(super) fn decode(frame: &EventFrame) -> FrameValue {
    match frame.value().and_then(|value| value.downcast_ref::<FrameValue>()) {
        Some(value) => value.clone(),
        None => decode_body(frame).map_or(FrameValue::Unreadable, |persisted| FrameValue::Event(Arc::new(persisted))),
    }
}

fn decode_body(frame: &EventFrame) -> Option<PersistedEvent> {
    let (header, rest) = frame.body().split_at_checked(HEADER_BYTES)?;
    let (numbers, length) = header.split_at(HEADER_BYTES - 2);
    let number = |index: usize| numbers.get(index * 8..index * 8 + 8)?.try_into().ok().map(i64::from_be_bytes);
    let (room, body) = rest.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))?;
    let body = std::str::from_utf8(body).ok()?;
    let persisted = PersistedEvent {
        offset: i64::try_from(frame.last()).ok()?,
        room: RoomId::parse(std::str::from_utf8(room).ok()?)?,
        seq: number(0)?,
        at: Timestamp(number(1)?),
        account: Account(number(2)?),
        event: serde_json::from_str(body).ok()?,
        body: body.to_owned(),
    };
    // A false number of offsets would be a gap in the history of this node.
    (persisted.first_offset().unsigned_abs() == frame.first()).then_some(persisted)
}

/// A message to the other nodes that is not stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum NodeMessage<'a> {
    /// An ephemeral event, for the connections.
    Event(Cow<'a, EphemeralEvent>),
    /// A client has resumed a session on the sending node. `id`: the id of its socket.
    SessionResumed { user: UserId, id: String },
}

/// The frame of a message; `None` if it cannot be encoded.
pub(super) fn encode_message(message: &NodeMessage<'_>) -> Option<EphemeralFrame> {
    let body =
        serde_json::to_vec(message).inspect_err(|error| tracing::error!(%error, "failed to encode a message to the other nodes")).ok()?;
    Some(EphemeralFrame { body: body.into() })
}

/// The message of a frame; `None` for one of a newer version.
pub(super) fn decode_message(frame: &EphemeralFrame) -> Option<NodeMessage<'static>> {
    serde_json::from_slice(&frame.body).ok()
}

#[cfg(test)]
mod tests {
    use cluster::wire::{Envelope, Message};
    use domain::event::Event;
    use domain::ids::RoomKind;

    use super::*;

    fn persisted() -> PersistedEvent {
        let event = Event::NotificationsRead;
        let body = serde_json::to_string(&event).unwrap();
        PersistedEvent { offset: 70, room: RoomKind::Channel.room(7), seq: 5, at: Timestamp(-3), event, body, account: Account(-9) }
    }

    fn sent(frame: EventFrame) -> EventFrame {
        let (id, incarnation) = (cluster::identity::NodeId::parse("a").unwrap(), cluster::identity::Incarnation(1));
        let bytes = cluster::wire::encode_events(&id, incarnation, &[frame]);
        match cluster::wire::decode(bytes).unwrap() {
            Envelope { message: Message::Events(mut events), .. } => events.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_node_decodes_the_same_event() {
        match decode(&sent(encode(Arc::new(persisted())))) {
            FrameValue::Event(decoded) => assert_eq!(*decoded, persisted()),
            FrameValue::Unreadable => panic!("the event is readable"),
        }
    }

    #[test]
    fn a_damaged_body_is_an_unreadable_event() {
        let whole = encode(Arc::new(persisted()));
        for length in 0..whole.body().len() {
            let cut = EventFrame::new(70, 1, [], whole.body().slice(..length));
            assert!(matches!(decode(&cut), FrameValue::Unreadable), "{length} bytes");
        }
        let false_count = EventFrame::new(70, 2, [], whole.body().clone());
        assert!(matches!(decode(&false_count), FrameValue::Unreadable));
    }

    #[test]
    fn another_node_decodes_the_same_message() {
        let (room, user) = (RoomKind::Channel.room(7), UserId::new("anna"));
        let typing = NodeMessage::Event(Cow::Owned(EphemeralEvent::Typing { room, user: user.clone() }));
        for message in [typing, NodeMessage::SessionResumed { user, id: "1".to_owned() }] {
            assert_eq!(encode_message(&message).and_then(|frame| decode_message(&frame)), Some(message));
        }
        assert_eq!(decode_message(&EphemeralFrame { body: Bytes::from_static(b"{\"OfTomorrow\":1}") }), None);
    }
}
