//! How much memory a client's JSON takes when it is parsed.

use engine::http::{ByteCharge, OverBudget};

use crate::bytes_in_memory::Holder;

/// Parsed JSON that takes fewer bytes is not counted as in hand.
const MIN_COUNTED_BYTES: usize = 16 * 1024;

/// The memory of an object: a node of a `BTreeMap` with room for eleven fields.
const OBJECT_BYTES: usize = 640;
/// The memory of a list, which starts with room for four values.
const LIST_BYTES: usize = 128;
/// The memory of a further value, in a list whose capacity doubles.
const VALUE_BYTES: usize = 64;
/// The overhead of the allocator for a text.
const TEXT_BYTES: usize = 32;
/// A command has the values that it stores twice: in the object and in its event.
const COPIES: usize = 2;

/// About how many bytes a JSON text takes while a command with it is decided: for many small objects about two hundred times as many as the
/// text has, because it is parsed into `serde_json::Value`s. Empty objects and lists count too much.
///
/// The input is bytes that need not be JSON.
pub fn parsed_size(json: &[u8]) -> usize {
    let (mut size, mut in_text, mut is_escaped) = (json.len(), false, false);
    for byte in json {
        if in_text {
            in_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        size += match byte {
            b'{' => OBJECT_BYTES,
            b'[' => LIST_BYTES,
            b',' => VALUE_BYTES,
            b'"' => {
                in_text = true;
                TEXT_BYTES
            }
            _ => 0,
        };
    }
    COPIES * size
}

/// Why a client's JSON is not parsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseRejection {
    /// It takes more memory than a client may have in hand, so that a repetition cannot succeed either.
    TooComplex,
    /// There is no room for it now.
    NoRoom(OverBudget),
}

/// The error text of [`ParseRejection::TooComplex`].
pub const TOO_COMPLEX: &str = "takes too much memory; send fewer objects, lists and values at once";

/// Counts the memory of parsed JSON until the returned holder is dropped; `None` if that is little.
///
/// The inputs are the estimate of [`parsed_size`], and a function that makes the holder of the client.
pub fn count_parsed(size: usize, holder: impl FnOnce() -> Holder) -> Result<Option<Holder>, ParseRejection> {
    if size < MIN_COUNTED_BYTES {
        return Ok(None);
    }
    let mut holder = holder();
    if size > holder.most() {
        return Err(ParseRejection::TooComplex);
    }
    holder.set(size).map(|()| Some(holder)).map_err(ParseRejection::NoRoom)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use domain::ids::UserId;

    use super::*;
    use crate::bytes_in_memory::{BytesInHand, Shares};

    #[test]
    fn json_that_never_fits_has_an_error_of_its_own() {
        let share = 4 * MIN_COUNTED_BYTES;
        let book = Arc::new(BytesInHand::new(Shares { of_a_user: share, ..Shares::default() }));
        let holder = || book.holder(IpAddr::from([192, 0, 2, 1]), Some(UserId::new("anna")), Arc::new(|| ()));
        assert!(matches!(count_parsed(MIN_COUNTED_BYTES - 1, holder), Ok(None)));
        assert_eq!(count_parsed(share + 1, holder).err(), Some(ParseRejection::TooComplex));
        let first = count_parsed(share, holder).unwrap();
        assert_eq!(count_parsed(share, holder).err(), Some(ParseRejection::NoRoom(OverBudget { is_clients: true })));
        drop(first);
        assert!(matches!(count_parsed(share, holder), Ok(Some(_))));
    }

    #[test]
    fn objects_and_lists_count_more_than_their_text() {
        let table = [
            ("", 0),
            ("7", 1),
            (r#""{[,\\\"{[,""#, 12 + TEXT_BYTES),
            (r#"{"a":1}"#, 7 + OBJECT_BYTES + TEXT_BYTES),
            ("[1,2,3]", 7 + LIST_BYTES + 2 * VALUE_BYTES),
            (r#"[{},"x"]"#, 8 + LIST_BYTES + OBJECT_BYTES + VALUE_BYTES + TEXT_BYTES),
            (r#""\\",{"#, 6 + TEXT_BYTES + VALUE_BYTES + OBJECT_BYTES),
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
