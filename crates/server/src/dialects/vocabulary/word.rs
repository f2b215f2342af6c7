//! Events of the server: the name and the type of the payload.

use std::borrow::Cow;
use std::marker::PhantomData;

use engine::OutboundMessage;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Said, Shape};
use crate::dialects::json;

/// An event with one payload.
pub struct Word<P> {
    name: &'static str,
    about: &'static str,
    // A definition for a payload with a long lifetime is one for a shorter lifetime, too.
    payload: PhantomData<fn() -> P>,
}

impl<P: Serialize + ToSchema> Word<P> {
    /// An event with its name and its description.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, payload: PhantomData }
    }

    /// The event's name, as clients receive it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Encodes the event.
    pub fn say(&self, payload: &P) -> OutboundMessage {
        self.say_as(self.name, payload)
    }

    /// Encodes the event with another name, which its sender has chosen.
    pub fn say_as(&self, name: impl Into<Cow<'static, str>>, payload: &P) -> OutboundMessage {
        OutboundMessage::event(name, json(payload)).expect("a contract has no reserved word, and serde_json writes JSON")
    }

    /// The event's description.
    pub fn described(&self) -> Said {
        Said { name: self.name, about: self.about, payload: Some(Shape::of::<P>()) }
    }
}

/// An event without a payload.
pub struct BareWord {
    name: &'static str,
    about: &'static str,
}

impl BareWord {
    /// As [`Word::new`].
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// Encodes the event.
    pub fn say(&self) -> OutboundMessage {
        OutboundMessage::event(self.name, String::new()).expect("a contract has no reserved word")
    }

    /// The event's description.
    pub fn described(&self) -> Said {
        Said { name: self.name, about: self.about, payload: None }
    }
}

/// The words of a contract, one a line: a sentence, a name in the code, the sort of word with the types of what stands in it, and the name that
/// clients hear. With them comes `said`, the list of them all.
macro_rules! words {
    ($($(#[doc = $about:literal])+ $word:ident: $sort:ty = $name:literal;)+) => {
        $($(#[doc = $about])+ pub(super) const $word: $sort = <$sort>::new($name, concat!($($about),+));)+

        /// All events that the server sends in this contract.
        pub(super) fn said() -> Vec<$crate::dialects::vocabulary::Said> {
            vec![$($word.described()),+]
        }
    };
}

pub(crate) use words;
