//! The server: everything between the network and the domain, and the binary's shell.
//!
//! Read in this order:
//!
//! - [`cli`]: what the binary `roomcast` can be told to do.
//! - [`config`]: every setting with its default, its environment name and its sentence; and the rule for origins.
//! - [`auth`]: where a token is found, whom it speaks for, and how one is made.
//! - [`dialects`]: how each contract says what happens, and what it means by what its clients say.
//! - [`descriptions`]: the contracts as tools read them: TypeScript and AsyncAPI.
//! - [`live`]: people's live connections: who comes, what they ask, and what they are told.
//! - [`presence`]: who is here.
//! - [`rest`]: the same over HTTP.
//! - [`back_end`]: what a team's own back end can do, over HTTP or in the same program.
//! - [`limits`]: how much one person, and one address, may ask for in a while.
//! - [`removals`]: removals that are done in steps.
//! - [`admission`]: whether new connections are taken at all.
//! - [`memory`]: how much of it is used, and what that means for new connections. [`bytes_in_hand`]: the bytes of incomplete input and unwritten
//!   output, counted for each client.
//! - [`listener`]: sockets, TLS and HTTP/1.1, up to the upgrade.
//! - [`health`]: whether the server does its work. [`metrics`]: what it counts.
//! - [`audit`]: who came, who left, who was refused.
//! - [`logs`]: how all of that is written down.
//! - [`clock`]: what time it is.
//! - [`product`]: all of these put together.
//! - [`serve`](mod@serve): the start, from the settings to a listening server.

pub mod admission;
pub mod audit;
pub mod auth;
pub mod back_end;
pub mod bytes_in_hand;
pub mod cli;
pub mod clock;
pub mod config;
pub mod descriptions;
pub mod dialects;
pub mod health;
pub mod limits;
pub mod listener;
pub mod live;
pub mod logs;
pub mod memory;
pub mod metrics;
pub mod parsed;
pub mod presence;
pub mod product;
pub mod removals;
pub mod rest;
pub mod serve;

pub use serve::serve;
