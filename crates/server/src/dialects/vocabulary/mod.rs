//! Which words a contract has. What the server says and what clients may say is defined once, as [`Word`]s and [`ClientWord`]s: the dialect
//! speaks and understands by them, and every description of the contract (TypeScript, AsyncAPI) is written from the same ones.
//!
//! - [`word`]: what the server says.
//! - [`client_word`]: what clients say, and how it is read.
//! - [`shape`]: what stands in them.

pub mod client_word;
pub mod shape;
pub mod word;

pub use client_word::{ClientWord, absent_or_wrong, named, object, understood, wrong};
pub use shape::Shape;
pub(crate) use word::words;
pub use word::{BareWord, Word};

/// All words of a contract.
#[derive(Clone)]
pub struct Vocabulary {
    /// The contract's name.
    pub contract: &'static str,
    /// What it is about, a sentence.
    pub about: &'static str,
    /// As [`super::Dialect::namespace`].
    pub namespace: Option<&'static str>,
    /// What the server says.
    pub says: Vec<Said>,
    /// What clients may say.
    pub understands: Vec<Understood>,
    /// With what the server closes a connection that it has let in or turned away; none where the contract has no close codes of its own.
    pub closes: Vec<Closing>,
}

/// A word of the server's, described.
#[derive(Clone)]
pub struct Said {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// When it is said, and to whom.
    pub about: &'static str,
    /// The event's one argument, if it has any; on the raw WebSocket, the whole message.
    pub payload: Option<Shape>,
}

/// A word of the clients', described.
#[derive(Clone)]
pub struct Understood {
    /// The event's name, or the message's type.
    pub name: &'static str,
    /// What is done.
    pub about: &'static str,
    /// The event's one argument, if it takes any; on the raw WebSocket, the whole message.
    pub argument: Option<Shape>,
    /// The acknowledgement's one argument, also of a refusal; none where there are no acknowledgements.
    pub ack: Option<Shape>,
}

/// A close code of the raw WebSocket, described.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closing {
    /// The code.
    pub code: u16,
    /// What it is called.
    pub name: &'static str,
    /// When it is used.
    pub about: &'static str,
}
