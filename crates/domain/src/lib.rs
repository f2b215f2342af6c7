//! The rules of Roomcast: users, rooms, permissions and events. No I/O, no clock, no randomness.
//!
//! Read in this order:
//!
//! - [`ids`]: the ids of users and rooms, and timestamps. `room_kind`: the table of the kinds of rooms.
//! - [`event`]: the events, and the rooms that receive each.
//! - [`error`]: the errors of commands and queries.
//! - [`ports`]: the ports to the store, the id source and the bus.
//! - [`command`]: commands and queries, and the transaction in which a command is decided.
//! - [`id_generator`]: the generator of new ids. [`validation`]: input validation. [`idempotency`]: idempotency.
//! - [`quotas`]: how much a user may store.
//! - the areas, a folder each: [`users`], [`blocks`], [`spaces`], [`tasks`], [`chat`], [`calls`], [`trips`], [`notifications`], [`custom_events`],
//!   [`sessions`]; and [`removals`], which cross several areas. Each `mod.rs` has the area's types; the files beside it have its operations.

pub mod blocks;
pub mod calls;
pub mod chat;
pub mod command;
pub mod custom_events;
pub mod error;
pub mod event;
pub mod id_generator;
pub mod idempotency;
pub mod ids;
pub mod notifications;
pub mod ports;
pub mod quotas;
pub mod removals;
mod room_kind;
pub mod sessions;
pub mod spaces;
pub mod tasks;
pub mod trips;
pub mod users;
pub mod validation;
