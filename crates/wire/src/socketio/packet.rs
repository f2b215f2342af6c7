//! The packets of Socket.IO.

use std::borrow::Cow;

use super::Args;

/// One packet. In both formats its data are raw JSON texts here, with placeholders for the attachments.
#[derive(Clone, PartialEq, Debug)]
pub enum Packet<'a> {
    /// A client requests a connection to a namespace, or a server accepts it.
    Connect {
        /// The namespace. A query string is part of its name.
        nsp: &'a str,
        /// The data as a JSON object, if there are any.
        auth: Option<&'a str>,
    },
    /// Either side disconnects from a namespace.
    Disconnect {
        /// The namespace.
        nsp: &'a str,
    },
    /// An event.
    Event {
        /// The namespace.
        nsp: &'a str,
        /// The id for the acknowledgement, if the sender wants one.
        id: Option<u64>,
        /// The event; `None` in a packet without data, which is not dispatched.
        event: Option<Event<'a>>,
        /// The number of attachments that follow (JSON), or were taken out (msgpack).
        attachments: usize,
    },
    /// The acknowledgement of an event.
    Ack {
        /// The namespace.
        nsp: &'a str,
        /// The event's id; an ack without one acknowledges nothing.
        id: Option<u64>,
        /// The arguments of the acknowledgement.
        args: Args<'a>,
        /// The number of attachments that follow (JSON), or were taken out (msgpack).
        attachments: usize,
    },
    /// The server rejects the connection to a namespace; clients must not send it.
    ConnectError {
        /// The namespace.
        nsp: &'a str,
        /// The reason, as a JSON object or string.
        data: &'a str,
    },
}

/// A named event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event<'a> {
    /// The event's name. A number is converted to its text.
    pub name: Cow<'a, str>,
    /// The arguments, which follow the name.
    pub args: Args<'a>,
}

/// A packet's type, as a number on the wire. The types 5 and 6 exist in JSON only; they are an event and an ack with attachments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Connect = 0,
    Disconnect = 1,
    Event = 2,
    Ack = 3,
    ConnectError = 4,
}
