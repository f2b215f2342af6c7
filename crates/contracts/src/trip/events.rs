//! The events of the trip contract.

use super::payloads::{Added, Connected, NotificationPayload, Notified, PingConfirmed, Pong, Presence, Removed, TripAck, Updated};
use super::requests::{TripRef, TripUpdate, trip_of, update, update_of};
use crate::ClientAction;
use crate::auth_refresh;
use crate::event_schema::{ClientEvent, ServerEvent, server_events};

server_events! {
    /// The connection was accepted.
    CONNECTED: ServerEvent<Connected<'_>> = "connected";
    /// This connection is subscribed to a trip. Sent if its request had no acknowledgement.
    TRIP_JOINED: ServerEvent<NotificationPayload<'_>> = "trip:joined";
    /// This connection is unsubscribed from a trip. Sent if its request had no acknowledgement.
    TRIP_LEFT: ServerEvent<NotificationPayload<'_>> = "trip:left";
    /// A trip or its members changed, or the trip was deleted.
    TRIP_UPDATED: ServerEvent<Updated<'_>> = "trip:updated";
    /// This user was added to a trip. Sent to all connections of the user. The payload is the trip.
    TRIP_ADDED: ServerEvent<Added<'_>> = "trip:added";
    /// This user is no longer a member of a trip, or the trip was deleted. Sent to all connections of the user.
    TRIP_REMOVED: ServerEvent<Removed<'_>> = "trip:removed";
    /// Another user entered a trip that this connection has joined.
    USER_JOINED: ServerEvent<Presence<'_>> = "user:joined";
    /// Another user left it.
    USER_LEFT: ServerEvent<Presence<'_>> = "user:left";
    /// The reply to a ping without an acknowledgement.
    PONG: ServerEvent<Pong> = "pong";
    /// A notification for this user, or for all users. An admin may choose another event name for a notification to all users.
    NOTIFICATION: ServerEvent<Notified<'_>> = "notification";
}

/// The events that clients of this contract may send.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("trip:join", "Subscribes this connection to a trip.", |args| trip_of(args).map(ClientAction::Enter))
        .names::<TripRef>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("trip:leave", "Unsubscribes this connection from a trip.", |args| trip_of(args).map(ClientAction::Leave))
        .names::<TripRef>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("trip:update", "Changes a trip. Its members receive `trip:updated`.", |args| update_of(args).map(update))
        .takes::<TripUpdate<'_>>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("ping", "Returns a pong.", |_| Ok(ClientAction::Ping)).answers::<PingConfirmed>(),
    auth_refresh::REFRESH,
];
