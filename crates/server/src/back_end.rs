//! What a team's own back end can do here: say something to people, know who is online, end connections. The trait is for a program that has
//! this library inside, under the names that the messenger contract uses; over HTTP the same is `/api/v1/emit` and its neighbours.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use domain::emissions::{Emission, Emit};
use domain::event::Signal;
use domain::names::{Id, Kind, PersonId, Room};
use domain::notifications::{NewNotification, Notification, Notify};
use domain::operation::{Actor, Command};
use domain::refusal::Refusal;
use domain::seam::{Bus, Notice};
use serde_json::Value;
use store::Writer;
use tokio::sync::oneshot;

use crate::dialects::messenger::spoken;
use crate::presence::People;

/// The utilities of a back end. What is emitted is stored and ordered as anything else that happens; the answer is its position.
pub trait BackEnd: Send + Sync {
    /// Says something of the back end's own making.
    fn emit(&self, emission: Emission) -> Pending<i64>;

    /// Says something that is worth nothing late: it is not stored, and not for those who cannot take it at this instant.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    fn emit_volatile(&self, emission: Emission) -> Result<(), Refusal>;

    /// Stores a notification and tells it to its person, on all devices.
    fn emit_notification_to_user(&self, notification: NewNotification) -> Pending<Notification>;

    /// Whether a person is online; a moment after the last connection is gone one still is.
    fn is_user_online(&self, person: &PersonId) -> bool;

    /// How many people are online.
    fn online_users_count(&self) -> usize;

    /// Ends all connections of these people, and these connections.
    fn disconnect(&self, people: Vec<PersonId>, connections: Vec<String>, reason: String);

    /// Says something to a person, on all devices.
    fn send_to_user(&self, person: &PersonId, event: &str, data: Value) -> Pending<i64> {
        self.emit(emission(Room::inbox(person), event, data))
    }

    /// Says something to everybody who is connected.
    fn broadcast_to_all(&self, event: &str, data: Value) -> Pending<i64> {
        self.emit(emission(Room::everyone(), event, data))
    }

    /// Tells a conversation of a message that the back end keeps itself.
    fn emit_new_message(&self, conversation: &str, message: Value) -> Pending<i64> {
        let (event, data) = spoken::message_new(message);
        self.emit(emission(Kind::Conversation.room(conversation), event, data))
    }

    /// Tells a conversation that a person has read these messages, and all others up to `up_to`.
    fn emit_message_read(&self, conversation: &str, reader: &PersonId, messages: &[Id], up_to: Id) -> Pending<i64> {
        let room = Kind::Conversation.room(conversation);
        let (event, data) = spoken::messages_read(&room, reader, messages, up_to);
        self.emit(emission(room, event, data))
    }

    /// Tells a conversation that such a message is gone.
    fn emit_message_deleted(&self, conversation: &str, message: Id) -> Pending<i64> {
        let room = Kind::Conversation.room(conversation);
        let (event, data) = spoken::message_deleted(&room, message);
        self.emit(emission(room, event, data))
    }

    /// Tells a person that an order has changed.
    fn emit_order_update(&self, person: &PersonId, order: Value) -> Pending<i64> {
        self.send_to_user(person, "order:update", order)
    }
}

fn emission(room: Room, event: &str, data: Value) -> Emission {
    Emission { rooms: vec![room], except: Vec::new(), except_connections: Vec::new(), name: event.to_owned(), data: Some(data) }
}

/// An answer that comes when the change is on the disk. Whoever does not wait for it gets the change all the same.
pub struct Pending<T>(oneshot::Receiver<Result<T, Refusal>>);

impl<T> Future for Pending<T> {
    type Output = Result<T, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(Refusal::Unavailable("the server is stopping".to_owned()))))
    }
}

/// The utilities on this server's parts.
pub struct Utilities {
    writer: Writer,
    bus: Arc<dyn Bus>,
    people: Arc<People>,
}

impl Utilities {
    /// The parts: where commands are decided, where signals go, and who is online.
    pub fn new(writer: Writer, bus: Arc<dyn Bus>, people: Arc<People>) -> Self {
        Self { writer, bus, people }
    }

    fn run<C: Command>(&self, command: C) -> Pending<C::Answer> {
        let (reply, answer) = oneshot::channel();
        self.writer.run(Actor::server(), command, move |result| drop(reply.send(result)));
        Pending(answer)
    }
}

impl BackEnd for Utilities {
    fn emit(&self, emission: Emission) -> Pending<i64> {
        self.run(Emit(emission))
    }

    fn emit_volatile(&self, emission: Emission) -> Result<(), Refusal> {
        emission.check()?;
        self.bus.publish(Notice::Signal(Signal::Emitted { emission }.into()));
        Ok(())
    }

    fn emit_notification_to_user(&self, notification: NewNotification) -> Pending<Notification> {
        self.run(Notify(notification))
    }

    fn is_user_online(&self, person: &PersonId) -> bool {
        self.people.is_online(person)
    }

    fn online_users_count(&self) -> usize {
        self.people.count()
    }

    fn disconnect(&self, people: Vec<PersonId>, connections: Vec<String>, reason: String) {
        self.bus.publish(Notice::Signal(Signal::Expelled { people, connections, reason }.into()));
    }
}
