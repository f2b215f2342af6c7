//! The messenger contract: conversations, and notifications that are the same on all of a person's devices, told over Socket.IO.

pub mod objects;
pub mod payloads;
mod requests;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, PersonId, Room, Timestamp};
use domain::refusal::Refusal;
use engine::Saying;
use serde_json::{Map, Value};

use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::{Message, Notification};
use payloads::{MessageDeleted, MessagesRead, Status, Typing};

/// A question that is answered with one status.
const GET_STATUS: &str = "user:get-status";
/// A question that is answered with a list of them.
const GET_STATUSES: &str = "users:get-status";
/// A question that is answered with a list of ids, also an empty one for whoever may not know.
const GET_ONLINE_USERS: &str = "conversation:get-online-users";

/// messenger's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Messenger;

impl Dialect for Messenger {
    fn namespace(&self) -> Option<&'static str> {
        Some("/messenger")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Conversation]
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        let said = match fact.room.kind() {
            Kind::Conversation => in_conversation(&fact.room, &fact.event),
            Kind::User => in_inbox(&fact.event),
            _ => None,
        };
        said.map(|(name, args)| Saying::event(name, args)).into_iter().collect()
    }

    fn signal(&self, signal: &Signal, _: Timestamp) -> Option<Saying> {
        let typing = |name, room: &Room, person: &PersonId| {
            (room.kind() == Kind::Conversation).then(|| Saying::event(name, json(&Typing::of(room, person))))
        };
        match signal {
            Signal::Online { person, .. } => Some(Saying::event("user:status-changed", json(&Status::of(person, true)))),
            Signal::Offline { person } => Some(Saying::event("user:status-changed", json(&Status::of(person, false)))),
            Signal::Typing { room, person } => typing("typing:start", room, person),
            Signal::StoppedTyping { room, person } => typing("typing:stop", room, person),
            _ => None,
        }
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        match heard {
            Heard::Event { name, args } => requests::understand(name, args),
            Heard::Text(_) => None,
        }
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let ack = match answer.result {
            // The contract knows no other answer to this question than a list; a fault of ours is still told.
            Err(Refusal::NotFound(_) | Refusal::Invalid { .. }) if answer.name == GET_ONLINE_USERS && answer.acked => "[]".to_owned(),
            Err(refusal) => return refused(answer.name, refusal, answer.acked),
            // Clients of this contract wait for no word but the acknowledgement.
            Ok(_) if !answer.acked => return Reply::default(),
            Ok(Outcome::Statuses(statuses)) => {
                let statuses: Vec<_> = statuses.iter().map(|(person, online)| Status::of(person, *online)).collect();
                match &statuses[..] {
                    [status] if answer.name == GET_STATUS => json(status),
                    statuses => json(&statuses),
                }
            }
            Ok(Outcome::Online(people)) => json(people),
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => {
                confirmed([("conversationId".to_owned(), room.id().into())].into_iter().collect())
            }
            Ok(Outcome::Changed(Value::Object(told))) => confirmed(told.clone()),
            Ok(_) => confirmed(Map::new()),
        };
        Reply { ack: Some(ack), ..Reply::default() }
    }
}

/// What is said of something that happened in a conversation: the event's name and its argument.
fn in_conversation(room: &Room, event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::MessageSent { message } => ("message:new", json(&Message::of(message, false))),
        Event::MessageDeleted { message, .. } => ("message:deleted", json(&MessageDeleted::of(room, *message))),
        Event::MessagesRead { .. } => ("messages:read", json(&MessagesRead::of(room, event)?)),
        _ => return None,
    })
}

/// The same of what a person is told, on all devices.
fn in_inbox(event: &Event) -> Option<(&'static str, String)> {
    Some(match event {
        Event::NotificationCreated { notification } => ("notification:new", json(&Notification::of(notification))),
        Event::NotificationRead { notification } => ("notification:read", json(&notification.to_string())),
        Event::NotificationsRead => ("notifications:read-all", String::new()),
        _ => return None,
    })
}

/// An acknowledgement that all is well, and what it tells besides.
fn confirmed(mut told: Map<String, Value>) -> String {
    told.insert("ok".into(), true.into());
    Value::Object(told).to_string()
}
