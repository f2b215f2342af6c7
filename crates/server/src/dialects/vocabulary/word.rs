//! What the server says: a name, and the type of what stands under it.

use std::borrow::Cow;
use std::marker::PhantomData;

use engine::Saying;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Said, Shape};
use crate::dialects::json;

/// An event that is told with one payload.
pub struct Word<P> {
    name: &'static str,
    about: &'static str,
    // A word for a payload that lives long is one for those that do not.
    payload: PhantomData<fn() -> P>,
}

impl<P: Serialize + ToSchema> Word<P> {
    /// A word with its name and with what it tells.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, payload: PhantomData }
    }

    /// The name that clients hear.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Says it.
    pub fn say(&self, payload: &P) -> Saying {
        self.say_as(self.name, payload)
    }

    /// Says the same in another name, one that the speaker has chosen.
    pub fn say_as(&self, name: impl Into<Cow<'static, str>>, payload: &P) -> Saying {
        Saying::event(name, json(payload)).expect("a contract has no reserved word, and serde_json writes JSON")
    }

    /// The word's description.
    pub fn described(&self) -> Said {
        Said { name: self.name, about: self.about, payload: Some(Shape::of::<P>()) }
    }
}

/// An event that is told without a payload.
pub struct BareWord {
    name: &'static str,
    about: &'static str,
}

impl BareWord {
    /// As [`Word::new`].
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// Says it.
    pub fn say(&self) -> Saying {
        Saying::event(self.name, String::new()).expect("a contract has no reserved word")
    }

    /// The word's description.
    pub fn described(&self) -> Said {
        Said { name: self.name, about: self.about, payload: None }
    }
}

/// The words of a contract, one a line: a sentence, a name in the code, the sort of word with the types of what stands in it, and the name that
/// clients hear. With them comes `said`, the list of them all.
macro_rules! words {
    ($($(#[doc = $about:literal])+ $word:ident: $sort:ty = $name:literal;)+) => {
        $($(#[doc = $about])+ pub(super) const $word: $sort = <$sort>::new($name, concat!($($about),+));)+

        /// All that the server says in this contract.
        pub(super) fn said() -> Vec<$crate::dialects::vocabulary::Said> {
            vec![$($word.described()),+]
        }
    };
}

pub(crate) use words;
