//! The workspace contract: projects, their channels and tasks, over the raw WebSocket as `{type, room, data, sender, timestamp}`.

pub mod closing;
mod envelope;
pub mod objects;
mod projects;
mod requests;
mod tasks;
mod word;
mod words;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, Timestamp};
use domain::people::Person;
use domain::refusal::Refusal;
use engine::Saying;
use serde_json::Value;

use super::{Answer, Dialect, Heard, Outcome, Reply, Request, told, wrong_field};

use super::vocabulary::Vocabulary;
use crate::auth::Unauthenticated;
use closing::FORBIDDEN;
pub use envelope::{emitted, positioned, resync};

/// The kinds of this contract's spaces.
const KINDS: &[Kind] = &[Kind::Project, Kind::Channel, Kind::Task];

/// The workspace contract.
#[derive(Clone, Copy, Debug)]
pub struct Workspace {
    close_on_forbidden: bool,
}

impl Workspace {
    /// Input: whether a connection closes after the error if its client asks for a room that it may not see.
    pub fn new(close_on_forbidden: bool) -> Self {
        Self { close_on_forbidden }
    }

    fn refused(self, refusal: &Refusal, now: Timestamp) -> Reply {
        // A client cannot tell an unknown room from a forbidden one. A malformed request leaves the connection open.
        let forbidden = matches!(refusal, Refusal::NotFound(_) | Refusal::Forbidden(_));
        Reply {
            say: vec![envelope::error(told(refusal), refusal.code(), wrong_field(refusal), now)],
            close: (forbidden && self.close_on_forbidden).then_some((FORBIDDEN.code, "Forbidden")),
            ..Reply::default()
        }
    }
}

impl Dialect for Workspace {
    fn namespace(&self) -> Option<&'static str> {
        None
    }

    fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            contract: "workspace",
            about: "Projects, their channels and tasks.",
            namespace: self.namespace(),
            says: words::said(),
            understands: requests::UNDERSTOOD.iter().map(requests::ClientWord::described).collect(),
            closes: closing::ALL.to_vec(),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn room_field(&self) -> &'static str {
        "room"
    }

    fn greeting(&self, person: &Person, _: &str, now: Timestamp) -> Option<Saying> {
        Some(envelope::connected(person, now))
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        match (fact.room.kind(), &fact.event) {
            (Kind::Project, _) => projects::fact(fact).map_or_else(|| tasks::fact(fact), |told| vec![told]),
            (Kind::Channel, Event::MessageSent { message }) => vec![Saying::Text(envelope::message(message))],
            (Kind::Channel, Event::MessageEdited { message }) => vec![envelope::message_edited(message, fact.at)],
            (Kind::Channel, Event::MessageDeleted { message, sender }) => {
                vec![envelope::message_deleted(*message, sender, &fact.room, fact.at)]
            }
            (Kind::User, Event::Added { .. } | Event::Removed { .. }) => projects::in_inbox(fact).into_iter().collect(),
            (Kind::User, Event::NotificationCreated { notification }) => vec![envelope::notification(notification)],
            _ => Vec::new(),
        }
    }

    fn names_who_is_present(&self) -> bool {
        true
    }

    fn signal(&self, signal: &Signal, now: Timestamp) -> Option<Saying> {
        if let Signal::Announced { announcement } = signal {
            return Some(envelope::announcement(announcement));
        }
        let (word, room, person) = match signal {
            Signal::Entered { room, person } => (&words::USER_JOINED, room, person),
            Signal::Left { room, person, .. } => (&words::USER_LEFT, room, person),
            _ => return None,
        };
        KINDS.contains(&room.kind()).then(|| envelope::presence(word, room, person, now))
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        match heard {
            Heard::Text(text) => Some(requests::understand(text)),
            Heard::Event { .. } => None,
        }
    }

    fn refreshed(&self, shown: Result<Option<Timestamp>, Unauthenticated>, _: bool, now: Timestamp) -> Reply {
        let said = match shown {
            Ok(ends) => envelope::refreshed(ends, now),
            // The earlier token stays valid.
            Err(why) => envelope::error(why.to_string(), why.code(), None, now),
        };
        Reply { say: vec![said], ..Reply::default() }
    }

    fn expiring(&self, ends: Timestamp, now: Timestamp) -> Saying {
        envelope::expiring(ends, now)
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let say = match answer.result {
            Err(refusal) => return self.refused(refusal, answer.now),
            Ok(Outcome::EnteredAmong { room, present, count }) => vec![envelope::joined(room, present, *count, answer.now)],
            Ok(Outcome::Left(room)) => vec![envelope::left(room, answer.now)],
            Ok(Outcome::Pong) => vec![envelope::pong(answer.now)],
            Ok(Outcome::Changed(Value::String(told))) => vec![Saying::Text(told.clone())],
            Ok(_) => Vec::new(),
        };
        Reply { say, ..Reply::default() }
    }
}
