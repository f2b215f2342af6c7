//! Ids as clients write them and as they read them. Inside they are text.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// The largest whole number that JavaScript holds exactly.
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// An id from a client, who may write it as text or as a whole number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdInput(pub String);

impl<'de> Deserialize<'de> for IdInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;

        impl Visitor<'_> for Given {
            type Value = IdInput;

            fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
                f.write_str("an id as text or number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IdInput, E> {
                Ok(IdInput(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<IdInput, E> {
                Ok(IdInput(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<IdInput, E> {
                Ok(IdInput(number.to_string()))
            }
        }

        deserializer.deserialize_any(Given)
    }
}

/// An id for the clients of studio and workspace: a JSON number if it is digits only, without a leading zero and exact in JavaScript; else
/// text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdOutput<'a>(pub &'a str);

impl Serialize for IdOutput<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match exact_number(self.0) {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.serialize_str(self.0),
        }
    }
}

impl PartialSchema for IdOutput<'_> {
    fn schema() -> RefOr<Schema> {
        let description = "An id: a number if JavaScript holds it exactly, else text.";
        number_or_text().description(Some(description)).into()
    }
}

impl ToSchema for IdOutput<'_> {
    fn name() -> Cow<'static, str> {
        "NumberOrTextId".into()
    }
}

impl PartialSchema for IdInput {
    fn schema() -> RefOr<Schema> {
        number_or_text().description(Some("An id, as text or as a whole number.")).into()
    }
}

impl ToSchema for IdInput {
    // The name that clients know from the documents.
    fn name() -> std::borrow::Cow<'static, str> {
        "GivenId".into()
    }
}

fn number_or_text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::String]))
}

fn exact_number(id: &str) -> Option<u64> {
    let canonical = id == "0" || !id.starts_with('0');
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { id.parse().ok().filter(|number| *number <= MAX_EXACT_INTEGER) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_given_as_text_or_as_a_whole_number() {
        for (json, id) in [("7", Some("7")), (r#""7""#, Some("7")), (r#""a b""#, Some("a b")), ("-7", Some("-7"))] {
            assert_eq!(serde_json::from_str::<IdInput>(json).ok().map(|id| id.0).as_deref(), id, "{json}");
        }
        for json in ["7.5", "1e3", "99999999999999999999", "null", "true", "[]", "{}"] {
            assert!(serde_json::from_str::<IdInput>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_id_is_a_number_only_where_javascript_holds_it_exactly() {
        let table = [
            ("12345", "12345"),
            ("0", "0"),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740992", r#""9007199254740992""#),
            ("007", r#""007""#),
            ("", r#""""#),
            ("+7", r#""+7""#),
            ("-7", r#""-7""#),
            ("7.0", r#""7.0""#),
            ("alice", r#""alice""#),
            ("٣", r#""٣""#),
        ];
        for (id, json) in table {
            assert_eq!(serde_json::to_string(&IdOutput(id)).unwrap(), json);
        }
    }
}
