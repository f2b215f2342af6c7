//! The workspace contract: projects, their channels and tasks, over the raw WebSocket as `{type, room, data, sender, timestamp}`.

mod envelope;
mod envelope_event;
mod events;
pub mod objects;
mod projects;
mod requests;
mod rest;
mod tasks;

use auth::AuthError;
use client_json::error_text::client_error_text;
use client_json::error_text::wrong_field;
use client_json::field_names::FieldNames;
use client_json::field_names::shared_field_name;
use domain::custom_events::CustomEvent;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::field::Field;
use domain::ids::{RoomKind, Timestamp};
use domain::users::User;
use engine::OutboundMessage;
use rest_toolkit::api::RestApi;

use super::close_codes::{self, FORBIDDEN};
use super::event_schema::ContractSchema;
use super::{ClientMessage, Contract, Outcome, ParsedRequest, Reply, RequestInfo};

/// The kinds of this contract's spaces.
const KINDS: &[RoomKind] = &[RoomKind::Project, RoomKind::Channel, RoomKind::Task];

/// The workspace contract.
#[derive(Clone, Copy, Debug)]
pub struct WorkspaceContract {
    close_on_forbidden: bool,
}

impl WorkspaceContract {
    /// The input is whether a connection closes after the error if its client asks for a room that it may not see.
    pub fn new(close_on_forbidden: bool) -> Self {
        Self { close_on_forbidden }
    }

    fn error_reply(self, error: &DomainError, now: Timestamp) -> Reply {
        // A client cannot tell an unknown room from a forbidden one. A malformed request leaves the connection open.
        let forbidden = matches!(error, DomainError::NotFound(_) | DomainError::Forbidden(_));
        Reply {
            messages: vec![envelope::error(client_error_text(error, field_name), error.code(), wrong_field(error, field_name), now)],
            close: (forbidden && self.close_on_forbidden).then_some((FORBIDDEN.code, "Forbidden")),
            ..Reply::default()
        }
    }
}

/// The contract's name of an input field.
pub fn field_name(field: Field) -> &'static str {
    match field {
        Field::ClientId => "client_id",
        field => shared_field_name(field),
    }
}

impl Contract for WorkspaceContract {
    fn field_names(&self) -> FieldNames {
        field_name
    }

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

    fn greeting(&self, user: &User, _: &str, now: Timestamp) -> Option<OutboundMessage> {
        Some(envelope::connected(user, now))
    }

    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage> {
        match (persisted.room.kind(), &persisted.event) {
            (RoomKind::Project, _) => projects::persisted(persisted).map_or_else(|| tasks::persisted(persisted), |message| vec![message]),
            (RoomKind::Channel, Event::MessageSent { message }) => vec![OutboundMessage::Text(envelope::message(message))],
            (RoomKind::Channel, Event::MessageEdited { message }) => vec![envelope::message_edited(message, persisted.at)],
            (RoomKind::Channel, Event::MessageDeleted { message, sender }) => {
                vec![envelope::message_deleted(*message, sender, &persisted.room, persisted.at)]
            }
            (RoomKind::User, Event::Added { .. } | Event::Removed { .. }) => projects::in_inbox(persisted).into_iter().collect(),
            (RoomKind::User, Event::NotificationCreated { notification }) => vec![envelope::notification(notification)],
            _ => Vec::new(),
        }
    }

    fn lists_present_users(&self) -> bool {
        true
    }

    fn ephemeral_event(&self, ephemeral: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        if let EphemeralEvent::Announced { announcement } = ephemeral {
            return Some(envelope::announcement(announcement));
        }
        let (event, room, user) = match ephemeral {
            EphemeralEvent::RoomJoined { room, user } => (&events::USER_JOINED, room, user),
            EphemeralEvent::RoomLeft { room, user, .. } => (&events::USER_LEFT, room, user),
            _ => return None,
        };
        KINDS.contains(&room.kind()).then(|| envelope::presence(event, room, user, now))
    }

    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest> {
        match message {
            ClientMessage::Text(text) => Some(requests::parse_message(text)),
            ClientMessage::Event { .. } => None,
        }
    }

    fn wrap_custom_event(&self, custom_event: &CustomEvent, at: Timestamp) -> Option<OutboundMessage> {
        Some(envelope::emitted(custom_event, at))
    }

    fn add_position(&self, message: OutboundMessage, position: &str) -> OutboundMessage {
        envelope::positioned(message, position)
    }

    fn resync(&self, now: Timestamp) -> OutboundMessage {
        envelope::resync(now)
    }

    fn auth_refreshed(&self, shown: Result<Option<Timestamp>, AuthError>, _: bool, now: Timestamp) -> Reply {
        let message = match shown {
            Ok(ends) => envelope::refreshed(ends, now),
            // The earlier token stays valid.
            Err(why) => envelope::error(why.to_string(), why.code(), None, now),
        };
        Reply { messages: vec![message], ..Reply::default() }
    }

    fn auth_expiring(&self, ends: Timestamp, now: Timestamp) -> OutboundMessage {
        envelope::expiring(ends, now)
    }

    fn rest_api(&self) -> Option<RestApi> {
        Some(rest::api())
    }

    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply {
        let messages = match result {
            Err(error) => return self.error_reply(error, request.now),
            Ok(Outcome::EnteredAmong { room, present, count }) => vec![envelope::joined(room, present, *count, request.now)],
            Ok(Outcome::Left(room)) => vec![envelope::left(room, request.now)],
            Ok(Outcome::Pong) => vec![envelope::pong(request.now)],
            Ok(_) => Vec::new(),
        };
        Reply { messages, ..Reply::default() }
    }
}
