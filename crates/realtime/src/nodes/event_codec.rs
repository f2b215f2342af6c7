//! Events as bytes, for other nodes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use cluster::wire::{EphemeralFrame, EventFrame};
use domain::event::{Account, EphemeralEvent, Event, EventKind, PersistedEvent};
use domain::ids::{RoomId, UserId};
use serde::{Deserialize, Serialize};

use crate::rendered_event::{self, EncodedEvent};

/// The bytes in front of an encoded event: its account, and the number of its kind.
const HEADER_BYTES: usize = 8 + 1;

/// What a frame of the event stream has for the connections of this node.
#[derive(Clone, Debug)]
pub(super) enum FrameValue {
    /// The event.
    Event(Arc<PersistedEvent>),
    /// An event that only has to be sent to its rooms. It is decoded when a connection receives it.
    Encoded(EncodedEvent),
    /// The log has an event that this version of the program cannot read. Clients that reconnect and missed it must reload their data.
    Unreadable,
    /// Events up to this offset were deleted from the log before this node could read them. All clients of the node must reload their data.
    Deleted,
}

/// The frame of an event of this node, which has its body and its value. It names its rooms if nodes only have to send it to them.
pub(super) fn encode(persisted: Arc<PersistedEvent>) -> EventFrame {
    let mut body = Vec::with_capacity(HEADER_BYTES + 18 + persisted.room.as_str().len() + persisted.body.len());
    body.extend_from_slice(&persisted.account.0.to_le_bytes());
    body.push(EventKind::from(&persisted.event) as u8);
    rendered_event::encode(&persisted, &mut body);
    let rooms = if is_only_sent(&persisted.event) { persisted.audience() } else { Vec::new() };
    frame(persisted, &rooms, body.into())
}

/// Whether an event has no effect on the connections besides that they receive it, and no newer event replaces it.
fn is_only_sent(event: &Event) -> bool {
    match event {
        Event::SpaceCreated { .. }
        | Event::SpaceUpdated { .. }
        | Event::SpaceDeleted { .. }
        | Event::MemberJoined { .. }
        | Event::MembershipClaimed { .. }
        | Event::MemberLeft { .. }
        | Event::ProfileUpdated { .. }
        | Event::CallInitiated { .. }
        | Event::CallEnded { .. }
        | Event::Emitted { .. }
        | Event::ConnectionsEnded { .. } => false,
        Event::Added { .. }
        | Event::CallAnswered { .. }
        | Event::InviteRefreshed { .. }
        | Event::MessageDeleted { .. }
        | Event::MessageEdited { .. }
        | Event::MessageSent { .. }
        | Event::MessagesRead { .. }
        | Event::NotificationCreated { .. }
        | Event::NotificationRead { .. }
        | Event::NotificationsRead
        | Event::Removed { .. }
        | Event::RoleChanged { .. }
        | Event::SpaceArchived { .. }
        | Event::TaskAssigned { .. }
        | Event::TaskCreated { .. }
        | Event::TaskDeleted { .. }
        | Event::TaskStatusChanged { .. }
        | Event::TaskToggled { .. }
        | Event::TaskUnassigned { .. }
        | Event::TaskUpdated { .. }
        | Event::TripUpdated { .. } => true,
    }
}

/// The frame of an event that was read from the log. It is not sent, so it has no body.
pub(super) fn from_log(persisted: PersistedEvent) -> EventFrame {
    frame(Arc::new(persisted), &[], Bytes::new())
}

/// The frame of an event in the log that this version cannot read.
pub(super) fn unreadable(offset: u64) -> EventFrame {
    EventFrame::new(offset, 1, [], Bytes::new()).with_value(Arc::new(FrameValue::Unreadable))
}

/// Whether a frame comes from [`unreadable`].
pub(super) fn is_unreadable(frame: &EventFrame) -> bool {
    matches!(frame.value().and_then(|value| value.downcast_ref()), Some(FrameValue::Unreadable))
}

/// The frame of deleted events up to an offset.
pub(super) fn deleted(offset: u64) -> EventFrame {
    EventFrame::new(offset, 1, [], Bytes::new()).with_value(Arc::new(FrameValue::Deleted))
}

fn frame(persisted: Arc<PersistedEvent>, rooms: &[RoomId], body: Bytes) -> EventFrame {
    let (first, count) = (persisted.first_offset().unsigned_abs(), persisted.event.offsets());
    let rooms = rooms.iter().map(RoomId::as_str);
    EventFrame::new(first, u32::try_from(count).unwrap_or(u32::MAX), rooms, body).with_value(Arc::new(FrameValue::Event(persisted)))
}

/// The event of a frame. A body that cannot be decoded comes from a node of a newer version.
pub(super) fn decode(frame: &EventFrame) -> FrameValue {
    match frame.value().and_then(|value| value.downcast_ref::<FrameValue>()) {
        Some(value) => value.clone(),
        None => decode_body(frame).unwrap_or(FrameValue::Unreadable),
    }
}

fn decode_body(frame: &EventFrame) -> Option<FrameValue> {
    let (header, _) = frame.body().split_at_checked(HEADER_BYTES)?;
    let (account, kind) = header.split_at(HEADER_BYTES - 1);
    let encoded = EncodedEvent {
        offset: i64::try_from(frame.last()).ok()?,
        kind: *kind.first()?,
        account: Account(i64::from_le_bytes(account.try_into().ok()?)),
        bytes: frame.body().slice(HEADER_BYTES..),
    };
    let has_one_offset = frame.first() == frame.last();
    if has_one_offset && usize::from(encoded.kind) < EventKind::COUNT && encoded.at().is_some() && frame.rooms().next().is_some() {
        return Some(FrameValue::Encoded(encoded));
    }
    let persisted = encoded.decode()?;
    // A false number of offsets would be a gap in the history of this node.
    (persisted.first_offset().unsigned_abs() == frame.first()).then(|| FrameValue::Event(Arc::new(persisted)))
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
    use domain::ids::{RoomKind, Timestamp};

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
            FrameValue::Encoded(encoded) => assert_eq!((encoded.at(), encoded.decode()), (Some(Timestamp(-3)), Some(persisted()))),
            other => panic!("the event is sent to its room: {other:?}"),
        }
        let event = Event::ConnectionsEnded { users: vec![UserId::new("anna")], connections: Vec::new(), reason: String::new() };
        let body = serde_json::to_string(&event).unwrap();
        let ended = PersistedEvent { event, body, ..persisted() };
        match decode(&sent(encode(Arc::new(ended.clone())))) {
            FrameValue::Event(decoded) => assert_eq!(*decoded, ended),
            other => panic!("the event has an effect: {other:?}"),
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
