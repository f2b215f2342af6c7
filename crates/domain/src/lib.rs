//! What Roomcast does, and nothing about how: no I/O, no clock, no randomness, no client's field names.
//!
//! Read in this order:
//!
//! - [`names`]: who and where (people, rooms, ids, times). `kinds`: the table of the kinds of rooms.
//! - [`event`]: what can happen, and which rooms hear of it.
//! - [`refusal`]: the closed list of ways to say no.
//! - [`seam`]: what the rules ask of the outside (stores, ids, the bus).
//! - [`operation`]: a command or a query, and the transaction in which it is decided.
//! - [`ids`]: how new ids are made. [`fields`]: what may stand in a field. [`keys`]: one request is answered once.
//! - [`quotas`]: how much a user may store.
//! - the areas, a folder each: [`people`], [`blocks`], [`spaces`], [`tasks`], [`chat`], [`calls`], [`trips`], [`notifications`], [`emissions`], [`sessions`]; and [`removals`], which cross several of them. Each `mod.rs` is the area's things; the files beside it are its
//!   operations.

pub mod blocks;
pub mod calls;
pub mod chat;
pub mod emissions;
pub mod event;
pub mod fields;
pub mod ids;
pub mod keys;
mod kinds;
pub mod names;
pub mod notifications;
pub mod operation;
pub mod people;
pub mod quotas;
pub mod refusal;
pub mod removals;
pub mod seam;
pub mod sessions;
pub mod spaces;
pub mod tasks;
pub mod trips;
