//! The messenger contract. So far: who is online.

use domain::event::{Fact, Signal};
use domain::names::{Kind, Timestamp};
use engine::Saying;
use serde::Serialize;

use super::{Answer, Dialect, Heard, Reply, Request, json};

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

    fn fact(&self, _: &Fact) -> Vec<Saying> {
        Vec::new()
    }

    fn signal(&self, signal: &Signal, _: Timestamp) -> Option<Saying> {
        let (person, status) = match signal {
            Signal::Online { person, .. } => (person, "online"),
            Signal::Offline { person } => (person, "offline"),
            _ => return None,
        };
        Some(Saying::event("user:status-changed", json(&StatusChanged { user_id: person.as_str(), status })))
    }

    fn understand(&self, _: &Heard<'_>) -> Option<Request> {
        None
    }

    fn answer(&self, _: &Answer<'_>) -> Reply {
        Reply::default()
    }
}
