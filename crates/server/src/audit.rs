//! Who came, who left, who was refused: lines of the log target `audit`, for whoever has to answer for the server.
//! A line never holds a token, a name or anything that a client wrote freely.

use std::net::SocketAddr;
use std::time::Duration;

use domain::names::PersonId;

/// A person's connection stands. `transport` is `websocket`, `polling` or `raw`.
pub fn connected(person: &PersonId, address: SocketAddr, transport: &str) {
    tracing::info!(target: "audit", person = person.as_str(), %address, transport, "connected");
}

/// A person's connection is gone, after so long and for this reason.
pub fn disconnected(person: &PersonId, address: SocketAddr, transport: &str, after: Duration, reason: &str) {
    let seconds = after.as_secs();
    tracing::info!(target: "audit", person = person.as_str(), %address, transport, seconds, reason, "disconnected");
}

/// Somebody was not let in, or was refused something; `reason` is the refusal's code. The person is known if the token was good.
pub fn refused(person: Option<&PersonId>, address: SocketAddr, transport: &str, reason: &str) {
    let person = person.map_or("", PersonId::as_str);
    tracing::warn!(target: "audit", person, %address, transport, reason, "refused");
}
