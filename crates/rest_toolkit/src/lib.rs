//! What all REST paths share. The paths themselves are in the contracts and in the API crate.
//!
//! Read in this order:
//!
//! - [`request_context`]: an authenticated request, and how it becomes a command or a query. `caller`: its user. [`state`]: what all requests share.
//!   `seen_users`: the users who were loaded recently.
//! - [`api`]: the paths that a contract declares; each contract has its own in its folder.
//! - [`fields`], [`ids`]: parsing of a request's fields and ids. [`kind_guard`]: restricts a path to its contract's tasks. `idempotency`: the responses
//!   to repeated requests.
//! - [`list`]: pages of lists. [`reread`]: how the object of a large response is read for a repeated request.
//! - [`response`]: responses and errors. [`error_body`]: the JSON of an error, and its format in a contract.
//! - [`body_schema`]: the fields of a body, for parsing and for the document. [`inline_schema`]: a schema without references.

pub mod api;
pub mod body_schema;
mod caller;
pub mod error_body;
pub mod fields;
mod idempotency;
pub mod ids;
pub mod inline_schema;
pub mod kind_guard;
pub mod list;
pub mod request_context;
pub mod reread;
pub mod response;
mod seen_users;
pub mod state;

pub use caller::Caller;
pub use state::RestState;
