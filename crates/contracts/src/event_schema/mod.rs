//! The event definitions of contracts. Each event is defined once, as a [`ServerEvent`] or a [`ClientEvent`]: the contract encodes and parses with
//! them, and every description of the contract (TypeScript, AsyncAPI) is generated from them.
//!
//! - [`server_event`]: the server's events.
//! - [`client_event`]: the clients' events, and their parsers.

pub mod client_event;
pub mod server_event;

pub use client_event::{ClientEvent, id_argument, invalid_field, missing_or_invalid, object, parse_event};
pub use client_json::payload_schema::PayloadSchema;
pub(crate) use server_event::server_events;
pub use server_event::{ServerEvent, UnitServerEvent};

/// All event definitions of a contract.
#[derive(Clone)]
pub struct ContractSchema {
    /// The contract's name.
    pub contract: &'static str,
    /// A sentence about the contract.
    pub about: &'static str,
    /// As [`super::Contract::namespace`].
    pub namespace: Option<&'static str>,
    /// The server's events.
    pub server_events: Vec<ServerEventSchema>,
    /// The clients' events.
    pub client_events: Vec<ClientEventSchema>,
    /// The codes with which the server closes connections; empty if the contract has none of its own.
    pub close_codes: Vec<CloseCode>,
}

/// The description of a server's event.
#[derive(Clone)]
pub struct ServerEventSchema {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// When the event is sent, and its recipients.
    pub about: &'static str,
    /// The event's one argument, if it has any; on the raw WebSocket, the whole message.
    pub payload: Option<PayloadSchema>,
}

/// The description of a client's event.
#[derive(Clone)]
pub struct ClientEventSchema {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// What the server does.
    pub about: &'static str,
    /// The event's one argument, if it takes any; on the raw WebSocket, the whole message.
    pub argument: Option<PayloadSchema>,
    /// The acknowledgement's one argument, also of a refusal; `None` where there are no acknowledgements.
    pub ack: Option<PayloadSchema>,
}

/// A close code of the raw WebSocket, described.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloseCode {
    /// The code.
    pub code: u16,
    /// The name of the code.
    pub name: &'static str,
    /// When the code is used.
    pub about: &'static str,
}
