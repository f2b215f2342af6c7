//! Socket.IO events of clients: the name, the types of the argument and of the acknowledgement, and the parser.

use std::borrow::Cow;
use std::collections::HashMap;

use client_json::ids::IdInput;
use domain::error::{DomainError, Reason};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::{ClientEventSchema, PayloadSchema};
use crate::acknowledgements::{AckError, AckOk};
use crate::client_request::{ClientAction, ClientMessage, ParsedRequest};

/// Parses an event's arguments.
pub type ParseFn = fn(&Args<'_>) -> Result<ClientAction, DomainError>;

/// An event that clients may send.
#[derive(Clone, Copy)]
pub struct ClientEvent {
    name: &'static str,
    about: &'static str,
    /// The internal name of the request: the event's own, unless the event is an alias.
    request: &'static str,
    argument: Option<fn() -> PayloadSchema>,
    ack: fn() -> PayloadSchema,
    read: ParseFn,
}

impl ClientEvent {
    /// An event without an argument, whose acknowledgement contains only that it succeeded. The inputs are its name, its effect, and its parser.
    pub const fn new(name: &'static str, about: &'static str, read: ParseFn) -> Self {
        Self { name, about, request: name, argument: None, ack: PayloadSchema::of::<AckOk>, read }
    }

    /// With one argument of this type.
    pub const fn takes<T: ToSchema>(self) -> Self {
        self.takes_shape(PayloadSchema::of::<T>)
    }

    /// With one argument: an object of this type, or the id alone.
    pub const fn names<T: ToSchema>(self) -> Self {
        self.takes_shape(|| PayloadSchema::of::<T>().or(PayloadSchema::of::<IdInput>()))
    }

    /// With one argument of this shape.
    pub const fn takes_shape(self, argument: fn() -> PayloadSchema) -> Self {
        Self { argument: Some(argument), ..self }
    }

    /// With this type as the acknowledgement of success.
    pub const fn answers<A: ToSchema>(self) -> Self {
        self.answers_shape(PayloadSchema::of::<A>)
    }

    /// With this shape as the acknowledgement of success.
    pub const fn answers_shape(self, ack: fn() -> PayloadSchema) -> Self {
        Self { ack, ..self }
    }

    /// With an acknowledgement that contains the fields of this broadcast, besides the field `ok`.
    pub const fn confirms<P: ToSchema>(self) -> Self {
        self.answers_shape(|| PayloadSchema::of::<AckOk>().and(PayloadSchema::of::<P>()))
    }

    /// An alias of the event.
    pub const fn also(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The event's description.
    pub fn schema(&self) -> ClientEventSchema {
        let ack = (self.ack)().or(PayloadSchema::of::<AckError<'_>>());
        ClientEventSchema { name: self.name, about: self.about, argument: self.argument.map(|shape| shape()), ack: Some(ack) }
    }
}

/// Parses an event that one of these definitions names; `None` if none does.
pub fn parse_event(events: &[ClientEvent], message: &ClientMessage<'_>) -> Option<ParsedRequest> {
    let ClientMessage::Event { name, args } = message else { return None };
    let event = events.iter().find(|event| event.name == *name)?;
    Some(ParsedRequest { name: event.request, action: (event.read)(args) })
}

/// The error for a field that is absent or invalid.
///
/// The inputs are the arguments, the field of the first one, and what it must be. A field counts as absent if it is null, or if the argument is null or
/// missing. An argument that is not an object is taken for the field itself.
pub fn invalid_field(args: &Args<'_>, field: &'static str, wanted: impl Into<Reason>) -> DomainError {
    let given = match args.get(0).map(str::trim) {
        None => None,
        Some(object) if object.starts_with('{') => match serde_json::from_str::<HashMap<Cow<'_, str>, &RawValue>>(object) {
            Ok(fields) => fields.get(field).map(|value| value.get()),
            // For example, a field appears twice.
            Err(_) => Some(object),
        },
        Some(other) => Some(other),
    };
    missing_or_invalid(given.filter(|given| *given != "null").is_none(), field, wanted)
}

/// The error for a field that is absent or invalid.
pub fn missing_or_invalid(is_absent: bool, field: &'static str, wanted: impl Into<Reason>) -> DomainError {
    if is_absent { DomainError::invalid_input(field, "is required") } else { DomainError::invalid_input(field, wanted) }
}

/// The id that the first argument names: in an object of type `T`, or alone. `None` if it is neither.
pub fn id_argument<T: DeserializeOwned + Into<IdInput>>(args: &Args<'_>) -> Option<IdInput> {
    match object::<T>(args) {
        Some(object) => Some(object.into()),
        None => args.get(0).and_then(|arg| serde_json::from_str(arg).ok()),
    }
}

/// The first argument, if it is an object of this type. serde would take an array for a struct, too.
pub fn object<'a, T: Deserialize<'a>>(args: &Args<'a>) -> Option<T> {
    args.get(0).filter(|arg| arg.trim_start().starts_with('{')).and_then(|arg| serde_json::from_str(arg).ok())
}
