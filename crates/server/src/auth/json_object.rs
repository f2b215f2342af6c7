//! JSON objects from clients.

use serde::Deserialize;

/// Reads an object. Anything else is none, also a list, whose items serde would take for the fields in their order.
pub(super) fn read_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
