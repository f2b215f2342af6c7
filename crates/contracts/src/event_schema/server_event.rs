//! Events of the server: the name and the type of the payload.

use std::borrow::Cow;
use std::marker::PhantomData;

use client_json::json;
use engine::OutboundMessage;
use serde::Serialize;
use utoipa::ToSchema;

use super::{PayloadSchema, ServerEventSchema};

/// An event with one payload.
pub struct ServerEvent<P> {
    name: &'static str,
    about: &'static str,
    // A definition for a payload with a long lifetime is one for a shorter lifetime, too.
    payload: PhantomData<fn() -> P>,
}

impl<P: Serialize + ToSchema> ServerEvent<P> {
    /// An event with its name and its description.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, payload: PhantomData }
    }

    /// The event's name, as clients receive it.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Encodes the event.
    pub fn render(&self, payload: &P) -> OutboundMessage {
        self.render_as(self.name, payload)
    }

    /// Encodes the event with another name, which its sender has chosen.
    pub fn render_as(&self, name: impl Into<Cow<'static, str>>, payload: &P) -> OutboundMessage {
        OutboundMessage::event(name, json(payload)).expect("a contract has no reserved word, and serde_json writes JSON")
    }

    /// The event's description.
    pub fn schema(&self) -> ServerEventSchema {
        ServerEventSchema { name: self.name, about: self.about, payload: Some(PayloadSchema::of::<P>()) }
    }
}

/// An event without a payload.
pub struct UnitServerEvent {
    name: &'static str,
    about: &'static str,
}

impl UnitServerEvent {
    /// As [`ServerEvent::new`].
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// Encodes the event.
    pub fn render(&self) -> OutboundMessage {
        OutboundMessage::event(self.name, String::new()).expect("a contract has no reserved word")
    }

    /// The event's description.
    pub fn schema(&self) -> ServerEventSchema {
        ServerEventSchema { name: self.name, about: self.about, payload: None }
    }
}

/// The events of a contract, one a line: a sentence, a name in the code, the type of the event with the type of its payload, and the name that
/// clients receive. The macro also defines `server_events`, which lists them all.
macro_rules! server_events {
    ($($(#[doc = $about:literal])+ $event:ident: $sort:ty = $name:literal;)+) => {
        $($(#[doc = $about])+ pub(super) const $event: $sort = <$sort>::new($name, concat!($($about),+));)+

        /// All events that the server sends in this contract.
        pub(super) fn server_events() -> Vec<$crate::event_schema::ServerEventSchema> {
            vec![$($event.schema()),+]
        }
    };
}

pub(crate) use server_events;
