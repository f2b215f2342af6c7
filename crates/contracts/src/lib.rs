//! The contracts: each encodes events, parses its clients' messages, and declares its REST paths. One folder for each contract.
//!
//! A contract has names and shapes only: it has no connection, store or clock. To add a contract, write its folder, declare it below, and
//! register it in [`ContractRegistry::new`].

pub mod acknowledgements;
pub mod auth_refresh;
pub mod backend_api;
pub mod client_request;
pub mod close_codes;
pub mod contract;
pub mod error_codes;
pub mod event_schema;
pub mod household;
pub mod messenger;
pub mod reply;
pub mod schemas;
pub mod shared_events;
pub mod socket_command;
pub mod studio;
pub mod trip;
pub mod workspace;

use std::sync::Arc;

use domain::ids::{RoomId, RoomKind, Timestamp};
use engine::{Namespace, OutboundMessage};
use rest_toolkit::api::RestApi;

pub use client_request::{ClientAction, ClientMessage, Outcome, ParsedRequest};
pub use contract::{Contract, EntryAudience};
use event_schema::ContractSchema;
pub use reply::{Reply, RequestInfo};
pub use shared_events::{error_reply, unknown_event_reply};
pub use socket_command::{ExecutedCommand, SocketCommand};

/// The settings that contracts depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContractOptions {
    /// Whether a forbidden room closes a raw WebSocket.
    pub close_on_forbidden: bool,
}

impl Default for ContractOptions {
    /// The defaults of the settings.
    fn default() -> Self {
        Self { close_on_forbidden: true }
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
    pub fn new(options: ContractOptions) -> Self {
        let all: Vec<Arc<dyn Contract>> = vec![
            Arc::new(household::HouseholdContract),
            Arc::new(trip::TripContract),
            Arc::new(studio::StudioContract),
            Arc::new(messenger::MessengerContract),
            Arc::new(workspace::WorkspaceContract::new(options.close_on_forbidden)),
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
