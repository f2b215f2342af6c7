//! The trait of a contract: everything in which contracts differ.

use auth::AuthError;
use client_json::field_names::{FieldNames, shared_field_name};
use client_json::json;
use domain::custom_events::CustomEvent;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp};
use domain::users::User;
use engine::OutboundMessage;
use limits::rate_limit::RateLimitClass;
use rest_toolkit::api::RestApi;

use super::auth_refresh;
use super::client_request::{ClientMessage, Outcome, ParsedRequest};
use super::event_schema::ContractSchema;
use super::reply::{Reply, RequestInfo};
use super::shared_events::{RESYNC, Resync};

/// The protocol of one contract.
pub trait Contract: Send + Sync {
    /// The namespace of this contract alone; `None` for the contract of the raw WebSocket. All contracts with a namespace are also served
    /// on `/`.
    fn namespace(&self) -> Option<&'static str>;

    /// All events of the contract. Encoding and parsing use the same definitions.
    fn schema(&self) -> ContractSchema;

    /// The kinds of spaces that belong to this contract: it sends no events of others.
    fn kinds(&self) -> &'static [RoomKind];

    /// The name of a request's field that names a room.
    fn room_field(&self) -> &'static str;

    /// The contract's names for the input fields of commands and queries, as its errors have them.
    fn field_names(&self) -> FieldNames {
        shared_field_name
    }

    /// Whether a new connection joins this room of its user without a request. Every connection joins the inbox.
    fn auto_joins(&self, room: &RoomId) -> bool {
        let _ = room;
        false
    }

    /// Whether the answer to a connection that enters a room names the users who have the room open: [`Outcome::EnteredAmong`] instead of
    /// [`Outcome::Joined`].
    fn lists_present_users(&self) -> bool {
        false
    }

    /// The first message to an accepted connection; `connection` is its id, which other users may know.
    fn greeting(&self, user: &User, connection: &str, now: Timestamp) -> Option<OutboundMessage> {
        let _ = (user, connection, now);
        None
    }

    /// Encodes a persisted event as a whole: in as many messages as the contract has for it, which are written together. Empty if the
    /// contract does not define the event.
    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage>;

    /// Encodes an ephemeral event. `None` if the contract does not define it.
    fn ephemeral_event(&self, ephemeral: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        let _ = (ephemeral, now);
        None
    }

    /// The connections that receive an event when a user enters or leaves a room of this contract.
    fn entry_audience(&self) -> EntryAudience {
        EntryAudience::AllUsers
    }

    /// Encodes a backend's event, which is the same in all contracts. `None` if clients would reject it.
    fn wrap_custom_event(&self, custom_event: &CustomEvent, at: Timestamp) -> Option<OutboundMessage> {
        let _ = at;
        let event = OutboundMessage::event(custom_event.name.clone(), custom_event.data.as_ref().map_or_else(String::new, json));
        event.inspect_err(|error| tracing::error!(%error, "a backend's event cannot be sent")).ok()
    }

    /// Adds its position to a message of the raw WebSocket. In Socket.IO packets the engine adds it.
    fn add_position(&self, message: OutboundMessage, position: &str) -> OutboundMessage {
        let _ = position;
        message
    }

    /// The message for a client whose missed events are not kept any more.
    fn resync(&self, now: Timestamp) -> OutboundMessage {
        let _ = now;
        RESYNC.render(&Resync::new())
    }

    /// Parses a client's message. `None` if this contract does not define it.
    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest>;

    /// The rate limit of a request besides that of commands, by the request's name.
    fn rate_limit_class(&self, request: &str) -> Option<RateLimitClass> {
        let _ = request;
        None
    }

    /// The answer to a token refresh: the token's expiry, or why it was rejected.
    fn auth_refreshed(&self, shown: Result<Option<Timestamp>, AuthError>, acked: bool, now: Timestamp) -> Reply {
        let _ = now;
        auth_refresh::refreshed(shown, acked)
    }

    /// The notice that a client's newest token expires soon.
    fn auth_expiring(&self, ends: Timestamp, now: Timestamp) -> OutboundMessage {
        auth_refresh::expiring(ends, now)
    }

    /// The REST paths of the contract. `None` if it has none.
    fn rest_api(&self) -> Option<RestApi> {
        None
    }

    /// The reply to the client that sent a request. The output of a [`ClientAction::Execute`](super::ClientAction::Execute) has its own rendering, so the contract receives
    /// only its errors.
    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply;
}

/// The connections in a room that receive an event when a user enters or leaves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryAudience {
    /// None: the members belong to the room without entering it.
    NoUsers,
    /// Those of the other users.
    OtherUsers,
    /// Those of all users, also of the user who enters or leaves.
    AllUsers,
}
