//! Conversion between texts and JSON strings.

use std::borrow::Cow;

/// Appends `text` as a JSON string, escaped as `JSON.stringify` does.
pub(super) fn write_string(json: &mut String, text: &str) {
    if text.bytes().any(needs_escape) {
        json.push_str(&serde_json::Value::from(text).to_string());
    } else {
        json.push('"');
        json.push_str(text);
        json.push('"');
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The text of a JSON string; `None` if it contains half of a surrogate pair, which no text in Rust can hold.
pub(super) fn unescape(string: &str) -> Option<Cow<'_, str>> {
    let inside = string.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') { serde_json::from_str(string).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inside)) }
}

/// Whether a JSON string has the content `text`, in any form of escaping.
pub(super) fn is_string(string: &str, text: &str) -> bool {
    unescape(string).is_some_and(|unescaped| unescaped == text)
}
