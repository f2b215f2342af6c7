//! Lists, a part at a time. A part is bounded by rows, which the query does, and here by bytes.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::dialects::json;

/// A part of a list ends behind the entry with which it has as many bytes as this.
const MOST: usize = 1_000_000;

/// A rendered part of a list, or any other object.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Listed {
    /// JSON.
    pub body: String,
    /// Where the next part begins, as a reference to be resolved against this request's URL, if this one ended before its last row.
    pub next: Option<String>,
}

impl From<String> for Listed {
    fn from(body: String) -> Self {
        Self { body, next: None }
    }
}

impl Listed {
    /// The same in the words of a contract whose answers all say whether they are a success.
    pub fn with_success(self) -> Self {
        Self { body: format!(r#"{{"success":true,"data":{}}}"#, self.body), ..self }
    }
}

/// Renders entries, newest first, until there are enough bytes.
pub(super) fn list<'a, T, O: Serialize>(things: &'a [T], object: fn(&'a T) -> O) -> Listed {
    let mut body = String::from("[");
    let mut rest = things.iter();
    while let Some(thing) = rest.next() {
        let entry = json(&object(thing));
        if body.len() > 1 {
            body.push(',');
        }
        body.push_str(&entry);
        if body.len() >= MOST && !rest.as_slice().is_empty() {
            body.push(']');
            return Listed { body, next: next(&entry) };
        }
    }
    body.push(']');
    Listed { body, next: None }
}

/// Where a list goes on behind this entry.
fn next(entry: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum AnyId {
        Number(i64),
        Text(String),
    }
    #[derive(Deserialize)]
    struct HasId {
        id: AnyId,
    }
    let id = match serde_json::from_str::<HasId>(entry).ok()?.id {
        AnyId::Number(id) => id.to_string(),
        AnyId::Text(id) => id,
    };
    Some(format!("?before={}", utf8_percent_encode(&id, NON_ALPHANUMERIC)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_list_ends_when_it_has_enough_bytes_and_says_where_it_goes_on() {
        let entry = |id: u32| json!({ "id": id.to_string(), "name": "x".repeat(MOST / 4) });
        let things: Vec<Value> = (0..9).map(entry).collect();
        let first = list(&things, |thing| thing);
        assert_eq!(serde_json::from_str::<Vec<Value>>(&first.body).unwrap(), things[..4]);
        assert_eq!(first.next.as_deref(), Some("?before=3"));
        let last = list(&things[5..], |thing| thing);
        assert_eq!((serde_json::from_str::<Vec<Value>>(&last.body).unwrap().len(), last.next), (4, None));
        assert_eq!(list(&things[..0], |thing| thing), Listed::from("[]".to_owned()));
        let wrapped: Value = serde_json::from_str(&list(&things[..1], |thing| thing).with_success().body).unwrap();
        assert_eq!(wrapped, json!({ "success": true, "data": [things[0]] }));
    }
}
