//! What is said on a connection.

use std::borrow::Cow;

use super::Args;

/// One packet. Whatever the format on the wire, its data are raw JSON texts here, with placeholders for the attachments.
#[derive(Clone, PartialEq, Debug)]
pub enum Packet<'a> {
    /// A client asks to enter a namespace; a server says that it did.
    Connect {
        /// The namespace. A query string is part of its name.
        nsp: &'a str,
        /// A JSON object, if there is one.
        auth: Option<&'a str>,
    },
    /// Either side leaves a namespace.
    Disconnect {
        /// The namespace.
        nsp: &'a str,
    },
    /// An event.
    Event {
        /// The namespace.
        nsp: &'a str,
        /// Under which to acknowledge it, if that is wanted.
        id: Option<u64>,
        /// None: a packet without data, which dispatches nothing.
        event: Option<Event<'a>>,
        /// How many attachments follow (JSON), or were taken out (msgpack).
        attachments: usize,
    },
    /// The answer to an event.
    Ack {
        /// The namespace.
        nsp: &'a str,
        /// The event's id; without one it answers nothing.
        id: Option<u64>,
        /// What is answered.
        args: Args<'a>,
        /// How many attachments follow (JSON), or were taken out (msgpack).
        attachments: usize,
    },
    /// A namespace was refused; only a server may send it.
    ConnectError {
        /// The namespace.
        nsp: &'a str,
        /// A JSON object or string.
        data: &'a str,
    },
}

/// A named event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event<'a> {
    /// Its name. A number's is its text.
    pub name: Cow<'a, str>,
    /// What comes behind the name.
    pub args: Args<'a>,
}

/// A packet's type, as a number on the wire. Types 5 and 6 exist in JSON only and are an event and an ack, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Connect = 0,
    Disconnect = 1,
    Event = 2,
    Ack = 3,
    ConnectError = 4,
}
