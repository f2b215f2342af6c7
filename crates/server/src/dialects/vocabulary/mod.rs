//! The event definitions of contracts. Each event is defined once, as a [`Word`] or a [`ClientWord`]: the dialect encodes and parses with
//! them, and every description of the contract (TypeScript, AsyncAPI) is generated from them.
//!
//! - [`word`]: the server's events.
//! - [`client_word`]: the clients' events, and their parsers.
//! - [`shape`]: the schemas of their arguments.

pub mod client_word;
pub mod shape;
pub mod word;

pub use client_word::{ClientWord, absent_or_wrong, named, object, understood, wrong};
pub use shape::Shape;
pub(crate) use word::words;
pub use word::{BareWord, Word};

/// All event definitions of a contract.
#[derive(Clone)]
pub struct Vocabulary {
    /// The contract's name.
    pub contract: &'static str,
    /// A sentence about the contract.
    pub about: &'static str,
    /// As [`super::Dialect::namespace`].
    pub namespace: Option<&'static str>,
    /// The server's events.
    pub says: Vec<Said>,
    /// The clients' events.
    pub understands: Vec<Understood>,
    /// The codes with which the server closes connections; empty if the contract has none of its own.
    pub closes: Vec<Closing>,
}

/// The description of a server's event.
#[derive(Clone)]
pub struct Said {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// When the event is sent, and its recipients.
    pub about: &'static str,
    /// The event's one argument, if it has any; on the raw WebSocket, the whole message.
    pub payload: Option<Shape>,
}

/// The description of a client's event.
#[derive(Clone)]
pub struct Understood {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// What the server does.
    pub about: &'static str,
    /// The event's one argument, if it takes any; on the raw WebSocket, the whole message.
    pub argument: Option<Shape>,
    /// The acknowledgement's one argument, also of a refusal; `None` where there are no acknowledgements.
    pub ack: Option<Shape>,
}

/// A close code of the raw WebSocket, described.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// The name of the code.
    pub name: &'static str,
    /// When the code is used.
    pub about: &'static str,
}
