//! JSON values as clients see them, over REST and over sockets.
//!
//! - [`ids`]: ids as clients write and read them.
//! - [`timestamps`]: the forms of times.
//! - [`field_names`]: the clients' names of the domain's input fields.
//! - [`error_text`]: the parts of a domain error that a client receives.
//! - [`error_help`]: the meaning, the cause, and the remedy of each error code.
//! - [`payload_schema`]: the schema of a value, with the named schemas that it refers to.

pub mod error_help;
pub mod error_text;
pub mod field_names;
pub mod ids;
pub mod payload_schema;
pub mod timestamps;

use serde::Serialize;

/// A value as JSON text.
pub fn json(value: &impl Serialize) -> String {
    // Serialization fails only for a map with keys that are not text, or a writer that fails; the server's objects have neither.
    serde_json::to_string(value).expect("an object of ours is JSON")
}
