//! Lists in parts. The query bounds the rows of a part, and this module its bytes.

use client_json::json;
use domain::spaces::Member;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// A part of a list ends after the entry with which it has at least this many bytes.
const MAX_BYTES: usize = 1_000_000;

/// A rendered part of a list, or any other object.
#[derive(PartialEq, Eq, Debug)]
pub struct ListBody {
    /// JSON.
    pub body: String,
    /// The next part, as a reference relative to the URL of this request, if this part ended before its last row.
    pub next: Option<String>,
}

impl From<String> for ListBody {
    fn from(body: String) -> Self {
        Self { body, next: None }
    }
}

/// Renders entries that have an `id`, newest first, until they have [`MAX_BYTES`] bytes.
pub fn list<'a, T, O: Serialize>(things: &'a [T], object: fn(&'a T) -> O) -> ListBody {
    render(things, object, |_, entry| Some(reference("before", &id_of(entry)?)))
}

/// Renders members, in the order of joining, until they have [`MAX_BYTES`] bytes.
pub fn member_list<'a, O: Serialize>(members: &'a [Member], object: fn(&'a Member) -> O) -> ListBody {
    render(members, object, |member, _| Some(reference("after", member.user.id.as_str())))
}

/// `next` makes the reference to the part after an entry, from the thing and its JSON.
fn render<'a, T, O: Serialize>(things: &'a [T], object: fn(&'a T) -> O, next: impl Fn(&'a T, &str) -> Option<String>) -> ListBody {
    let mut body = String::from("[");
    let mut rest = things.iter();
    while let Some(thing) = rest.next() {
        let entry = json(&object(thing));
        if body.len() > 1 {
            body.push(',');
        }
        body.push_str(&entry);
        if body.len() >= MAX_BYTES && !rest.as_slice().is_empty() {
            body.push(']');
            return ListBody { body, next: next(thing, &entry) };
        }
    }
    body.push(']');
    ListBody { body, next: None }
}

fn reference(parameter: &str, id: &str) -> String {
    format!("?{parameter}={}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// The id in the JSON of an entry.
fn id_of(entry: &str) -> Option<String> {
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
    Some(match serde_json::from_str::<HasId>(entry).ok()?.id {
        AnyId::Number(id) => id.to_string(),
        AnyId::Text(id) => id,
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{Timestamp, UserId};
    use domain::spaces::Role;
    use domain::users::User;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_list_ends_at_its_byte_limit_with_a_link_to_the_next_page() {
        let entry = |id: u32| json!({ "id": id.to_string(), "name": "x".repeat(MAX_BYTES / 4) });
        let things: Vec<Value> = (0..9).map(entry).collect();
        let first = list(&things, |thing| thing);
        assert_eq!(serde_json::from_str::<Vec<Value>>(&first.body).unwrap(), things[..4]);
        assert_eq!(first.next.as_deref(), Some("?before=3"));
        let last = list(&things[5..], |thing| thing);
        assert_eq!((serde_json::from_str::<Vec<Value>>(&last.body).unwrap().len(), last.next), (4, None));
        assert_eq!(list(&things[..0], |thing| thing), ListBody::from("[]".to_owned()));
    }

    #[test]
    fn a_member_list_continues_after_its_last_member() {
        let member = |number: usize| {
            let user = User { name: "x".repeat(MAX_BYTES / 2), ..User::unseen(UserId::new(format!("user {number}")), Timestamp(0)) };
            Member { user, role: Role::Member, joined_at: Timestamp(0) }
        };
        let members: Vec<Member> = (0..3).map(member).collect();
        let first = member_list(&members, |member| json!({ "user_id": member.user.id.as_str(), "name": member.user.name }));
        assert_eq!(serde_json::from_str::<Vec<Value>>(&first.body).unwrap().len(), 2);
        assert_eq!(first.next.as_deref(), Some("?after=user%201"));
    }
}
