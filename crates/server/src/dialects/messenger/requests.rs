//! What clients of the messenger contract ask for: events with an id alone, or an object that has it.

use std::collections::BTreeMap;

use domain::names::{Id, Kind, PersonId, Room, parse_id};
use domain::notifications::{ReadAllNotifications, ReadNotification};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use serde_json::json;
use serde_json::value::RawValue;
use wire::socketio::Args;

use super::{GET_ONLINE_USERS, GET_STATUS, GET_STATUSES};
use crate::dialects::ids::GivenId;
use crate::dialects::{Ask, Request};

/// How many people one question may name.
const MOST_STATUSES: usize = 1000;

/// Understands one event. `None` if this contract does not know it.
pub(super) fn understand(name: &str, args: &Args<'_>) -> Option<Request> {
    let (name, ask) = match name {
        "join:conversation" => ("join:conversation", conversation_of(args).map(Ask::Enter)),
        "leave:conversation" => ("leave:conversation", conversation_of(args).map(Ask::Leave)),
        "typing:start" => ("typing:start", conversation_of(args).map(Ask::Typing)),
        "typing:stop" => ("typing:stop", conversation_of(args).map(Ask::StopTyping)),
        GET_ONLINE_USERS => (GET_ONLINE_USERS, conversation_of(args).map(Ask::OnlineIn)),
        GET_STATUS => (GET_STATUS, person_of(args).map(|person| Ask::Statuses(vec![person]))),
        GET_STATUSES => (GET_STATUSES, people_of(args).map(Ask::Statuses)),
        "notification:read" => ("notification:read", notification_of(args).map(read)),
        "notifications:read-all" => ("notifications:read-all", Ok(read_all())),
        _ => return None,
    };
    Some(Request { name: name.into(), ask })
}

/// The first argument, or what stands under `key` in it.
fn given<'a>(args: &Args<'a>, key: &str) -> Option<&'a str> {
    let arg = args.get(0)?;
    if !arg.starts_with('{') {
        return Some(arg);
    }
    let fields: BTreeMap<String, &'a RawValue> = serde_json::from_str(arg).ok()?;
    Some(fields.get(key)?.get())
}

fn given_id(args: &Args<'_>, key: &str) -> Option<GivenId> {
    serde_json::from_str(given(args, key)?).ok()
}

fn conversation_of(args: &Args<'_>) -> Result<Room, Refusal> {
    let room = given_id(args, "conversationId").and_then(|id| Room::parse(&format!("{}:{}", Kind::Conversation.as_str(), id.0)));
    room.ok_or_else(|| Refusal::invalid("conversationId", "must be the id of a conversation, as text or number"))
}

fn person_of(args: &Args<'_>) -> Result<PersonId, Refusal> {
    let person = given_id(args, "userId").and_then(|id| PersonId::parse(&id.0));
    person.ok_or_else(|| Refusal::invalid("userId", "must be the id of a user, as text or number"))
}

fn people_of(args: &Args<'_>) -> Result<Vec<PersonId>, Refusal> {
    let wanted = || Refusal::invalid("userIds", format!("must be a list of at most {MOST_STATUSES} ids, each as text or number"));
    let ids = given(args, "userIds").and_then(|ids| serde_json::from_str::<Vec<GivenId>>(ids).ok()).ok_or_else(wanted)?;
    if ids.len() > MOST_STATUSES {
        return Err(wanted());
    }
    ids.iter().map(|id| PersonId::parse(&id.0).ok_or_else(wanted)).collect()
}

fn notification_of(args: &Args<'_>) -> Result<Id, Refusal> {
    let wanted = || Refusal::invalid("notificationId", "must be the id of a notification, as text or number");
    let id = given_id(args, "notificationId").ok_or_else(wanted)?;
    // An id that none can have is one that none has.
    parse_id(&id.0).ok_or(Refusal::NotFound("Notification"))
}

fn read(notification: Id) -> Ask {
    Ask::Change(Box::new(move |tx: &mut Tx<'_>| {
        ReadNotification { notification }.decide(tx)?;
        Ok(json!({ "notificationId": notification.to_string() }))
    }))
}

fn read_all() -> Ask {
    Ask::Change(Box::new(|tx: &mut Tx<'_>| {
        let count = ReadAllNotifications.decide(tx)?;
        Ok(json!({ "count": count }))
    }))
}
