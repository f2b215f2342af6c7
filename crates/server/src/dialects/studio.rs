//! The studio contract. So far: who is online.

use domain::event::{Fact, Signal};
use domain::names::{Kind, Timestamp};
use engine::Saying;
use serde::Serialize;

use super::ids::NumberOrText;
use super::times::Milliseconds;
use super::{Answer, Dialect, Heard, Reply, Request, json};

/// studio's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Studio;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Online<'a> {
    user_id: NumberOrText<'a>,
    socket_id: &'a str,
    timestamp: Milliseconds,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offline<'a> {
    user_id: NumberOrText<'a>,
    timestamp: Milliseconds,
}

impl Dialect for Studio {
    fn namespace(&self) -> Option<&'static str> {
        Some("/chat")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ChatRoom]
    }

    fn fact(&self, _: &Fact) -> Vec<Saying> {
        Vec::new()
    }

    fn signal(&self, signal: &Signal, now: Timestamp) -> Option<Saying> {
        let timestamp = Milliseconds(now);
        match signal {
            Signal::Online { person, connection } => {
                let online = Online { user_id: NumberOrText(person.as_str()), socket_id: connection, timestamp };
                Some(Saying::event("user:online", json(&online)))
            }
            Signal::Offline { person } => {
                let offline = Offline { user_id: NumberOrText(person.as_str()), timestamp };
                Some(Saying::event("user:offline", json(&offline)))
            }
            _ => None,
        }
    }

    fn understand(&self, _: &Heard<'_>) -> Option<Request> {
        None
    }

    fn answer(&self, _: &Answer<'_>) -> Reply {
        Reply::default()
    }
}
