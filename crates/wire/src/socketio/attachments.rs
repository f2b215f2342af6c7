//! Attachments: the binary data that belong to a JSON text.

use std::fmt::Write;

use super::text;

/// The most attachments of one packet; the bound of socket.io-parser 4.2.6, whose clients reject more.
pub const MAX_ATTACHMENTS: usize = 10;

/// Appends the placeholder of attachment `num`.
pub(super) fn write_placeholder(json: &mut String, num: usize) {
    // Writing to a String cannot fail.
    let _ = write!(json, r#"{{"_placeholder":true,"num":{num}}}"#);
}

/// Determines, member by member, whether a JSON object is a placeholder.
#[derive(Default)]
pub(super) struct Suspect<'a> {
    marked: bool,
    num: Option<&'a str>,
}

impl<'a> Suspect<'a> {
    /// Looks at one member, given as the JSON texts of its name and value. If two members have the same name, the last one counts, as in
    /// JavaScript.
    pub fn member(&mut self, name: &'a str, value: &'a str) {
        if text::is_string(name, "_placeholder") {
            self.marked = value == "true";
        } else if text::is_string(name, "num") {
            self.num = Some(value);
        }
    }

    /// Whether the object is no placeholder, or one of an attachment that exists.
    pub fn is_innocent(&self, attachments: usize) -> bool {
        !self.marked || self.num.and_then(|num| num.parse().ok()).is_some_and(|num: usize| num < attachments)
    }
}
