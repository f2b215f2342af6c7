//! Messages of the server in this contract: a type of envelope, with the types of its data and of its origin.

use std::marker::PhantomData;

use client_json::json;
use client_json::timestamps::Microseconds;
use domain::ids::{RoomId, Timestamp};
use domain::users::User;
use engine::OutboundMessage;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{PartialSchema, ToSchema};

use super::envelope::Envelope;
use crate::event_schema::{PayloadSchema, ServerEventSchema};

/// A type of envelope: the type of its data, and its origin (room and sender).
pub(super) struct EnvelopeEvent<D, O> {
    name: &'static str,
    about: &'static str,
    types: PhantomData<fn() -> (D, O)>,
}

impl<D: Serialize + ToSchema, O: Origin> EnvelopeEvent<D, O> {
    /// A message with its name and its description.
    pub(super) const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, types: PhantomData }
    }

    /// Encodes the message.
    pub(super) fn render(&self, origin: &O, data: &D, at: Timestamp) -> OutboundMessage {
        OutboundMessage::Text(self.text(origin, data, at))
    }

    /// The envelope as text.
    pub(super) fn text(&self, origin: &O, data: &D, at: Timestamp) -> String {
        let (room, sender) = (origin.room(), origin.sender());
        json(&Envelope { r#type: self.name, room, data, sender, timestamp: Microseconds(at) })
    }

    /// The message's description.
    pub(super) fn schema(&self) -> ServerEventSchema {
        let data = PayloadSchema::of::<D>();
        let id = ObjectBuilder::new().schema_type(Type::String).description(Some(POSITION));
        let object = ObjectBuilder::new().property("type", only(self.name)).required("type").property("id", id);
        let object = if O::ROOM { object.property("room", String::schema()).required("room") } else { object };
        let object = object.property("data", data.schema).required("data");
        let object = if O::SENDER == Sender::Nobody { object } else { object.property("sender", String::schema()) };
        let object = if O::SENDER == Sender::Known { object.required("sender") } else { object };
        let object = object.property("timestamp", Microseconds::schema()).required("timestamp");
        ServerEventSchema {
            name: self.name,
            about: self.about,
            payload: Some(PayloadSchema { schema: object.into(), components: data.components }),
        }
    }
}

/// The description of `id`.
const POSITION: &str = "The position of the message in the order of all stored events; absent if the event is not stored. Connect with ?since= and this value to receive the later events.";

/// A text with one possible value.
pub(super) fn only(text: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some([text]))
}

/// Whether a type of envelope names a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    Nobody,
    Known,
    /// If the sender is known.
    Perhaps,
}

/// The room and the sender of an envelope.
pub(super) trait Origin {
    /// Whether it names a room.
    const ROOM: bool;
    const SENDER: Sender;

    fn room(&self) -> Option<&str> {
        None
    }

    fn sender(&self) -> Option<&str> {
        None
    }
}

/// To one connection, or one user.
pub(super) struct Direct;

/// About a room.
pub(super) struct About<'a>(pub(super) &'a RoomId);

/// About a room, from a user.
pub(super) struct From<'a>(pub(super) &'a RoomId, pub(super) &'a User);

/// About a room, from the user who caused it, if that user is known.
pub(super) struct By<'a>(pub(super) &'a RoomId, pub(super) Option<&'a User>);

/// About a room, from the server itself.
pub(super) struct BySystem<'a>(pub(super) &'a RoomId);

impl Origin for Direct {
    const ROOM: bool = false;
    const SENDER: Sender = Sender::Nobody;
}

impl Origin for About<'_> {
    const ROOM: bool = true;
    const SENDER: Sender = Sender::Nobody;

    fn room(&self) -> Option<&str> {
        Some(self.0.as_str())
    }
}

impl Origin for From<'_> {
    const ROOM: bool = true;
    const SENDER: Sender = Sender::Known;

    fn room(&self) -> Option<&str> {
        Some(self.0.as_str())
    }

    fn sender(&self) -> Option<&str> {
        Some(self.1.handle())
    }
}

impl Origin for By<'_> {
    const ROOM: bool = true;
    const SENDER: Sender = Sender::Perhaps;

    fn room(&self) -> Option<&str> {
        Some(self.0.as_str())
    }

    fn sender(&self) -> Option<&str> {
        self.1.map(User::handle)
    }
}

impl Origin for BySystem<'_> {
    const ROOM: bool = true;
    const SENDER: Sender = Sender::Known;

    fn room(&self) -> Option<&str> {
        Some(self.0.as_str())
    }

    fn sender(&self) -> Option<&str> {
        Some("system")
    }
}
