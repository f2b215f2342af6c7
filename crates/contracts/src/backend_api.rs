//! The functions for a backend: emit events, query presence, end connections.
//!
//! The trait is for a program that contains this library; see `roomcast::serve_with`. A contract may add functions of its own, as
//! [`MessengerBackendApi`](crate::messenger::MessengerBackendApi) does. Over HTTP the same functions are `/api/v1/emit`,
//! `/api/v1/presence` and `/api/v1/disconnect`.

use std::pin::Pin;
use std::task::{Context, Poll};

use domain::custom_events::CustomEvent;
use domain::error::DomainError;
use domain::ids::{RoomId, UserId};
use domain::notifications::{NewNotification, Notification};
use serde_json::Value;
use tokio::sync::oneshot;

/// The functions for a backend. An emitted event is stored and ordered as any other event; the future completes with its offset.
///
/// ```no_run
/// use serde_json::json;
/// use contracts::backend_api::BackendApi;
/// use domain::custom_events::CustomEvent;
/// use domain::error::DomainError;
/// use domain::ids::{RoomId, UserId};
///
/// async fn ship(backend: &dyn BackendApi, order: u64) -> Result<(), DomainError> {
///     let anna = UserId::new("anna");
///     // The future completes when the event is on the disk. Dropping it does not cancel the event.
///     backend.send_to_user(&anna, "order:shipped", json!({ "order": order })).await?;
///     if backend.is_user_online(&anna) {
///         backend.emit_volatile(CustomEvent {
///             rooms: vec![RoomId::inbox(&anna)],
///             except: Vec::new(),
///             except_connections: Vec::new(),
///             name: "map:refresh".into(),
///             data: None,
///         })?;
///     }
///     Ok(())
/// }
/// ```
pub trait BackendApi: Send + Sync {
    /// Emits an event of the backend's own.
    fn emit(&self, custom_event: CustomEvent) -> Pending<i64>;

    /// Emits an event that is not stored, and is dropped for clients that cannot take it at once.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] if the event has an invalid name or too many rooms.
    fn emit_volatile(&self, custom_event: CustomEvent) -> Result<(), DomainError>;

    /// Stores a notification and sends it to its user, on all devices.
    fn emit_notification_to_user(&self, notification: NewNotification) -> Pending<Notification>;

    /// Whether a user is online. A user stays online for `PRESENCE_GRACE` after the last connection has ended.
    fn is_user_online(&self, user: &UserId) -> bool;

    /// The number of users who are online.
    fn online_users_count(&self) -> usize;

    /// Ends all connections of these users, and these connections.
    fn disconnect(&self, users: Vec<UserId>, connections: Vec<String>, reason: String);

    /// Sends an event to a user, on all devices.
    fn send_to_user(&self, user: &UserId, event: &str, data: Value) -> Pending<i64> {
        self.emit(custom_event(RoomId::inbox(user), event, data))
    }

    /// Sends an event to all connected clients.
    fn broadcast_to_all(&self, event: &str, data: Value) -> Pending<i64> {
        self.emit(custom_event(RoomId::everyone(), event, data))
    }

    /// Sends an event to all connected clients. It is not stored, as in [`BackendApi::emit_volatile`].
    ///
    /// # Errors
    /// [`DomainError::Invalid`] if the event has an invalid name.
    fn broadcast_volatile_to_all(&self, event: &str, data: Value) -> Result<(), DomainError> {
        self.emit_volatile(custom_event(RoomId::everyone(), event, data))
    }
}

/// An event for one room.
pub fn custom_event(room: RoomId, event: &str, data: Value) -> CustomEvent {
    CustomEvent { rooms: vec![room], except: Vec::new(), except_connections: Vec::new(), name: event.to_owned(), data: Some(data) }
}

/// A result that is there when the change is on the disk. Dropping the future does not cancel the change.
pub struct Pending<T>(oneshot::Receiver<Result<T, DomainError>>);

impl<T> Pending<T> {
    /// The result that the sender of this channel sends.
    pub fn new(result: oneshot::Receiver<Result<T, DomainError>>) -> Self {
        Self(result)
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, DomainError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.0).poll(context);
        result.map(|result| result.unwrap_or_else(|_| Err(DomainError::Unavailable("the server is stopping".to_owned()))))
    }
}
