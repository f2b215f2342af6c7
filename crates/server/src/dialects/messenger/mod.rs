//! The messenger contract: conversations, and notifications that are the same on all of a person's devices, told over Socket.IO.

pub mod objects;
mod requests;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, Timestamp};
use engine::Saying;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::Notification;

/// messenger's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Messenger;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusChanged<'a> {
    user_id: &'a str,
    status: &'static str,
}

impl Dialect for Messenger {
    fn namespace(&self) -> Option<&'static str> {
        Some("/messenger")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Conversation]
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        let (name, args) = match &fact.event {
            Event::NotificationCreated { notification } => ("notification:new", json(&Notification::of(notification))),
            Event::NotificationRead { notification } => ("notification:read", json(&notification.to_string())),
            Event::NotificationsRead => ("notifications:read-all", String::new()),
            _ => return Vec::new(),
        };
        vec![Saying::event(name, args)]
    }

    fn signal(&self, signal: &Signal, _: Timestamp) -> Option<Saying> {
        let (person, status) = match signal {
            Signal::Online { person, .. } => (person, "online"),
            Signal::Offline { person } => (person, "offline"),
            _ => return None,
        };
        Some(Saying::event("user:status-changed", json(&StatusChanged { user_id: person.as_str(), status })))
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        match heard {
            Heard::Event { name, args } => requests::understand(name, args),
            Heard::Text(_) => None,
        }
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        match answer.result {
            Err(refusal) => refused(answer.name, refusal, answer.acked),
            // Clients of this contract wait for no word but the acknowledgement.
            Ok(_) if !answer.acked => Reply::default(),
            Ok(Outcome::Changed(Value::Object(told))) => confirmed(told.clone()),
            Ok(_) => confirmed(Map::new()),
        }
    }
}

/// An acknowledgement that all is well, and what it tells besides.
fn confirmed(mut told: Map<String, Value>) -> Reply {
    told.insert("ok".into(), true.into());
    Reply { ack: Some(Value::Object(told).to_string()), ..Reply::default() }
}
