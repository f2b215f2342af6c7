//! A request's body: how it is received, and how its fields are parsed one by one, so that an error names the field.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use client_json::ids::IdInput;
use engine::http::{BodyError, ByteCharge, ChargedBytes, read_body};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use limits::bytes_in_memory::ByteAccount;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};

use super::inline_schema::inline;
use super::response::RestError;

/// The longest time until a body is complete.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a whole body of at most `limit` bytes, which are counted until it is dropped.
///
/// Errors: 413, 408, 429 or 503 if there is no room for it, or 400 for a client that disconnects.
pub async fn read(mut body: Body, limit: usize, account: Option<&ByteAccount>) -> Result<Bytes, RestError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(RestError::too_large(limit));
    }
    let mut charge = account.map(|account| Box::new(account.holder()) as Box<dyn ByteCharge>);
    match tokio::time::timeout(READ_TIMEOUT, read_body(&mut body, limit, charge.as_mut())).await {
        Ok(Ok(whole)) => Ok(ChargedBytes::bytes(whole, charge)),
        Ok(Err(BodyError::TooLarge)) => Err(RestError::too_large(limit)),
        Ok(Err(BodyError::OverBudget(short))) => Err(RestError::over_budget(short)),
        Ok(Err(BodyError::Broken)) => Err(RestError::body("The body ends early")),
        Err(_) => Err(RestError::too_slow()),
    }
}

/// The fields of a body that are not parsed yet.
#[derive(Debug)]
pub struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Parses a body; an empty one has no fields.
    ///
    /// Errors: 400 if its `Content-Type` is not JSON, or it is no JSON object.
    pub fn of(headers: &HeaderMap, body: &'a [u8]) -> Result<Self, RestError> {
        if body.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        // Without the header, the body is parsed all the same.
        if headers.get(CONTENT_TYPE).is_some_and(|value| !value.to_str().is_ok_and(is_json)) {
            return Err(RestError::field("Content-Type", "must be application/json"));
        }
        // serde's error for a text repeats the text, which may be a megabyte.
        if body.trim_ascii_start().starts_with(b"\"") {
            return Err(RestError::body("The body must be a JSON object, and not a text".to_owned()));
        }
        let fields = serde_json::from_slice(body).map_err(|error| RestError::body(format!("The body must be a JSON object: {error}")))?;
        Ok(Self(fields))
    }

    /// A required field.
    pub fn required<T: Field>(&mut self, name: &'static str) -> Result<T, RestError> {
        self.change(name)?.ok_or_else(|| {
            let misspelt = self.0.keys().take(MAX_COMPARED).find(|other| closest(other, &[name]).is_some());
            let instead = misspelt.map(|other| format!(" (and {} is not a field)", shortened(other.clone())));
            RestError::field(name, &format!("is required{}", instead.unwrap_or_default()))
        })
    }

    /// A required field that may be null.
    pub fn present<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, RestError> {
        self.nullable(name)?.ok_or_else(|| RestError::field(name, "is required, and may be null"))
    }

    /// An optional field. Null counts as absent.
    pub fn optional<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, RestError> {
        self.nullable(name).map(Option::flatten)
    }

    /// A change of a field that always has a value. An absent field is not changed.
    pub fn change<T: Field>(&mut self, name: &'static str) -> Result<Option<T>, RestError> {
        self.0.remove(name).map(|raw| read_field(name, raw, T::EXPECTED)).transpose()
    }

    /// A change of a field that may have no value. An absent field is not changed; null clears it.
    pub fn nullable<T: Field>(&mut self, name: &'static str) -> Result<Option<Option<T>>, RestError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(raw) if raw.get() == "null" => Ok(Some(None)),
            Some(raw) => read_field(name, raw, T::EXPECTED).map(|field| Some(Some(field))),
        }
    }

    /// The name that the client uses for a field: `other`, if only that one is present.
    pub fn given_as(&self, name: &'static str, other: &'static str) -> &'static str {
        if self.0.contains_key(other) && !self.0.contains_key(name) { other } else { name }
    }

    /// Ends the reading of a body that may have any other fields, such as a whole object. Returns the unknown fields that resemble a known one,
    /// each with the known name, among the first [`MAX_COMPARED`] unknown fields.
    pub fn misspelt(self, known: &[&'static str]) -> Vec<(String, &'static str)> {
        let found = self.0.into_keys().take(MAX_COMPARED).filter_map(|name| Some((closest(&name, known)?, name)));
        found.map(|(meant, name)| (shortened(name), meant)).collect()
    }

    /// Ignores fields that only the server sets: a client may send an object back as it received it.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
        }
    }

    /// Ends the parsing: a field that was not parsed is unknown.
    ///
    /// Errors: 400 that names the first.
    pub fn end(self) -> Result<(), RestError> {
        match self.0.into_keys().next() {
            Some(name) => Err(RestError::field(shortened(name), "is not a field of this request")),
            None => Ok(()),
        }
    }
}

/// A type of field.
pub trait Field: for<'a> Deserialize<'a> {
    /// The expected value, for error texts.
    const EXPECTED: &'static str;

    /// The expected value, for the document, without null.
    fn schema() -> Schema;
}

impl Field for String {
    const EXPECTED: &'static str = "must be text";

    fn schema() -> Schema {
        of_type(Type::String)
    }
}

impl Field for bool {
    const EXPECTED: &'static str = "must be true or false";

    fn schema() -> Schema {
        of_type(Type::Boolean)
    }
}

impl Field for Map<String, Value> {
    const EXPECTED: &'static str = "must be a JSON object, not nested too deeply";

    fn schema() -> Schema {
        of_type(Type::Object)
    }
}

impl Field for Value {
    const EXPECTED: &'static str = "must be JSON, not nested too deeply";

    fn schema() -> Schema {
        ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into()
    }
}

impl Field for Vec<String> {
    const EXPECTED: &'static str = "must be a list of texts";

    fn schema() -> Schema {
        ArrayBuilder::new().items(RefOr::T(of_type(Type::String))).build().into()
    }
}

impl Field for IdInput {
    const EXPECTED: &'static str = "must be an id, as text or number";

    fn schema() -> Schema {
        inline(<Self as PartialSchema>::schema())
    }
}

fn of_type(of: Type) -> Schema {
    ObjectBuilder::new().schema_type(of).build().into()
}

fn read_field<T: Field>(name: &'static str, raw: &RawValue, wanted: &str) -> Result<T, RestError> {
    serde_json::from_str(raw.get()).map_err(|_| RestError::field(name, wanted))
}

/// The known name that a misspelt one resembles: at most two letters (in a short name, one) are wrong, missing, superfluous or swapped. Case and
/// punctuation do not count.
fn closest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = |name: &str| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    // A much longer name resembles none, and a comparison costs the product of the lengths.
    if name.len() > 2 * MAX_FIELD_CHARACTERS {
        return None;
    }
    let name = plain(name);
    let distances = known.iter().map(|known| (strsim::osa_distance(&name, &plain(known)), *known));
    let (distance, known) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= if known.len() <= 5 { 1 } else { 2 }).then_some(known)
}

/// The bytes of the longest name of a field.
const MAX_FIELD_CHARACTERS: usize = 32;

/// How many unknown fields of one body are compared with the known ones: a body may have more than 100,000.
const MAX_COMPARED: usize = 100;

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// A client's own name of a field, shortened for an error message.
pub fn shortened(name: String) -> String {
    if name.chars().count() <= 100 { name } else { name.chars().take(100).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use super::*;

    /// A body that never arrives.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_arrives_times_out() {
        assert_eq!(read(Body::new(Silent), 100, None).await, Err(RestError::too_slow()));
    }

    #[test]
    fn an_error_shortens_the_name_of_an_unknown_field() {
        let body = format!(r#"{{"{}":1}}"#, "x".repeat(1_000_000));
        let fields = Fields(serde_json::from_str(&body).unwrap());
        let error = RestError::field(format!("{}…", "x".repeat(100)), "is not a field of this request");
        assert_eq!(fields.end(), Err(error));
    }

    #[test]
    fn a_misspelt_field_matches_the_closest_known_one() {
        let known = ["title", "description", "dueDate", "assignedTo", "id"];
        let table = [
            ("titel", Some("title")),
            ("Title", Some("title")),
            ("due_date", Some("dueDate")),
            ("dueDat", Some("dueDate")),
            ("assigned-to", Some("assignedTo")),
            ("descripton", Some("description")),
            ("decripton", Some("description")),
            ("color", None),
            ("tile", Some("title")),
            ("til", None),
            ("ID", Some("id")),
            ("x", None),
            ("", None),
        ];
        for (name, meant) in table {
            assert_eq!(closest(name, &known), meant, "{name}");
        }
        assert_eq!(closest(&"title".repeat(100), &known), None);
    }

    #[test]
    fn only_the_first_unknown_fields_are_compared() {
        let unknown = |count: usize| (0..count).map(|number| format!(r#""a{number:06}":1,"#)).collect::<String>();
        let with = |count: usize| format!(r#"{{{}"titel":1}}"#, unknown(count));
        let (last, beyond) = (with(MAX_COMPARED - 1), with(MAX_COMPARED));
        let fields = |body| Fields(serde_json::from_str(body).unwrap());
        assert_eq!(fields(&last).misspelt(&["title"]), [("titel".to_owned(), "title")]);
        assert_eq!(fields(&beyond).misspelt(&["title"]), []);
        let required = |body| fields(body).required::<String>("title").unwrap_err();
        assert_eq!(required(&last), RestError::field("title", "is required (and titel is not a field)"));
        assert_eq!(required(&beyond), RestError::field("title", "is required"));
    }

    #[test]
    fn a_json_content_type_is_recognized() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "json", "text/json", "text/plain", "application/jsonp", "application/x-www-form-urlencoded"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
