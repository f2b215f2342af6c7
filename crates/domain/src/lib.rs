//! The rules of Roomcast: users, rooms, permissions and events. No I/O, no clock, no randomness.
//!
//! Read in this order:
//!
//! - [`names`]: the ids of users and rooms, and timestamps. `kinds`: the table of the kinds of rooms.
//! - [`event`]: the events, and the rooms that receive each.
//! - [`refusal`]: the errors of commands and queries.
//! - [`seam`]: the ports to the store, the id source and the bus.
//! - [`operation`]: commands and queries, and the transaction in which a command is decided.
//! - [`ids`]: the generator of new ids. [`fields`]: input validation. [`keys`]: idempotency.
//! - [`quotas`]: how much a user may store.
//! - the areas, a folder each: [`people`], [`blocks`], [`spaces`], [`tasks`], [`chat`], [`calls`], [`trips`], [`notifications`], [`emissions`],
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
