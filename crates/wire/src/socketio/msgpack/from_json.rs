//! Converts JSON text to msgpack.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::write::{self, FALSE, NIL, TRUE};

/// Appends the msgpack of one JSON text, with the attachments in the places of their placeholders. A text that serde_json cannot read
/// becomes nil: half a surrogate pair, a number out of range, or a text that is not JSON by a caller's mistake.
pub(super) fn value(out: &mut Vec<u8>, text: &str, attachments: &[&[u8]]) {
    let start = out.len();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    if (Writer { out, attachments }).deserialize(&mut deserializer).is_err() {
        out.truncate(start);
        out.push(NIL);
    }
}

/// Returns the msgpack of one JSON text, as [`value`] does, or an error for a text that serde_json cannot read.
pub(super) fn checked(text: &str, attachments: &[&[u8]]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    (Writer { out: &mut out, attachments }).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(out)
}

/// Writes each value while serde_json reads it: no tree is built, and the members keep their order.
struct Writer<'w> {
    out: &'w mut Vec<u8>,
    attachments: &'w [&'w [u8]],
}

impl Writer<'_> {
    fn again(&mut self) -> Writer<'_> {
        Writer { out: self.out, attachments: self.attachments }
    }
}

impl<'de> DeserializeSeed<'de> for Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writer<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.push(NIL);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.out.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        write::unsigned(self.out, number);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        write::signed(self.out, number);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        write::float(self.out, number);
        Ok(())
    }

    fn visit_str<E>(self, string: &str) -> Result<(), E> {
        write::text(self.out, string);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let start = write::begin(self.out);
        let mut elements = 0;
        while list.next_element_seed(self.again())?.is_some() {
            elements += 1;
        }
        write::end_array(self.out, start, elements);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let start = write::begin(self.out);
        let mut members = 0;
        let mut placeholder = Placeholder::default();
        while let Some(Key(name)) = map.next_key()? {
            write::text(self.out, &name);
            let value = self.out.len();
            map.next_value_seed(self.again())?;
            placeholder.member(&name, &self.out[value..]);
            members += 1;
        }
        match placeholder.attachment(self.attachments) {
            Some(attachment) => {
                self.out.truncate(start);
                write::bytes(self.out, attachment);
            }
            None => write::end_map(self.out, start, members),
        }
        Ok(())
    }
}

/// A member's name, borrowed from the text unless it is escaped there.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(name.to_owned())))
    }
}

/// Determines, member by member, whether a map is a placeholder. It looks at the msgpack of the values: `true` and the number of an
/// attachment are one byte each.
#[derive(Default)]
struct Placeholder {
    marked: bool,
    num: Option<usize>,
}

impl Placeholder {
    fn member(&mut self, name: &str, value: &[u8]) {
        match (name, value) {
            ("_placeholder", value) => self.marked = value == [TRUE],
            ("num", &[num @ 0..0x80]) => self.num = Some(usize::from(num)),
            ("num", _) => self.num = None,
            _ => {}
        }
    }

    fn attachment<'a>(&self, attachments: &'a [&'a [u8]]) -> Option<&'a [u8]> {
        if self.marked { attachments.get(self.num?).copied() } else { None }
    }
}
