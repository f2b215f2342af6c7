//! The reply to a client's request.

use domain::ids::{Timestamp, UserId};
use engine::OutboundMessage;

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
