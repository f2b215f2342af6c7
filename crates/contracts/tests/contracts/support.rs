//! The objects of the tests, and how requests and messages are shown.

use contracts::{ClientAction, ClientMessage, Contract, Outcome, Reply, RequestInfo};
use domain::chat::{Message, MessageWithReadState};
use domain::error::DomainError;
use domain::event::{Account, Event, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::notifications::Notification;
use domain::spaces::{Member, Role, Space};
use domain::tasks::Task;
use domain::trips::TripDetails;
use domain::users::User;
use engine::OutboundMessage;
use serde_json::Value;
use wire::socketio::{Packet, json as packets};

/// 2025-11-13T12:00:00.123456Z
pub const NOW: Timestamp = Timestamp(1_763_035_200_123_456);
pub const MILLISECONDS: &str = "2025-11-13T12:00:00.123Z";
pub const MICROSECONDS: &str = "2025-11-13T12:00:00.123456Z";

pub fn alice() -> User {
    User {
        id: UserId::new("7"),
        name: "Alice".into(),
        username: "alice".into(),
        email: Some("alice@example.com".into()),
        avatar_url: Some("https://example.com/a.png".into()),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub fn bob() -> User {
    User::unseen(UserId::new("bob"), NOW)
}

pub fn space(room: RoomId) -> Space {
    Space {
        room,
        name: "Home".into(),
        parent: None,
        invite_code: Some("ABCD2345".into()),
        created_by: UserId::new("7"),
        created_at: NOW,
        updated_at: NOW,
        archived_at: None,
        member_count: 100_000,
        members: vec![
            Member { user: alice(), role: Role::Admin, joined_at: NOW },
            Member { user: bob(), role: Role::Member, joined_at: NOW },
        ],
    }
}

pub fn task(room: RoomId) -> Task {
    Task {
        id: 1_112_000_000_000_001,
        room,
        title: "Dishes".into(),
        description: None,
        category: Some("kitchen".into()),
        due_date: Some("2025-12-31".into()),
        completed: true,
        completed_at: Some(NOW),
        assigned_to: vec![bob()],
        progress: None,
        created_by: alice(),
        created_at: NOW,
        updated_at: NOW,
    }
}

pub fn message(room: RoomId, metadata: Option<Value>) -> Message {
    Message {
        id: 1_112_000_000_000_002,
        room,
        sender: alice(),
        content: "Hello \"everyone\"\n".into(),
        sort: None,
        file_url: None,
        metadata,
        client_id: None,
        created_at: NOW,
        edited_at: None,
    }
}

pub fn persisted(room: RoomId, event: Event) -> PersistedEvent {
    PersistedEvent { offset: 1, room, seq: 1, at: NOW, event, body: String::new(), account: Account::default() }
}

pub fn with(mut object: Value, more: Value) -> Value {
    let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) else { unreachable!("both are objects") };
    fields.extend(more);
    object
}

/// Each event's name and its one argument.
pub fn events(said: &[OutboundMessage]) -> Vec<(&str, Value)> {
    let events = said.iter().map(|message| {
        let OutboundMessage::Event { name, args, attachments, .. } = message else { panic!("{message:?} is no event") };
        assert!(attachments.is_empty());
        (&**name, serde_json::from_str(args).unwrap())
    });
    events.collect()
}

/// What a request comes to, as text.
pub fn asked(contract: &dyn Contract, heard: &ClientMessage<'_>) -> String {
    let Some(request) = contract.parse(heard) else { return "unknown".into() };
    match request.action {
        Ok(ClientAction::Enter(room)) => format!("{} enter {room}", request.name),
        Ok(ClientAction::Move(room)) => format!("{} move to {room}", request.name),
        Ok(ClientAction::Leave(room)) => format!("{} leave {room}", request.name),
        Ok(ClientAction::Ping) => format!("{} ping", request.name),
        Ok(ClientAction::Typing(room)) => format!("{} typing in {room}", request.name),
        Ok(ClientAction::StopTyping(room)) => format!("{} stop typing in {room}", request.name),
        Ok(ClientAction::Statuses(users)) => {
            format!("{} statuses {}", request.name, users.iter().map(UserId::as_str).collect::<Vec<_>>().join(" "))
        }
        Ok(ClientAction::OnlineIn(room)) => format!("{} online in {room}", request.name),
        Ok(ClientAction::Refresh(token)) => format!("{} show {token}", request.name),
        Ok(ClientAction::Execute(_)) => format!("{} execute", request.name),
        Err(error) => format!("{} {}", error.code(), error),
    }
}

/// What an event comes to; `packet` is its JSON array.
pub fn asked_by_event(contract: &dyn Contract, packet: &str) -> String {
    let text = format!("2{packet}");
    let Ok(Packet::Event { event: Some(event), .. }) = packets::decode(&text) else { panic!("{packet} is no event") };
    asked(contract, &ClientMessage::Event { name: &event.name, args: &event.args })
}

pub fn answered(contract: &impl Contract, name: &str, result: Result<&Outcome, &DomainError>, acked: bool) -> Reply {
    contract.answer(&RequestInfo { name, acked, user: &UserId::new("7"), now: NOW }, result)
}

pub fn text(message: &OutboundMessage) -> Value {
    let OutboundMessage::Text(text) = message else { panic!("{message:?} is no text") };
    serde_json::from_str(text).unwrap()
}

pub fn notification(data: Option<Value>) -> Notification {
    Notification {
        id: 1_112_000_000_000_003,
        user: UserId::new("7"),
        kind: "order".into(),
        title: "Sent".into(),
        message: "On its way".into(),
        link: Some("/orders/7".into()),
        data,
        read: false,
        created_at: NOW,
    }
}

/// A space with alice alone.
pub fn space_of_alice(kind: RoomKind) -> Space {
    let space = space(kind.room(5));
    Space { members: space.members.into_iter().take(1).collect(), ..space }
}

/// The details of a trip in the events about spaces.
fn details() -> TripDetails {
    TripDetails { description: Some("By train".to_owned()), ..TripDetails::default() }
}

/// In the inbox of alice: bob has added her to a space.
pub fn added(kind: RoomKind) -> PersistedEvent {
    let last = Some(Box::new(MessageWithReadState { message: message(kind.room(5), None), read: true }));
    let event = Event::Added { space: space_of_alice(kind), by: Some(bob()), trip: Some(details()), last };
    persisted(RoomId::inbox(&alice().id), event)
}

/// In the inbox of alice: bob has removed her from a space.
pub fn removed(kind: RoomKind) -> PersistedEvent {
    persisted(RoomId::inbox(&alice().id), Event::Removed { space: kind.room(5), by: Some(bob()) })
}

/// In a new space: alice has created it.
pub fn created(kind: RoomKind) -> PersistedEvent {
    persisted(kind.room(5), Event::SpaceCreated { space: space_of_alice(kind), users: vec![], trip: Some(details()) })
}
