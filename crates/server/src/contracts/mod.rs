//! The contracts: each encodes events, parses its clients' messages, and declares its REST paths. One folder for each contract.
//!
//! A contract has names and shapes only: it has no connection, store or clock. To add a contract, write its folder, declare it below, and
//! register it in [`ContractRegistry::new`].

pub mod auth_refresh;
pub mod client_ids;
pub mod close_codes;
pub mod event_schema;
pub mod field_names;
pub mod household;
pub mod messenger;
pub mod responses;
pub mod schemas;
pub mod socket_command;
pub mod studio;
pub mod timestamps;
pub mod trip;
pub mod workspace;

use std::sync::Arc;

use domain::custom_events::CustomEvent;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::users::User;
use engine::{Namespace, OutboundMessage};
use serde::Serialize;
use wire::socketio::Args;

use crate::auth::AuthError;
use crate::config::Config;
use crate::rate_limit::RateLimitClass;
use crate::rest::api::RestApi;
use event_schema::ContractSchema;
pub use field_names::{FieldNames, shared_field_name};
use responses::{RESYNC, Resync};
pub use responses::{client_error_text, error_reply, unknown_event_reply, wrong_field};
pub use socket_command::{ExecutedCommand, SocketCommand};

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

    /// The reply to the client that sent a request. The output of a [`ClientAction::Execute`] has its own rendering, so the contract receives
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

/// A client's message.
#[derive(Clone, Debug)]
pub enum ClientMessage<'a> {
    /// A Socket.IO event.
    Event {
        /// Its name.
        name: &'a str,
        /// Its arguments, raw JSON.
        args: &'a Args<'a>,
    },
    /// A message on the raw WebSocket.
    Text(&'a str),
}

/// A client's request, parsed.
pub struct ParsedRequest {
    /// The name of the request; the answer may contain it.
    pub name: &'static str,
    /// The action, or why the request is invalid.
    pub action: Result<ClientAction, DomainError>,
}

/// An action that a client requests.
pub enum ClientAction {
    /// Enters a room.
    Enter(RoomId),
    /// Enters a room, leaves the other rooms of its kind on this connection, and returns the room's online members.
    Move(RoomId),
    /// Leaves a room.
    Leave(RoomId),
    /// Returns a pong.
    Ping,
    /// Broadcasts that the user is typing in a room. The user must be a member, but need not have entered the room.
    Typing(RoomId),
    /// Ends the user's typing in a room, and broadcasts that if the user was typing there.
    StopTyping(RoomId),
    /// Returns for each user whether the user is online.
    Statuses(Vec<UserId>),
    /// Returns the members of a room who are online anywhere.
    OnlineIn(RoomId),
    /// Replaces the connection's token.
    Refresh(String),
    /// Executes a command in the writer's transaction, and renders its output after the commit.
    Execute(SocketCommand),
}

/// The result of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The connection is in the room (or was already).
    Joined(RoomId),
    /// The connection is in the room, and `count` users have it open, its own user included; `present` are at most
    /// [`MOST_PRESENT`](crate::presence::MAX_LISTED) of them, those who opened it first.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    EnteredAmong { room: RoomId, present: Vec<User>, count: usize },
    /// The connection is in the room, and in no other of its kind. `online` are the members who are online, each with the id of a
    /// connection.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    Moved { room: RoomId, online: Vec<(UserId, String)> },
    /// The connection is not in the room (or was not).
    Left(RoomId),
    /// The reply to a ping.
    Pong,
    /// The event was broadcast; the client needs no answer.
    Noted,
    /// Whether each user is online, as far as the client may know.
    Statuses(Vec<(UserId, bool)>),
    /// The users who are online.
    Online(Vec<UserId>),
    /// The expiry of the connection's new token (`None`: never), or why it was rejected; see [`Contract::auth_refreshed`].
    Refreshed(Result<Option<Timestamp>, AuthError>),
    /// The output of the command; see [`ExecutedCommand::render`].
    Executed(ExecutedCommand),
}

/// The request that a reply answers.
pub struct RequestInfo<'a> {
    /// The request's name.
    pub name: &'a str,
    /// Whether the client waits for an acknowledgement.
    pub acked: bool,
    /// The user who sent the request.
    pub user: &'a UserId,
    /// The current time.
    pub now: Timestamp,
}

/// The reply to the client that sent a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// The acknowledgement: raw JSON values joined by commas.
    pub ack: Option<String>,
    /// Messages to send.
    pub messages: Vec<OutboundMessage>,
    /// The code and reason with which to close the connection after the messages.
    pub close: Option<(u16, &'static str)>,
}

impl Reply {
    /// The acknowledgement alone, if the client waits for one.
    pub fn ack_if(acked: bool, ack: impl FnOnce() -> String) -> Self {
        Self { ack: acked.then(ack), ..Self::default() }
    }
}

/// All contracts, by namespace.
#[derive(Clone)]
pub struct ContractRegistry(Arc<Registered>);

struct Registered {
    /// In the engine's order of namespaces; the first is `/`.
    namespaces: Vec<(&'static str, Vec<Arc<dyn Contract>>)>,
    raw: Vec<Arc<dyn Contract>>,
}

impl ContractRegistry {
    /// The contracts that this server serves.
    pub fn new(config: &Config) -> Self {
        let all: Vec<Arc<dyn Contract>> = vec![
            Arc::new(household::HouseholdContract),
            Arc::new(trip::TripContract),
            Arc::new(studio::StudioContract),
            Arc::new(messenger::MessengerContract),
            Arc::new(workspace::WorkspaceContract::new(config.realtime.ws_close_on_forbidden)),
        ];
        let (named, raw): (Vec<_>, Vec<_>) = all.into_iter().partition(|contract| contract.namespace().is_some());
        let alone = named.iter().filter_map(|contract| Some((contract.namespace()?, vec![contract.clone()])));
        let namespaces = [("/", named.clone())].into_iter().chain(alone).collect();
        Self(Arc::new(Registered { namespaces, raw }))
    }

    /// The event definitions of each contract.
    pub fn schemas(&self) -> Vec<ContractSchema> {
        self.all().map(|contract| contract.schema()).collect()
    }

    /// The REST paths of each contract.
    pub fn rest_apis(&self) -> Vec<RestApi> {
        self.all().filter_map(|contract| contract.rest_api()).collect()
    }

    /// The connections that receive an event when a user enters or leaves a room of this kind.
    pub fn entry_audience(&self, kind: RoomKind) -> EntryAudience {
        let owner = self.all().find(|contract| contract.kinds().contains(&kind));
        owner.map_or(EntryAudience::NoUsers, |contract| contract.entry_audience())
    }

    /// The kinds of rooms that users do not enter and leave, of all kinds that contracts have.
    pub fn kinds_without_entries(&self) -> Vec<RoomKind> {
        let silent = self.all().filter(|contract| contract.entry_audience() == EntryAudience::NoUsers);
        silent.flat_map(|contract| contract.kinds()).copied().collect()
    }

    /// The message for a client of this namespace whose missed events are not kept any more.
    pub fn resync(&self, namespace: Namespace, now: Timestamp) -> Option<OutboundMessage> {
        self.in_namespace(namespace).first().map(|contract| contract.resync(now))
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn Contract>> {
        let named = self.0.namespaces.first().map(|(_, contracts)| contracts).into_iter().flatten();
        named.chain(&self.0.raw)
    }

    /// The names of the namespaces, `/` first.
    pub fn namespaces(&self) -> Vec<String> {
        self.0.namespaces.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The contracts of a namespace; [`Namespace::PLAIN`] is the raw WebSocket.
    pub fn in_namespace(&self, namespace: Namespace) -> &[Arc<dyn Contract>] {
        match self.0.namespaces.get(namespace.0 as usize) {
            Some((_, contracts)) => contracts,
            None if namespace == Namespace::PLAIN => &self.0.raw,
            None => &[],
        }
    }

    /// Whether connections of a namespace join this room of their user without a request. Every connection joins the inbox.
    pub fn auto_join(&self, namespace: Namespace, room: &RoomId) -> bool {
        self.in_namespace(namespace).iter().any(|contract| contract.auto_joins(room))
    }
}

/// A value as JSON text.
pub fn json(value: &impl Serialize) -> String {
    // Serialization fails only for a map with keys that are not text, or a writer that fails; the server's objects have neither.
    serde_json::to_string(value).expect("an object of ours is JSON")
}
