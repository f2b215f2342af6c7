//! The messenger contract: conversations, and notifications that are the same on all of a user's devices, over Socket.IO.

pub mod objects;
pub mod payloads;
mod requests;
pub mod backend_events;
mod events;

use domain::event::{Event, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, UserId, RoomId, Timestamp};
use engine::OutboundMessage;
use serde_json::Value;

use super::responses::{ConstBool, AckOk, ERROR, RESYNC};
use super::auth_refresh::EXPIRING;
use super::event_schema::{ClientEvent, ContractSchema, ServerEvent, parse_event};
use super::{AnswerContext, Contract, ClientMessage, Outcome, Reply, ParsedRequest, json, error_reply};
use crate::rate_limit::RateLimitClass;
use objects::{Message, Notification};
use payloads::{ConversationAdded, ConversationRemoved, ConversationAck, MessageDeleted, MessagesRead, Status, Typing};
use events::{GET_ONLINE_USERS, GET_STATUS};

/// The messenger contract.
#[derive(Clone, Copy, Debug)]
pub struct Messenger;

impl Contract for Messenger {
    fn namespace(&self) -> Option<&'static str> {
        Some("/messenger")
    }

    fn schema(&self) -> ContractSchema {
        ContractSchema {
            contract: "messenger",
            about: "Conversations, and notifications that are the same on all of a person's devices.",
            namespace: self.namespace(),
            server_events: events::server_events().into_iter().chain([ERROR.schema(), EXPIRING.schema(), RESYNC.schema()]).collect(),
            client_events: events::CLIENT_EVENTS.iter().map(ClientEvent::schema).collect(),
            close_codes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Conversation]
    }

    fn room_field(&self) -> &'static str {
        "conversationId"
    }

    fn persisted_event(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        let said = match fact.room.kind() {
            RoomKind::Conversation => in_conversation(&fact.room, &fact.event),
            RoomKind::User => in_inbox(&fact.event),
            _ => None,
        };
        said.into_iter().collect()
    }

    fn ephemeral_event(&self, signal: &EphemeralEvent, _: Timestamp) -> Option<OutboundMessage> {
        fn typing<'a>(word: &ServerEvent<Typing<'a>>, room: &'a RoomId, person: &'a UserId) -> Option<OutboundMessage> {
            (room.kind() == RoomKind::Conversation).then(|| word.render(&Typing::of(room, person)))
        }
        match signal {
            EphemeralEvent::Online { person, .. } => Some(events::USER_STATUS_CHANGED.render(&Status::of(person, true))),
            EphemeralEvent::Offline { person } => Some(events::USER_STATUS_CHANGED.render(&Status::of(person, false))),
            EphemeralEvent::Typing { room, person } => typing(&events::TYPING_START, room, person),
            EphemeralEvent::StoppedTyping { room, person } => typing(&events::TYPING_STOP, room, person),
            _ => None,
        }
    }

    fn parse(&self, heard: &ClientMessage<'_>) -> Option<ParsedRequest> {
        parse_event(events::CLIENT_EVENTS, heard)
    }

    fn rate_limit_class(&self, request: &str) -> Option<RateLimitClass> {
        (request == "typing:start").then_some(RateLimitClass::MessengerTyping)
    }

    fn answer(&self, answer: &AnswerContext<'_>) -> Reply {
        let ack = match answer.result {
            // In the contract, the answer to this request is always a list, and its clients rely on that.
            Err(_) if answer.name == GET_ONLINE_USERS && answer.acked => "[]".to_owned(),
            Err(refusal) => return error_reply(answer.name, refusal, answer.acked),
            // Clients of this contract wait for no other answer than the acknowledgement.
            Ok(_) if !answer.acked => return Reply::default(),
            Ok(Outcome::Statuses(statuses)) => {
                let statuses: Vec<_> = statuses.iter().map(|(person, online)| Status::of(person, *online)).collect();
                match &statuses[..] {
                    [status] if answer.name == GET_STATUS => json(status),
                    statuses => json(&statuses),
                }
            }
            Ok(Outcome::Online(people)) => json(people),
            Ok(Outcome::Joined(room) | Outcome::Left(room)) => json(&ConversationAck { ok: ConstBool, conversation_id: room.id() }),
            Ok(Outcome::Changed(Value::String(ack))) => ack.clone(),
            Ok(_) => json(&AckOk::default()),
        };
        Reply { ack: Some(ack), ..Reply::default() }
    }
}

/// The message about an event in a conversation.
fn in_conversation(room: &RoomId, event: &Event) -> Option<OutboundMessage> {
    Some(match event {
        Event::MessageSent { message } => events::MESSAGE_NEW.render(&Message::of(message, false)),
        Event::MessageDeleted { message, .. } => events::MESSAGE_DELETED.render(&MessageDeleted::of(room, *message)),
        Event::SpaceCreated { space, .. } => events::CONVERSATION_ADDED.render(&ConversationAdded::of(space, None, Some(&space.created_by))),
        Event::MessagesRead { .. } => events::MESSAGES_READ.render(&MessagesRead::of(room, event)?),
        _ => return None,
    })
}

/// The message about an event in a user's inbox, for all devices.
fn in_inbox(event: &Event) -> Option<OutboundMessage> {
    Some(match event {
        Event::Added { space, by, last, .. } if space.room.kind() == RoomKind::Conversation => {
            events::CONVERSATION_ADDED.render(&ConversationAdded::of(space, last.as_deref(), by.as_ref().map(|by| &by.id)))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::Conversation => {
            events::CONVERSATION_REMOVED.render(&ConversationRemoved::of(space, by.as_ref().map(|by| &by.id)))
        }
        Event::NotificationCreated { notification } => events::NOTIFICATION_NEW.render(&Notification::of(notification)),
        Event::NotificationRead { notification } => events::NOTIFICATION_READ.render(&notification.to_string()),
        Event::NotificationsRead => events::NOTIFICATIONS_READ_ALL.render(),
        _ => return None,
    })
}
