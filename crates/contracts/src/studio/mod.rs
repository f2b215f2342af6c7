//! The studio contract: chat rooms with messages, typing, calls and presence, over Socket.IO.

mod events;
pub mod objects;
pub mod payloads;
mod rate_limits;
mod requests;
mod rest;

use client_json::error_text::client_error_text;
use client_json::field_names::FieldNames;
use client_json::ids::IdOutput;
use client_json::json;
use client_json::timestamps::Milliseconds;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::ids::{RoomKind, Timestamp};
use engine::OutboundMessage;
use limits::rate_limit::RateLimitClass;
use rest_toolkit::api::RestApi;

use super::acknowledgements::{AckOk, ConstBool, ack_error};
use super::auth_refresh::EXPIRING;
use super::event_schema::{ClientEvent, ContractSchema, parse_event};
use super::shared_events::RESYNC;
use super::{ClientMessage, Contract, Outcome, ParsedRequest, Reply, RequestInfo};
use events::Error;
use objects::NewMessage;
use payloads::{
    CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited, Offline, Online, RoomAck, RoomAdded, RoomRemoved, StoppedTyping,
    UserInRoom,
};

/// The studio contract.
#[derive(Clone, Copy, Debug)]
pub struct StudioContract;

impl Contract for StudioContract {
    fn namespace(&self) -> Option<&'static str> {
        Some("/chat")
    }

    fn schema(&self) -> ContractSchema {
        ContractSchema {
            contract: "studio",
            about: "Chat rooms with messages, typing, calls and who is online.",
            namespace: self.namespace(),
            server_events: events::server_events().into_iter().chain([EXPIRING.schema(), RESYNC.schema()]).collect(),
            client_events: events::CLIENT_EVENTS.iter().map(ClientEvent::schema).collect(),
            close_codes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::ChatRoom]
    }

    fn room_field(&self) -> &'static str {
        "roomId"
    }

    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage> {
        if persisted.room.kind() == RoomKind::User {
            return in_inbox(persisted).into_iter().collect();
        }
        if persisted.room.kind() != RoomKind::ChatRoom {
            return Vec::new();
        }
        match &persisted.event {
            Event::SpaceCreated { space, .. } => vec![events::ROOM_ADDED.render(&RoomAdded::of(space, Some(&space.created_by)))],
            Event::MessageSent { message } => vec![events::MESSAGE_NEW.render(&NewMessage::of(message))],
            Event::MessageEdited { message } => vec![events::MESSAGE_EDITED.render(&MessageEdited::of(message))],
            Event::MessageDeleted { message, .. } => vec![events::MESSAGE_DELETED.render(&MessageDeleted::of(*message, &persisted.room))],
            Event::CallInitiated { call, .. } => vec![events::CALL_INITIATED.render(&CallInitiated::of(call))],
            Event::CallAnswered { call, by } => {
                vec![events::CALL_ANSWERED.render(&CallAnswered { call_id: call.id, answered_by: IdOutput(by.id.as_str()) })]
            }
            Event::CallEnded { call } => vec![events::CALL_ENDED.render(&CallEnded::of(call))],
            Event::MemberJoined { user, .. } => {
                vec![events::MEMBER_JOINED.render(&UserInRoom::of(&user.id, &persisted.room, persisted.at))]
            }
            Event::MemberLeft { user, .. } => vec![events::MEMBER_LEFT.render(&UserInRoom::of(user, &persisted.room, persisted.at))],
            _ => Vec::new(),
        }
    }

    fn ephemeral_event(&self, ephemeral: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        let timestamp = Milliseconds(now);
        Some(match ephemeral {
            EphemeralEvent::RoomJoined { room, user } => events::MEMBER_JOINED.render(&UserInRoom::of(&user.id, room, now)),
            // The persisted event has announced the end of a membership already, with the same message.
            EphemeralEvent::RoomLeft { removed: true, .. } => return None,
            EphemeralEvent::RoomLeft { room, user, .. } => events::MEMBER_LEFT.render(&UserInRoom::of(&user.id, room, now)),
            EphemeralEvent::Typing { room, user } => events::USER_TYPING.render(&UserInRoom::of(user, room, now)),
            EphemeralEvent::StoppedTyping { room, user } => {
                events::USER_STOP_TYPING.render(&StoppedTyping { user_id: IdOutput(user.as_str()), room_id: IdOutput(room.id()) })
            }
            EphemeralEvent::Online { user, connection } => {
                events::USER_ONLINE.render(&Online { user_id: IdOutput(user.as_str()), socket_id: connection, timestamp })
            }
            EphemeralEvent::Offline { user } => events::USER_OFFLINE.render(&Offline { user_id: IdOutput(user.as_str()), timestamp }),
            _ => return None,
        })
    }

    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest> {
        parse_event(events::CLIENT_EVENTS, message)
    }

    fn rate_limit_class(&self, request: &str) -> Option<RateLimitClass> {
        match request {
            "message:send" => Some(rate_limits::MESSAGES),
            "user:typing" => Some(rate_limits::TYPING),
            _ => None,
        }
    }

    fn rest_api(&self) -> Option<RestApi> {
        Some(rest::api())
    }

    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply {
        let (ack, messages) = match result {
            Err(error) => return error_reply(error, request.acked, self.field_names()),
            Ok(Outcome::Joined(room) | Outcome::Left(room)) => (json(&RoomAck { ok: ConstBool, room_id: IdOutput(room.id()) }), Vec::new()),
            Ok(Outcome::Moved { room, online }) => {
                let online = online.iter().map(|(user, connection)| {
                    let (user_id, timestamp) = (IdOutput(user.as_str()), Milliseconds(request.now));
                    events::USER_ONLINE.render(&Online { user_id, socket_id: connection, timestamp })
                });
                (json(&RoomAck { ok: ConstBool, room_id: IdOutput(room.id()) }), online.collect())
            }
            Ok(_) => (json(&AckOk::default()), Vec::new()),
        };
        Reply { ack: request.acked.then_some(ack), messages, close: None }
    }
}

/// The event in a user's inbox about a membership of that user.
fn in_inbox(persisted: &PersistedEvent) -> Option<OutboundMessage> {
    match &persisted.event {
        Event::Added { space, by, .. } if space.room.kind() == RoomKind::ChatRoom => {
            Some(events::ROOM_ADDED.render(&RoomAdded::of(space, by.as_ref().map(|by| &by.id))))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::ChatRoom => {
            Some(events::ROOM_REMOVED.render(&RoomRemoved::of(space, by.as_ref().map(|by| &by.id), persisted.at)))
        }
        _ => None,
    }
}

/// A refusal in the form of the contract's document: its text as the `error` event's one argument, or in the acknowledgement if the client
/// waits for one.
fn error_reply(error: &DomainError, acked: bool, fields: FieldNames) -> Reply {
    let text = match error {
        // An unknown and a forbidden room have the same answer, so that it does not reveal which rooms exist.
        DomainError::NotFound(object) if *object == RoomKind::ChatRoom.display_name() => "Not a member of this room".to_owned(),
        other => client_error_text(other, fields),
    };
    if acked {
        Reply { ack: Some(ack_error(text.into(), error, fields)), ..Reply::default() }
    } else {
        Reply { messages: vec![events::ERROR.render(&Error::Text(&text))], ..Reply::default() }
    }
}
