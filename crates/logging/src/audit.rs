//! Lines of the log target `audit`, for the operator of the server: connections, disconnections and rejections. A line never holds a token,
//! a name or anything that a client wrote freely. Lines that clients can cause without limit are written once a second for each address and
//! reason; further ones are counted ([`crate`]).

use std::net::SocketAddr;
use std::time::Duration;

use domain::ids::UserId;
use tracing::Level;

/// How many connections of an address are logged in a second: more than its budget of attempts allows.
const MAX_CONNECTION_LINES: u32 = 100;

/// How many rejections of an address, for one reason, are logged in a second.
const MAX_REJECTION_LINES: u32 = 1;

/// A user has connected. `transport` is `websocket`, `polling` or `raw`.
pub fn connected(user: &UserId, address: SocketAddr, transport: &str) {
    if crate::admits(Level::INFO, Some(address.ip()), "connected", "", MAX_CONNECTION_LINES) {
        tracing::info!(target: "audit", user = user.as_str(), %address, transport, "connected");
    }
}

/// A user's connection has ended; `after` is its age.
pub fn disconnected(user: &UserId, address: SocketAddr, transport: &str, after: Duration, reason: &str) {
    if crate::admits(Level::INFO, Some(address.ip()), "disconnected", "", MAX_CONNECTION_LINES) {
        let seconds = after.as_secs();
        tracing::info!(target: "audit", user = user.as_str(), %address, transport, seconds, reason, "disconnected");
    }
}

/// An operator has signed in to the console. `operator` is an admin's user id, or the name of a key.
pub fn signed_in(operator: &str, address: SocketAddr) {
    tracing::info!(target: "audit", operator, %address, "signed in to the console");
}

/// An operator has done something in the console. `subject` is the id of a user or a connection.
pub fn operated(operator: &str, action: &'static str, subject: &str) {
    tracing::info!(target: "audit", operator, action, subject, "operated the console");
}

/// A client or a request was rejected; `reason` is the code of the error. `user` is `None` if no token was verified.
pub fn rejected(user: Option<&UserId>, address: SocketAddr, transport: &str, reason: &'static str) {
    if crate::admits(Level::WARN, Some(address.ip()), "refused", reason, MAX_REJECTION_LINES) {
        let user = user.map_or("", UserId::as_str);
        tracing::warn!(target: "audit", user, %address, transport, reason, "refused");
    }
}
