//! What clients of the messenger contract ask for: events with an id alone, or an object that has it.

use std::collections::BTreeMap;

use domain::names::{Id, parse_id};
use domain::notifications::{ReadAllNotifications, ReadNotification};
use domain::operation::{Command, Tx};
use domain::refusal::Refusal;
use serde_json::json;
use serde_json::value::RawValue;
use wire::socketio::Args;

use crate::dialects::ids::GivenId;
use crate::dialects::{Ask, Request};

/// Understands one event. `None` if this contract does not know it.
pub(super) fn understand(name: &str, args: &Args<'_>) -> Option<Request> {
    let (name, ask) = match name {
        "notification:read" => ("notification:read", notification_of(args).map(read)),
        "notifications:read-all" => ("notifications:read-all", Ok(read_all())),
        _ => return None,
    };
    Some(Request { name: name.into(), ask })
}

/// The id that is the first argument, or that stands under `key` in it.
fn given_id(args: &Args<'_>, key: &str) -> Option<GivenId> {
    let arg = args.get(0)?;
    if !arg.starts_with('{') {
        return serde_json::from_str(arg).ok();
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(arg).ok()?;
    serde_json::from_str(fields.get(key)?.get()).ok()
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
