//! Socket.IO events of clients: the name, the types of the argument and of the acknowledgement, and the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::error::DomainError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::{Shape, Understood};
use crate::dialects::answers::{Done, Refused};
use crate::dialects::ids::GivenId;
use crate::dialects::{Ask, Heard, Request};

/// Parses an event's arguments.
pub type Read = fn(&Args<'_>) -> Result<Ask, DomainError>;

/// An event that clients may send.
#[derive(Clone, Copy)]
pub struct ClientWord {
    name: &'static str,
    about: &'static str,
    /// The internal name of the request: the event's own, unless the event is an alias.
    request: &'static str,
    argument: Option<fn() -> Shape>,
    ack: fn() -> Shape,
    read: Read,
}

impl ClientWord {
    /// An event without an argument, whose acknowledgement says only that it succeeded. Inputs: its name, what it does, and its parser.
    pub const fn new(name: &'static str, about: &'static str, read: Read) -> Self {
        Self { name, about, request: name, argument: None, ack: Shape::of::<Done>, read }
    }

    /// With one argument of this type.
    pub const fn takes<T: ToSchema>(self) -> Self {
        self.takes_shape(Shape::of::<T>)
    }

    /// With one argument: an object of this type, or the id alone.
    pub const fn names<T: ToSchema>(self) -> Self {
        self.takes_shape(|| Shape::of::<T>().or(Shape::of::<GivenId>()))
    }

    /// With one argument of this shape.
    pub const fn takes_shape(self, argument: fn() -> Shape) -> Self {
        Self { argument: Some(argument), ..self }
    }

    /// With this type as the acknowledgement of success.
    pub const fn answers<A: ToSchema>(self) -> Self {
        self.answers_shape(Shape::of::<A>)
    }

    /// With this shape as the acknowledgement of success.
    pub const fn answers_shape(self, ack: fn() -> Shape) -> Self {
        Self { ack, ..self }
    }

    /// With an acknowledgement that contains the fields of this broadcast, besides the one that says that the event succeeded.
    pub const fn confirms<P: ToSchema>(self) -> Self {
        self.answers_shape(|| Shape::of::<Done>().and(Shape::of::<P>()))
    }

    /// An alias of the event.
    pub const fn also(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The event's description.
    pub fn described(&self) -> Understood {
        let ack = (self.ack)().or(Shape::of::<Refused<'_>>());
        Understood { name: self.name, about: self.about, argument: self.argument.map(|shape| shape()), ack: Some(ack) }
    }
}

/// Parses an event that one of these definitions names; `None` if none does.
pub fn understood(words: &[ClientWord], heard: &Heard<'_>) -> Option<Request> {
    let Heard::Event { name, args } = heard else { return None };
    let word = words.iter().find(|word| word.name == *name)?;
    Some(Request { name: word.request, ask: (word.read)(args) })
}

/// The refusal of a field that is absent or invalid.
///
/// Inputs: the arguments, the field of the first one, and what it must be. A field counts as absent if it is null, or if the argument is null or
/// missing. An argument that is not an object is taken for the field itself.
pub fn wrong(args: &Args<'_>, field: &'static str, wanted: impl Into<String>) -> DomainError {
    let given = match args.get(0).map(str::trim) {
        None => None,
        Some(object) if object.starts_with('{') => match serde_json::from_str::<HashMap<Cow<'_, str>, &RawValue>>(object) {
            Ok(fields) => fields.get(field).map(|value| value.get()),
            // For example, a field appears twice.
            Err(_) => Some(object),
        },
        Some(other) => Some(other),
    };
    absent_or_wrong(given.filter(|given| *given != "null").is_none(), field, wanted)
}

/// The refusal of a field that is absent or invalid.
pub fn absent_or_wrong(is_absent: bool, field: &'static str, wanted: impl Into<String>) -> DomainError {
    if is_absent { DomainError::invalid(field, "is required") } else { DomainError::invalid(field, wanted) }
}

/// The id that the first argument names: in an object of type `T`, or alone. `None` if it is neither.
pub fn named<T: DeserializeOwned + Into<GivenId>>(args: &Args<'_>) -> Option<GivenId> {
    match object::<T>(args) {
        Some(object) => Some(object.into()),
        None => args.get(0).and_then(|arg| serde_json::from_str(arg).ok()),
    }
}

/// The first argument, if it is an object of this type. serde would take an array for a struct, too.
pub fn object<'a, T: Deserialize<'a>>(args: &Args<'a>) -> Option<T> {
    args.get(0).filter(|arg| arg.trim_start().starts_with('{')).and_then(|arg| serde_json::from_str(arg).ok())
}
