//! The words of the trip contract.

use super::payloads::{Added, Connected, NotificationPayload, Notified, PingConfirmed, Pong, Presence, Removed, TripAck, Updated};
use super::requests::{TripRef, TripUpdate, trip_of, update, update_of};
use crate::contracts::ClientAction;
use crate::contracts::auth_refresh;
use crate::contracts::event_schema::{ClientEvent, ServerEvent, server_events};

server_events! {
    /// This connection is let in.
    CONNECTED: ServerEvent<Connected<'_>> = "connected";
    /// This connection hears a trip from now on, as it has asked without an acknowledgement.
    TRIP_JOINED: ServerEvent<NotificationPayload<'_>> = "trip:joined";
    /// This connection hears a trip no longer, likewise.
    TRIP_LEFT: ServerEvent<NotificationPayload<'_>> = "trip:left";
    /// A trip was changed, its members are others, or it is gone.
    TRIP_UPDATED: ServerEvent<Updated<'_>> = "trip:updated";
    /// This user was added to a trip; on all of the user's connections. The payload is the trip.
    TRIP_ADDED: ServerEvent<Added<'_>> = "trip:added";
    /// This user is no longer on a trip, or the trip is gone; on all of the user's connections.
    TRIP_REMOVED: ServerEvent<Removed<'_>> = "trip:removed";
    /// Somebody else has come to a trip that this connection has joined.
    USER_JOINED: ServerEvent<Presence<'_>> = "user:joined";
    /// Somebody else has gone.
    USER_LEFT: ServerEvent<Presence<'_>> = "user:left";
    /// To a ping without an acknowledgement.
    PONG: ServerEvent<Pong> = "pong";
    /// There is a notification for this person, or for everybody. An admin who tells everybody something may choose another name for it.
    NOTIFICATION: ServerEvent<Notified<'_>> = "notification";
}

/// What clients of this contract may say.
pub(super) const CLIENT_EVENTS: &[ClientEvent] = &[
    ClientEvent::new("trip:join", "Hears a trip on this connection.", |args| trip_of(args).map(ClientAction::Enter))
        .names::<TripRef>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("trip:leave", "Hears it no longer.", |args| trip_of(args).map(ClientAction::Leave))
        .names::<TripRef>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("trip:update", "Changes a trip; everybody on it is told.", |args| update_of(args).map(update))
        .takes::<TripUpdate<'_>>()
        .answers::<TripAck<'_>>(),
    ClientEvent::new("ping", "Is answered.", |_| Ok(ClientAction::Ping)).answers::<PingConfirmed>(),
    auth_refresh::REFRESH,
];
