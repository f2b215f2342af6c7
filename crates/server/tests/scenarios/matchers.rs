//! Expected values, which are complete, key by key; and saved values.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Trial;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::script::Save;

/// The largest whole number that JavaScript holds exactly.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// An id that no object has.
const NEVER: &str = "9007199254740001";

/// The names that a scenario may refer to: saved values, and its own shapes.
pub struct Names {
    shapes: Map<String, Value>,
    saved: BTreeMap<String, Value>,
    /// The ids of spaces that tokens claim. The server has not created these ids.
    claimed: BTreeSet<String>,
}

impl Names {
    pub fn new(shapes: Map<String, Value>) -> Self {
        Self { shapes, saved: BTreeMap::new(), claimed: BTreeSet::new() }
    }

    /// Fills saved values and shapes into a value that is sent or expected.
    pub fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(shape) => self.fill(self.shape(shape)),
                None => self.fill_text(text),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(object) => {
                self.whole(object).into_iter().map(|(key, item)| (key.clone(), self.fill(item))).collect::<Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    /// The same for a text, whose result is a text.
    pub fn text(&self, text: &str) -> String {
        plain(&self.fill_text(text))
    }

    /// An object with the keys of its shape that it does not have itself. They are not filled yet, because a replaced value may not be saved.
    fn whole<'a>(&'a self, object: &'a Map<String, Value>) -> BTreeMap<&'a String, &'a Value> {
        let mut whole = match object.get("@") {
            Some(shape) => self.whole(self.shape(shape.as_str().unwrap()).as_object().unwrap()),
            None => BTreeMap::new(),
        };
        whole.extend(object.iter().filter(|(key, _)| *key != "@"));
        whole
    }

    /// A text that is one `$name` becomes the value itself.
    fn fill_text(&self, text: &str) -> Value {
        let mut parts = text.split('$');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            if name.is_empty() {
                filled.push('$');
            } else if name.len() + 1 == text.len() {
                return self.value(name).clone();
            } else {
                filled.push_str(&plain(self.value(name)));
            }
            filled.push_str(rest);
        }
        filled.into()
    }

    /// A text in which each saved id of the server and each claimed id is replaced with an id that no object has.
    pub fn without_ids(&self, text: &str) -> String {
        let made = self.saved.values().map(plain).filter(|id| is_made_here(id));
        // A long id may contain a short one, so the long ones are replaced first.
        let ids = made.chain(self.claimed.iter().cloned());
        ids.fold(text.to_owned(), |text, id| text.replace(&id, NEVER))
    }

    /// Saves parts of a value.
    pub fn save(&mut self, save: &Save, value: &Value) {
        for (name, path) in save {
            let pointer = format!("/{}", path.replace('.', "/"));
            let part = value.pointer(&pointer).unwrap_or_else(|| panic!("there is no {path} to be saved in {value}"));
            self.saved.insert(name.clone(), part.clone());
        }
    }

    /// Saves the id of the space that a token's claims name, unless it is a saved value.
    pub fn claim(&mut self, claims: &Value) {
        let ids = ["household_id", "householdId"].into_iter().filter_map(|claim| claims.get(claim)).map(plain);
        self.claimed.extend(ids.filter(|id| !id.is_empty() && !id.starts_with('$')));
    }

    /// Saves the number of a round as `$n`.
    pub fn save_round(&mut self, n: u32) {
        self.saved.insert("n".into(), n.into());
    }

    /// Saves a user's token as `$token_anna`.
    pub fn save_token(&mut self, user: &str, token: String) {
        self.saved.insert(format!("token_{user}"), token.into());
    }

    fn value(&self, name: &str) -> &Value {
        self.saved.get(name).unwrap_or_else(|| panic!("nothing was saved as {name}"))
    }

    fn shape(&self, name: &str) -> &Value {
        self.shapes.get(name).unwrap_or_else(|| panic!("there is no shape {name}"))
    }
}

/// A text in which all ids of the server are equal.
pub fn with_ids_alike(text: &str) -> String {
    let parts = text.split_inclusive(|letter: char| !letter.is_ascii_digit());
    let digits = |part: &str| part.trim_end_matches(|letter: char| !letter.is_ascii_digit()).to_owned();
    parts.map(|part| Some(digits(part)).filter(|id| is_made_here(id)).map_or(part.to_owned(), |id| part.replace(&id, NEVER))).collect()
}

/// Whether this has the form of an id of the server.
fn is_made_here(id: &str) -> bool {
    id.len() == NEVER.len() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// A value within a text.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first difference between a filled expectation and a value, as a sentence. `place` names the value.
pub fn difference(expected: &Value, actual: &Value, place: &str) -> Option<String> {
    match (expected, actual) {
        (Value::String(kind), _) if is_kind(kind) => {
            (!is_of_kind(kind, actual)).then(|| format!("{place} should be {kind} and is {actual}"))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            if wanted.len() != found.len() {
                return Some(format!("{place} should have {} items and is {actual}", wanted.len()));
            }
            let mut pairs = wanted.iter().zip(found).enumerate();
            pairs.find_map(|(i, (wanted, found))| difference(wanted, found, &format!("{place}[{i}]")))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            if let Some(missing) = wanted.keys().find(|key| !found.contains_key(*key)) {
                return Some(format!("{place} has no {missing}: {actual}"));
            }
            if let Some(more) = found.keys().find(|key| !wanted.contains_key(*key)) {
                return Some(format!("{place} has a {more} that is not expected: {actual}"));
            }
            wanted.iter().find_map(|(key, wanted)| difference(wanted, &found[key], &format!("{place}.{key}")))
        }
        _ => (expected != actual).then(|| format!("{place} should be {expected} and is {actual}")),
    }
}

fn is_kind(text: &str) -> bool {
    matches!(text, "<any>" | "<text>" | "<number>" | "<id>" | "<time>" | "<micros>")
}

fn is_of_kind(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "<any>" => true,
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<number>" => value.as_i64().is_some_and(|number| number.unsigned_abs() <= LARGEST_EXACT),
        "<id>" => text.is_some_and(|id| !id.starts_with('0') && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())),
        "<time>" => text.is_some_and(is_time),
        "<micros>" => text.is_some_and(|text| is_time(text) && text.len() == "2025-11-13T12:00:00.123456Z".len()),
        _ => false,
    }
}

fn is_time(text: &str) -> bool {
    text.ends_with('Z') && text.as_bytes().get(10) == Some(&b'T') && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

/// The tests of this file.
pub fn tests() -> [Trial; 2] {
    let test = |name: &str, body: fn()| {
        Trial::test(format!("values/{name}"), move || {
            body();
            Ok(())
        })
    };
    [
        test("a-value-is-compared-key-by-key", a_value_is_compared_key_by_key),
        test("names-and-shapes-are-filled-in", names_and_shapes_are_filled_in),
    ]
}

fn a_value_is_compared_key_by_key() {
    let table = [
        (r#"{"a": 1, "b": [2]}"#, r#"{"b": [2], "a": 1}"#, None),
        (r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#, Some(r#"it has a b that is not expected: {"a":1,"b":2}"#)),
        (r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#, Some(r#"it has no b: {"a":1}"#)),
        (r#"{"a": [{"b": 1}]}"#, r#"{"a": [{"b": "1"}]}"#, Some(r#"it.a[0].b should be 1 and is "1""#)),
        ("[1, 2]", "[2, 1]", Some("it[0] should be 1 and is 2")),
        ("[1]", "[1, 2]", Some("it should have 1 items and is [1,2]")),
        ("null", "false", Some("it should be null and is false")),
        (r#""<any>""#, "null", None),
        (r#""<text>""#, r#""""#, Some(r#"it should be <text> and is """#)),
        (r#""<number>""#, "9007199254740991", None),
        (r#""<number>""#, "9007199254740992", Some("it should be <number> and is 9007199254740992")),
        (r#""<number>""#, "1.5", Some("it should be <number> and is 1.5")),
        (r#""<id>""#, r#""10""#, None),
        (r#""<id>""#, r#""01""#, Some(r#"it should be <id> and is "01""#)),
        (r#""<id>""#, "10", Some("it should be <id> and is 10")),
        (r#""<time>""#, r#""2025-11-13T12:00:00Z""#, None),
        (r#""<time>""#, r#""2025-11-13T12:00:00+00:00""#, Some(r#"it should be <time> and is "2025-11-13T12:00:00+00:00""#)),
        (r#""<micros>""#, r#""2025-11-13T12:00:00.123456Z""#, None),
        (r#""<micros>""#, r#""2025-11-13T12:00:00.123Z""#, Some(r#"it should be <micros> and is "2025-11-13T12:00:00.123Z""#)),
    ];
    for (expected, actual, difference_text) in table {
        let [expected, actual] = [expected, actual].map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(difference(&expected, &actual, "it").as_deref(), difference_text);
    }
}

fn names_and_shapes_are_filled_in() {
    let shapes = r#"{"anna": {"id": "$id", "name": "Anna", "home": "$home"}, "admin": {"@": "anna", "role": "admin"}}"#;
    let mut names = Names::new(serde_json::from_str(shapes).unwrap());
    names.save(&[("id".to_owned(), "0.id".to_owned())].into(), &serde_json::json!([{ "id": 7 }]));
    let table = [
        (r#""$id""#, "7"),
        (r#""/people/$id/tasks?cost=5$""#, r#""/people/7/tasks?cost=5$""#),
        (r#"[{"@": "admin", "home": null}]"#, r#"[{"id": 7, "name": "Anna", "home": null, "role": "admin"}]"#),
    ];
    for (template, filled) in table {
        let [template, filled]: [Value; 2] = [template, filled].map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(names.fill(&template), filled);
    }
}
