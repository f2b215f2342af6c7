//! JSON objects from clients.

use serde::Deserialize;

/// Reads an object. `None` for anything else, also for a list, whose items serde would parse as the fields in their order.
pub(super) fn read_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}
