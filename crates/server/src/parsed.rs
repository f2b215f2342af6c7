//! How much memory a client's JSON takes when it is parsed.

/// Parsed JSON that takes fewer bytes is not counted as in hand.
pub const SMALL_PARSED: usize = 16 * 1024;

/// The memory of an object: a node of a `BTreeMap` with places for eleven fields.
const OBJECT: usize = 640;
/// The memory of a list, which begins with places for four values.
const LIST: usize = 128;
/// The memory of a further value, in a list whose capacity doubles.
const VALUE: usize = 64;
/// What the allocator adds to a text.
const TEXT: usize = 32;
/// A command has the values that it stores twice: in the object and in its event.
const COPIES: usize = 2;

/// About how many bytes a JSON text takes while a command with it is decided: up to two hundred times as many as the text has, because it is parsed into
/// `serde_json::Value`s.
///
/// Input: bytes that need not be JSON.
pub fn parsed_size(json: &[u8]) -> usize {
    let (mut size, mut in_text, mut is_escaped) = (json.len(), false, false);
    for byte in json {
        if in_text {
            in_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        size += match byte {
            b'{' => OBJECT,
            b'[' => LIST,
            b',' => VALUE,
            b'"' => {
                in_text = true;
                TEXT
            }
            _ => 0,
        };
    }
    COPIES * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_lists_count_more_than_their_text_and_characters_in_texts_do_not() {
        let table = [
            ("", 0),
            ("7", 1),
            (r#""{[,\\\"{[,""#, 12 + TEXT),
            (r#"{"a":1}"#, 7 + OBJECT + TEXT),
            ("[1,2,3]", 7 + LIST + 2 * VALUE),
            (r#"[{},"x"]"#, 8 + LIST + OBJECT + VALUE + TEXT),
            (r#""\\",{"#, 6 + TEXT + VALUE + OBJECT),
        ];
        for (json, size) in table {
            assert_eq!(parsed_size(json.as_bytes()), COPIES * size, "{json}");
        }
    }

    #[test]
    fn many_small_objects_take_two_hundred_times_their_text() {
        let json = format!("[{}]", vec![r#"{"":0}"#; 2000].join(","));
        let size = parsed_size(json.as_bytes());
        assert!(size > 2 * 100 * json.len(), "{size}");
    }
}
