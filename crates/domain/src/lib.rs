//! The rules of Roomcast: users, rooms, permissions and events. No I/O, no clock, no randomness.
//!
//! Read in this order; a module imports only modules above it, which `cargo xtask lint` checks:
//!
//! - [`model`]: the entities, ids and timestamps, and the table of the kinds of rooms.
//! - [`field`]: the input fields of commands and queries. [`error`]: their errors.
//! - [`event`]: the events, and the rooms that receive each.
//! - [`ports`]: the traits of the store, the id source and the bus.
//! - [`quotas`]: how much a user may store.
//! - [`command`]: commands and queries, and the transaction in which a command is decided.
//! - [`id_generator`]: the generator of new ids. [`validation`]: input validation. [`idempotency`]: idempotency keys.
//! - [`access`]: the permissions of rooms. `embedded_members`: the members that a response or an event embeds.
//! - the areas, a folder each, whose files have one operation or a few: [`blocks`], [`users`], [`notifications`], [`tasks`], [`chat`], [`calls`],
//!   [`spaces`], [`sessions`], [`removals`], [`trips`] and [`custom_events`].
//! - [`explain`]: what the store knows about an event and a user.

pub mod access;
pub mod blocks;
pub mod calls;
pub mod chat;
pub mod command;
pub mod custom_events;
mod embedded_members;
pub mod error;
pub mod event;
pub mod explain;
pub mod field;
pub mod id_generator;
pub mod idempotency;
pub mod model;
pub mod notifications;
pub mod ports;
pub mod quotas;
pub mod removals;
pub mod sessions;
pub mod spaces;
pub mod tasks;
pub mod trips;
pub mod users;
pub mod validation;

/// The ids, kinds of rooms and timestamps of the [`model`], which most code needs.
pub mod ids {
    pub use crate::model::{EntityId, MAX_ID_BYTES, RoomId, RoomKind, Timestamp, UserId, parse_id};
}
