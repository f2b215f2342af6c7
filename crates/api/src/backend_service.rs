//! The functions for a backend, on the parts of this server.

use std::sync::Arc;

use contracts::backend_api::{BackendApi, Pending};
use domain::command::{Actor, Command};
use domain::custom_events::{CustomEvent, PublishCustomEvent};
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::ids::UserId;
use domain::notifications::{CreateNotification, NewNotification, Notification};
use domain::ports::{Bus, BusMessage};
use realtime::presence::OnlineUsers;
use store::Writer;
use tokio::sync::oneshot;

/// The functions, on the parts of this server.
pub struct BackendService {
    writer: Writer,
    bus: Arc<dyn Bus>,
    users: Arc<OnlineUsers>,
}

impl BackendService {
    /// The parts: the writer runs commands, the bus takes ephemeral events, and `users` are the users who are online.
    pub fn new(writer: Writer, bus: Arc<dyn Bus>, users: Arc<OnlineUsers>) -> Self {
        Self { writer, bus, users }
    }

    fn run<C: Command>(&self, command: C) -> Pending<C::Output> {
        let (reply, result) = oneshot::channel();
        self.writer.run(Actor::server(), command, move |result| drop(reply.send(result)));
        Pending::new(result)
    }
}

impl BackendApi for BackendService {
    fn emit(&self, custom_event: CustomEvent) -> Pending<i64> {
        self.run(PublishCustomEvent(custom_event))
    }

    fn emit_volatile(&self, custom_event: CustomEvent) -> Result<(), DomainError> {
        custom_event.check()?;
        self.bus.publish(BusMessage::Ephemeral(EphemeralEvent::Emitted { custom_event }.into()));
        Ok(())
    }

    fn emit_notification_to_user(&self, notification: NewNotification) -> Pending<Notification> {
        self.run(CreateNotification(notification))
    }

    fn is_user_online(&self, user: &UserId) -> bool {
        self.users.is_online(user)
    }

    fn online_users_count(&self) -> usize {
        self.users.count()
    }

    fn disconnect(&self, users: Vec<UserId>, connections: Vec<String>, reason: String) {
        self.bus.publish(BusMessage::Ephemeral(EphemeralEvent::Disconnected { users, connections, reason }.into()));
    }
}
