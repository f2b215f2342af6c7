//! The messenger contract: conversations, and notifications that are the same on all of a user's devices, over Socket.IO.

pub mod objects;
pub mod payloads;
mod requests;
pub mod spoken;
mod words;

use domain::event::{Event, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, UserId, RoomId, Timestamp};
use engine::OutboundMessage;
use serde_json::Value;

use super::answers::{Always, Done, ERROR, RESYNC};
use super::tokens::EXPIRING;
use super::vocabulary::{ClientWord, Vocabulary, Word, understood};
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use crate::limits::Spending;
use objects::{Message, Notification};
use payloads::{ConversationAdded, ConversationRemoved, InConversation, MessageDeleted, MessagesRead, Status, Typing};
use words::{GET_ONLINE_USERS, GET_STATUS};

/// The messenger contract.
#[derive(Clone, Copy, Debug)]
pub struct Messenger;

impl Dialect for Messenger {
    fn namespace(&self) -> Option<&'static str> {
        Some("/messenger")
    }

    fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            contract: "messenger",
            about: "Conversations, and notifications that are the same on all of a person's devices.",
            namespace: self.namespace(),
            says: words::said().into_iter().chain([ERROR.described(), EXPIRING.described(), RESYNC.described()]).collect(),
            understands: words::UNDERSTOOD.iter().map(ClientWord::described).collect(),
            closes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Conversation]
    }

    fn room_field(&self) -> &'static str {
        "conversationId"
    }

    fn fact(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        let said = match fact.room.kind() {
            RoomKind::Conversation => in_conversation(&fact.room, &fact.event),
            RoomKind::User => in_inbox(&fact.event),
            _ => None,
        };
        said.into_iter().collect()
    }

    fn signal(&self, signal: &EphemeralEvent, _: Timestamp) -> Option<OutboundMessage> {
        fn typing<'a>(word: &Word<Typing<'a>>, room: &'a RoomId, person: &'a UserId) -> Option<OutboundMessage> {
            (room.kind() == RoomKind::Conversation).then(|| word.say(&Typing::of(room, person)))
        }
        match signal {
            EphemeralEvent::Online { person, .. } => Some(words::USER_STATUS_CHANGED.say(&Status::of(person, true))),
            EphemeralEvent::Offline { person } => Some(words::USER_STATUS_CHANGED.say(&Status::of(person, false))),
            EphemeralEvent::Typing { room, person } => typing(&words::TYPING_START, room, person),
            EphemeralEvent::StoppedTyping { room, person } => typing(&words::TYPING_STOP, room, person),
            _ => None,
        }
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        understood(words::UNDERSTOOD, heard)
    }

    fn spends(&self, request: &str) -> Option<Spending> {
        (request == "typing:start").then_some(Spending::MessengerTyping)
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let ack = match answer.result {
            // In the contract, the answer to this request is always a list, and its clients rely on that.
            Err(_) if answer.name == GET_ONLINE_USERS && answer.acked => "[]".to_owned(),
            Err(refusal) => return refused(answer.name, refusal, answer.acked),
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
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => json(&InConversation { ok: Always, conversation_id: room.id() }),
            Ok(Outcome::Changed(Value::String(ack))) => ack.clone(),
            Ok(_) => json(&Done::default()),
        };
        Reply { ack: Some(ack), ..Reply::default() }
    }
}

/// The message about an event in a conversation.
fn in_conversation(room: &RoomId, event: &Event) -> Option<OutboundMessage> {
    Some(match event {
        Event::MessageSent { message } => words::MESSAGE_NEW.say(&Message::of(message, false)),
        Event::MessageDeleted { message, .. } => words::MESSAGE_DELETED.say(&MessageDeleted::of(room, *message)),
        Event::SpaceCreated { space, .. } => words::CONVERSATION_ADDED.say(&ConversationAdded::of(space, None, Some(&space.created_by))),
        Event::MessagesRead { .. } => words::MESSAGES_READ.say(&MessagesRead::of(room, event)?),
        _ => return None,
    })
}

/// The message about an event in a user's inbox, for all devices.
fn in_inbox(event: &Event) -> Option<OutboundMessage> {
    Some(match event {
        Event::Added { space, by, last, .. } if space.room.kind() == RoomKind::Conversation => {
            words::CONVERSATION_ADDED.say(&ConversationAdded::of(space, last.as_deref(), by.as_ref().map(|by| &by.id)))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::Conversation => {
            words::CONVERSATION_REMOVED.say(&ConversationRemoved::of(space, by.as_ref().map(|by| &by.id)))
        }
        Event::NotificationCreated { notification } => words::NOTIFICATION_NEW.say(&Notification::of(notification)),
        Event::NotificationRead { notification } => words::NOTIFICATION_READ.say(&notification.to_string()),
        Event::NotificationsRead => words::NOTIFICATIONS_READ_ALL.say(),
        _ => return None,
    })
}
