//! Custom events, which a back end emits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RoomId;

/// A custom event of a back end, and its audience.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CustomEvent {
    /// The rooms that receive the event. A connection in several rooms receives it once. [`RoomId::everyone`] is all connections.
    pub rooms: Vec<RoomId>,
    /// Connections in one of these rooms do not receive it.
    pub except: Vec<RoomId>,
    /// These connections do not receive it, by the socket ids that their clients have.
    pub except_connections: Vec<String>,
    /// The event name for clients.
    pub name: String,
    /// The event's only argument; `None` for an event without arguments.
    pub data: Option<Value>,
}
