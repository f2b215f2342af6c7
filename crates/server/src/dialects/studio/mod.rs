//! The studio contract: chat rooms with messages, typing, calls and presence, over Socket.IO.

pub mod objects;
pub mod payloads;
mod requests;
mod words;

use domain::event::{Event, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, Timestamp};
use domain::error::DomainError;
use engine::OutboundMessage;
use serde_json::Value;

use super::answers::{Always, Done, RESYNC, refused_as};
use super::ids::NumberOrText;
use super::times::Milliseconds;
use super::tokens::EXPIRING;
use super::vocabulary::{ClientWord, Vocabulary, understood};
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, told};
use crate::limits::Spending;
use objects::NewMessage;
use payloads::{
    CallAnswered, CallEnded, CallInitiated, InRoom, MessageDeleted, MessageEdited, Offline, Online, PersonInRoom, RoomAdded, RoomRemoved,
    StoppedTyping,
};
use words::Error;

/// The studio contract.
#[derive(Clone, Copy, Debug)]
pub struct Studio;

impl Dialect for Studio {
    fn namespace(&self) -> Option<&'static str> {
        Some("/chat")
    }

    fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            contract: "studio",
            about: "Chat rooms with messages, typing, calls and who is online.",
            namespace: self.namespace(),
            says: words::said().into_iter().chain([EXPIRING.described(), RESYNC.described()]).collect(),
            understands: words::UNDERSTOOD.iter().map(ClientWord::described).collect(),
            closes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::ChatRoom]
    }

    fn room_field(&self) -> &'static str {
        "roomId"
    }

    fn fact(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        if fact.room.kind() == RoomKind::User {
            return in_inbox(fact).into_iter().collect();
        }
        if fact.room.kind() != RoomKind::ChatRoom {
            return Vec::new();
        }
        match &fact.event {
            Event::SpaceCreated { space, .. } => vec![words::ROOM_ADDED.say(&RoomAdded::of(space, Some(&space.created_by)))],
            Event::MessageSent { message } => vec![words::MESSAGE_NEW.say(&NewMessage::of(message))],
            Event::MessageEdited { message } => vec![words::MESSAGE_EDITED.say(&MessageEdited::of(message))],
            Event::MessageDeleted { message, .. } => vec![words::MESSAGE_DELETED.say(&MessageDeleted::of(*message, &fact.room))],
            Event::CallInitiated { call, .. } => vec![words::CALL_INITIATED.say(&CallInitiated::of(call))],
            Event::CallAnswered { call, by } => {
                vec![words::CALL_ANSWERED.say(&CallAnswered { call_id: call.id, answered_by: NumberOrText(by.id.as_str()) })]
            }
            Event::CallEnded { call } => vec![words::CALL_ENDED.say(&CallEnded::of(call))],
            Event::MemberJoined { person, .. } => vec![words::MEMBER_JOINED.say(&PersonInRoom::of(&person.id, &fact.room, fact.at))],
            Event::MemberLeft { person, .. } => vec![words::MEMBER_LEFT.say(&PersonInRoom::of(person, &fact.room, fact.at))],
            _ => Vec::new(),
        }
    }

    fn signal(&self, signal: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        let timestamp = Milliseconds(now);
        Some(match signal {
            EphemeralEvent::RoomJoined { room, person } => words::MEMBER_JOINED.say(&PersonInRoom::of(&person.id, room, now)),
            // The persisted event has announced the end of a membership already, with the same message.
            EphemeralEvent::RoomLeft { removed: true, .. } => return None,
            EphemeralEvent::RoomLeft { room, person, .. } => words::MEMBER_LEFT.say(&PersonInRoom::of(&person.id, room, now)),
            EphemeralEvent::Typing { room, person } => words::USER_TYPING.say(&PersonInRoom::of(person, room, now)),
            EphemeralEvent::StoppedTyping { room, person } => {
                words::USER_STOP_TYPING.say(&StoppedTyping { user_id: NumberOrText(person.as_str()), room_id: NumberOrText(room.id()) })
            }
            EphemeralEvent::Online { person, connection } => {
                words::USER_ONLINE.say(&Online { user_id: NumberOrText(person.as_str()), socket_id: connection, timestamp })
            }
            EphemeralEvent::Offline { person } => words::USER_OFFLINE.say(&Offline { user_id: NumberOrText(person.as_str()), timestamp }),
            _ => return None,
        })
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        understood(words::UNDERSTOOD, heard)
    }

    fn spends(&self, request: &str) -> Option<Spending> {
        match request {
            "message:send" => Some(Spending::StudioMessage),
            "user:typing" => Some(Spending::StudioTyping),
            _ => None,
        }
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let (ack, say) = match answer.result {
            Err(refusal) => return refused_here(refusal, answer.acked),
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => {
                (json(&InRoom { ok: Always, room_id: NumberOrText(room.id()) }), Vec::new())
            }
            Ok(Outcome::Moved { room, online }) => {
                let online = online.iter().map(|(person, connection)| {
                    let (user_id, timestamp) = (NumberOrText(person.as_str()), Milliseconds(answer.now));
                    words::USER_ONLINE.say(&Online { user_id, socket_id: connection, timestamp })
                });
                (json(&InRoom { ok: Always, room_id: NumberOrText(room.id()) }), online.collect())
            }
            Ok(Outcome::Changed(Value::String(ack))) => (ack.clone(), Vec::new()),
            Ok(Outcome::Changed(Value::Array(parts))) => match &parts[..] {
                [Value::String(ack), Value::String(name), Value::String(payload)] => {
                    let event = OutboundMessage::event(name.clone(), payload.clone()).ok();
                    (ack.clone(), if answer.acked && name == "message:new" { Vec::new() } else { event.into_iter().collect() })
                }
                _ => (json(&Done::default()), Vec::new()),
            },
            Ok(_) => (json(&Done::default()), Vec::new()),
        };
        Reply { ack: answer.acked.then_some(ack), say, close: None }
    }
}

/// The event in a user's inbox about a membership of that user.
fn in_inbox(fact: &PersistedEvent) -> Option<OutboundMessage> {
    match &fact.event {
        Event::Added { space, by, .. } if space.room.kind() == RoomKind::ChatRoom => {
            Some(words::ROOM_ADDED.say(&RoomAdded::of(space, by.as_ref().map(|by| &by.id))))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::ChatRoom => {
            Some(words::ROOM_REMOVED.say(&RoomRemoved::of(space, by.as_ref().map(|by| &by.id), fact.at)))
        }
        _ => None,
    }
}

/// A refusal in the form of the contract's document: its text as the `error` event's one argument, or in the acknowledgement if the client
/// waits for one.
fn refused_here(refusal: &DomainError, acked: bool) -> Reply {
    let text = match refusal {
        // An unknown and a forbidden room have the same answer, so that it does not reveal which rooms exist.
        DomainError::NotFound(noun) if *noun == RoomKind::ChatRoom.display_name() => "Not a member of this room".to_owned(),
        other => told(other),
    };
    if acked {
        Reply { ack: Some(refused_as(text.into(), refusal)), ..Reply::default() }
    } else {
        Reply { say: vec![words::ERROR.say(&Error::Text(&text))], ..Reply::default() }
    }
}
