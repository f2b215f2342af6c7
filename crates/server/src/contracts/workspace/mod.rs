//! The workspace contract: projects, their channels and tasks, over the raw WebSocket as `{type, room, data, sender, timestamp}`.

pub mod close_codes;
mod envelope;
pub mod objects;
mod projects;
mod requests;
mod tasks;
mod envelope_event;
mod events;

use domain::event::{Event, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, Timestamp};
use domain::users::User;
use domain::error::DomainError;
use engine::OutboundMessage;
use serde_json::Value;

use super::{AnswerContext, Contract, ClientMessage, Outcome, Reply, ParsedRequest, client_error_text, wrong_field};

use super::event_schema::ContractSchema;
use crate::auth::AuthError;
use close_codes::FORBIDDEN;
pub use envelope::{emitted, positioned, resync};

/// The kinds of this contract's spaces.
const KINDS: &[RoomKind] = &[RoomKind::Project, RoomKind::Channel, RoomKind::Task];

/// The workspace contract.
#[derive(Clone, Copy, Debug)]
pub struct Workspace {
    close_on_forbidden: bool,
}

impl Workspace {
    /// Input: whether a connection closes after the error if its client asks for a room that it may not see.
    pub fn new(close_on_forbidden: bool) -> Self {
        Self { close_on_forbidden }
    }

    fn refused(self, refusal: &DomainError, now: Timestamp) -> Reply {
        // A client cannot tell an unknown room from a forbidden one. A malformed request leaves the connection open.
        let forbidden = matches!(refusal, DomainError::NotFound(_) | DomainError::Forbidden(_));
        Reply {
            say: vec![envelope::error(client_error_text(refusal), refusal.code(), wrong_field(refusal), now)],
            close: (forbidden && self.close_on_forbidden).then_some((FORBIDDEN.code, "Forbidden")),
            ..Reply::default()
        }
    }
}

impl Contract for Workspace {
    fn namespace(&self) -> Option<&'static str> {
        None
    }

    fn schema(&self) -> ContractSchema {
        ContractSchema {
            contract: "workspace",
            about: "Projects, their channels and tasks.",
            namespace: self.namespace(),
            server_events: events::server_events(),
            client_events: requests::CLIENT_EVENTS.iter().map(requests::ClientMessageType::schema).collect(),
            close_codes: close_codes::ALL.to_vec(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        KINDS
    }

    fn room_field(&self) -> &'static str {
        "room"
    }

    fn greeting(&self, person: &User, _: &str, now: Timestamp) -> Option<OutboundMessage> {
        Some(envelope::connected(person, now))
    }

    fn persisted_event(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        match (fact.room.kind(), &fact.event) {
            (RoomKind::Project, _) => projects::fact(fact).map_or_else(|| tasks::fact(fact), |told| vec![told]),
            (RoomKind::Channel, Event::MessageSent { message }) => vec![OutboundMessage::Text(envelope::message(message))],
            (RoomKind::Channel, Event::MessageEdited { message }) => vec![envelope::message_edited(message, fact.at)],
            (RoomKind::Channel, Event::MessageDeleted { message, sender }) => {
                vec![envelope::message_deleted(*message, sender, &fact.room, fact.at)]
            }
            (RoomKind::User, Event::Added { .. } | Event::Removed { .. }) => projects::in_inbox(fact).into_iter().collect(),
            (RoomKind::User, Event::NotificationCreated { notification }) => vec![envelope::notification(notification)],
            _ => Vec::new(),
        }
    }

    fn lists_present_users(&self) -> bool {
        true
    }

    fn ephemeral_event(&self, signal: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        if let EphemeralEvent::Announced { announcement } = signal {
            return Some(envelope::announcement(announcement));
        }
        let (word, room, person) = match signal {
            EphemeralEvent::RoomJoined { room, person } => (&events::USER_JOINED, room, person),
            EphemeralEvent::RoomLeft { room, person, .. } => (&events::USER_LEFT, room, person),
            _ => return None,
        };
        KINDS.contains(&room.kind()).then(|| envelope::presence(word, room, person, now))
    }

    fn parse(&self, heard: &ClientMessage<'_>) -> Option<ParsedRequest> {
        match heard {
            ClientMessage::Text(text) => Some(requests::parse_message(text)),
            ClientMessage::Event { .. } => None,
        }
    }

    fn auth_refreshed(&self, shown: Result<Option<Timestamp>, AuthError>, _: bool, now: Timestamp) -> Reply {
        let said = match shown {
            Ok(ends) => envelope::refreshed(ends, now),
            // The earlier token stays valid.
            Err(why) => envelope::error(why.to_string(), why.code(), None, now),
        };
        Reply { say: vec![said], ..Reply::default() }
    }

    fn auth_expiring(&self, ends: Timestamp, now: Timestamp) -> OutboundMessage {
        envelope::expiring(ends, now)
    }

    fn answer(&self, answer: &AnswerContext<'_>) -> Reply {
        let say = match answer.result {
            Err(refusal) => return self.refused(refusal, answer.now),
            Ok(Outcome::EnteredAmong { room, present, count }) => vec![envelope::joined(room, present, *count, answer.now)],
            Ok(Outcome::Left(room)) => vec![envelope::left(room, answer.now)],
            Ok(Outcome::Pong) => vec![envelope::pong(answer.now)],
            Ok(Outcome::Changed(Value::String(told))) => vec![OutboundMessage::Text(told.clone())],
            Ok(_) => Vec::new(),
        };
        Reply { say, ..Reply::default() }
    }
}
