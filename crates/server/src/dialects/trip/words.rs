//! The words of the trip contract.

use super::payloads::{Added, Confirmed, Connected, Noticed, Notified, PingConfirmed, Pong, Presence, Removed, Updated};
use super::requests::{TripNamed, TripUpdate, trip_of, update, update_of};
use crate::dialects::Ask;
use crate::dialects::tokens;
use crate::dialects::vocabulary::{ClientWord, Word, words};

words! {
    /// This connection is let in.
    CONNECTED: Word<Connected<'_>> = "connected";
    /// This connection hears a trip from now on, as it has asked without an acknowledgement.
    TRIP_JOINED: Word<Noticed<'_>> = "trip:joined";
    /// This connection hears a trip no longer, likewise.
    TRIP_LEFT: Word<Noticed<'_>> = "trip:left";
    /// A trip was changed, its members are others, or it is gone.
    TRIP_UPDATED: Word<Updated<'_>> = "trip:updated";
    /// This user was added to a trip; on all of the user's connections. The payload is the trip.
    TRIP_ADDED: Word<Added<'_>> = "trip:added";
    /// This user is no longer on a trip, or the trip is gone; on all of the user's connections.
    TRIP_REMOVED: Word<Removed<'_>> = "trip:removed";
    /// Somebody else has come to a trip that this connection has joined.
    USER_JOINED: Word<Presence<'_>> = "user:joined";
    /// Somebody else has gone.
    USER_LEFT: Word<Presence<'_>> = "user:left";
    /// To a ping without an acknowledgement.
    PONG: Word<Pong> = "pong";
    /// There is a notification for this person, or for everybody. An admin who tells everybody something may choose another name for it.
    NOTIFICATION: Word<Notified<'_>> = "notification";
}

/// What clients of this contract may say.
pub(super) const UNDERSTOOD: &[ClientWord] = &[
    ClientWord::new("trip:join", "Hears a trip on this connection.", |args| trip_of(args).map(Ask::Enter))
        .names::<TripNamed>()
        .answers::<Confirmed<'_>>(),
    ClientWord::new("trip:leave", "Hears it no longer.", |args| trip_of(args).map(Ask::Leave))
        .names::<TripNamed>()
        .answers::<Confirmed<'_>>(),
    ClientWord::new("trip:update", "Changes a trip; everybody on it is told.", |args| update_of(args).map(update))
        .takes::<TripUpdate<'_>>()
        .answers::<Confirmed<'_>>(),
    ClientWord::new("ping", "Is answered.", |_| Ok(Ask::Ping)).answers::<PingConfirmed>(),
    tokens::REFRESH,
];
