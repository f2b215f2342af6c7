//! The messenger contract: conversations, and notifications that are the same on all of a user's devices, over Socket.IO.

mod backend_events;
mod events;
pub mod objects;
pub mod payloads;
mod rate_limits;
mod requests;
mod rest;

use client_json::field_names::FieldNames;
use client_json::field_names::shared_field_name;
use client_json::json;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::field::Field;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use engine::OutboundMessage;
use limits::rate_limit::RateLimitClass;
use rest_toolkit::api::RestApi;

use super::acknowledgements::{AckOk, ConstBool};
use super::auth_refresh::EXPIRING;
use super::event_schema::{ClientEvent, ContractSchema, ServerEvent, parse_event};
use super::shared_events::{ERROR, RESYNC};
use super::{ClientMessage, Contract, Outcome, ParsedRequest, Reply, RequestInfo, error_reply};
pub use backend_events::MessengerBackendApi;
use events::{GET_ONLINE_USERS, GET_STATUS};
use objects::{Message, Notification};
use payloads::{ConversationAck, ConversationAdded, ConversationRemoved, MessageDeleted, MessagesRead, Status, Typing};

/// The messenger contract.
#[derive(Clone, Copy, Debug)]
pub struct MessengerContract;

/// The contract's name of an input field.
pub fn field_name(field: Field) -> &'static str {
    match field {
        Field::SpaceName => "title",
        Field::Members => "participantIds",
        field => shared_field_name(field),
    }
}

impl Contract for MessengerContract {
    fn field_names(&self) -> FieldNames {
        field_name
    }

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

    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage> {
        let message = match persisted.room.kind() {
            RoomKind::Conversation => in_conversation(&persisted.room, &persisted.event),
            RoomKind::User => in_inbox(&persisted.event),
            _ => None,
        };
        message.into_iter().collect()
    }

    fn ephemeral_event(&self, ephemeral: &EphemeralEvent, _: Timestamp) -> Option<OutboundMessage> {
        fn typing<'a>(event: &ServerEvent<Typing<'a>>, room: &'a RoomId, user: &'a UserId) -> Option<OutboundMessage> {
            (room.kind() == RoomKind::Conversation).then(|| event.render(&Typing::of(room, user)))
        }
        match ephemeral {
            EphemeralEvent::Online { user, .. } => Some(events::USER_STATUS_CHANGED.render(&Status::of(user, true))),
            EphemeralEvent::Offline { user } => Some(events::USER_STATUS_CHANGED.render(&Status::of(user, false))),
            EphemeralEvent::Typing { room, user } => typing(&events::TYPING_START, room, user),
            EphemeralEvent::StoppedTyping { room, user } => typing(&events::TYPING_STOP, room, user),
            _ => None,
        }
    }

    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest> {
        parse_event(events::CLIENT_EVENTS, message)
    }

    fn rate_limit_class(&self, request: &str) -> Option<RateLimitClass> {
        (request == "typing:start").then_some(rate_limits::TYPING)
    }

    fn rest_api(&self) -> Option<RestApi> {
        Some(rest::api())
    }

    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply {
        let ack = match result {
            // In the contract, the answer to this request is always a list, and its clients rely on that.
            Err(_) if request.name == GET_ONLINE_USERS && request.acked => "[]".to_owned(),
            Err(error) => return error_reply(request.name, error, request.acked, self.field_names()),
            // Clients of this contract wait for no other answer than the acknowledgement.
            Ok(_) if !request.acked => return Reply::default(),
            Ok(Outcome::Statuses(statuses)) => {
                let statuses: Vec<_> = statuses.iter().map(|(user, online)| Status::of(user, *online)).collect();
                match &statuses[..] {
                    [status] if request.name == GET_STATUS => json(status),
                    statuses => json(&statuses),
                }
            }
            Ok(Outcome::Online(users)) => json(users),
            Ok(Outcome::Joined(room) | Outcome::Left(room)) => json(&ConversationAck { ok: ConstBool, conversation_id: room.id() }),
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
        Event::SpaceCreated { space, .. } => {
            events::CONVERSATION_ADDED.render(&ConversationAdded::of(space, None, Some(&space.created_by)))
        }
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
