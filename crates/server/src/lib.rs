//! The program: it builds the server from the crates, and has the commands of the binary.
//!
//! A program that contains the server calls [`serve_with`]; its task has the functions of [`BackendApi`].
//!
//! - [`serve`](mod@serve): the start, from the settings to a listening server, and the stop.
//! - `service_manager`: the messages to systemd.
//! - [`cli`]: the commands of the binary `roomcast`.
//! - [`app`]: builds the server from the other crates.
//! - [`codegen`]: the contracts for tools: TypeScript and AsyncAPI; and the reference pages.
//! - [`clock`]: the current time.

pub mod app;
pub mod cli;
pub mod clock;
pub mod codegen;
pub mod serve;
mod service_manager;

pub use config::Config;
pub use contracts::backend_api::{BackendApi, Pending};
pub use contracts::messenger::MessengerBackendApi;
pub use domain::custom_events::CustomEvent;
pub use domain::error::DomainError;
pub use domain::ids::{EntityId, RoomId, RoomKind, UserId};
pub use domain::notifications::{NewNotification, Notification};
pub use serve::{serve, serve_with};
