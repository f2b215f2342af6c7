//! The server: everything between the network and the domain.
//!
//! A program that contains the server calls [`serve_with`]; its task has the functions of [`BackendApi`].
//!
//! The modules, in reading order:
//!
//! - [`serve`](mod@serve): the start, from the settings to a listening server, and the stop.
//! - [`cli`]: the commands of the binary `roomcast`.
//! - [`config`]: every setting with its default, its environment name and its description; and the rule for origins.
//! - [`app`]: builds the server from the modules below.
//! - [`listener`]: sockets, TLS and HTTP/1.1, up to the upgrade.
//! - [`auth`]: where a request has its token, the verification of tokens, and their signing.
//! - [`contracts`]: how each contract encodes events and parses its clients' messages.
//! - [`codegen`]: the contracts for tools: TypeScript and AsyncAPI.
//! - [`realtime`]: users' live connections, their requests, and the events that they receive.
//! - [`presence`]: the users who are online, in rooms, typing, and in calls.
//! - [`rest`]: the HTTP API.
//! - [`backend_api`]: the functions for backends, over HTTP or in the same program.
//! - [`server_command`]: runs commands of the server itself.
//! - [`removals`]: removes users and spaces in steps.
//!
//! Limits:
//!
//! - [`rate_limit`]: rate limits of each user and of each address.
//! - [`admission`]: whether the server admits new connections.
//! - [`memory_guard`]: the memory in use, and its effect on new connections.
//! - [`bytes_in_memory`]: the bytes of incomplete input and unwritten output, counted for each client.
//! - [`json_memory`]: how much memory a client's JSON takes when it is parsed.
//!
//! Operations:
//!
//! - [`health`]: health checks.
//! - [`metrics`]: the metrics.
//! - [`logging`]: the output of the log.
//! - [`audit`]: the log of connections, disconnections and rejections.
//! - [`clock`]: the current time.

pub mod admission;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backend_api;
pub mod bytes_in_memory;
pub mod cli;
pub mod clock;
pub mod codegen;
pub mod config;
pub mod contracts;
pub mod health;
pub mod json_memory;
pub mod listener;
pub mod logging;
pub mod memory_guard;
pub mod metrics;
pub mod presence;
pub mod rate_limit;
pub mod realtime;
pub mod removals;
pub mod rest;
pub mod serve;
pub mod server_command;

pub use backend_api::{BackendApi, Pending};
pub use domain::custom_events::CustomEvent;
pub use domain::error::DomainError;
pub use domain::ids::{EntityId, RoomId, RoomKind, UserId};
pub use domain::notifications::{NewNotification, Notification};
pub use serve::{serve, serve_with};
