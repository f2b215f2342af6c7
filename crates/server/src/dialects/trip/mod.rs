//! The trip contract: trips and who is on them, and a person's notifications, told over Socket.IO.

pub mod notices;
pub mod objects;
pub mod payloads;
pub mod requests;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, PersonId, Timestamp};
use domain::people::Person;
use domain::spaces::Space;
use engine::Saying;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::times::Milliseconds;
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::{Members, Notification};
use payloads::{Announced, Confirmed, Connected, Noticed, Pong, Presence, Updated};

/// trip's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Trip;

impl Dialect for Trip {
    fn namespace(&self) -> Option<&'static str> {
        Some("/trips")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Trip]
    }

    fn greeting(&self, person: &Person, connection: &str, now: Timestamp) -> Option<Saying> {
        let timestamp = Milliseconds(now);
        let greeting = Connected { message: "Connected successfully", user_id: person.id.as_str(), socket_id: connection, timestamp };
        Some(say("connected", &greeting))
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        if let Event::NotificationCreated { notification } = &fact.event {
            return vec![say("notification", &Notification::of(notification))];
        }
        if fact.room.kind() != Kind::Trip {
            return Vec::new();
        }
        let updated = |changes: Map<String, Value>, by: &PersonId| {
            let trip_id = fact.room.id();
            vec![say("trip:updated", &Updated { trip_id, changes, updated_by: by.as_str(), timestamp: Milliseconds(fact.at) })]
        };
        match &fact.event {
            Event::TripUpdated { changes, more, by } => updated(payloads::changes(changes, more), by),
            Event::MemberJoined { space, person, by } => updated(members(space), by.as_ref().unwrap_or(&person.id)),
            Event::MemberLeft { space, person, by } => updated(members(space), by.as_ref().unwrap_or(person)),
            Event::RoleChanged { space, by, .. } => updated(members(space), by),
            Event::SpaceDeleted { by, .. } => updated(Map::from_iter([("deleted".to_owned(), true.into())]), by),
            _ => Vec::new(),
        }
    }

    fn signal(&self, signal: &Signal, now: Timestamp) -> Option<Saying> {
        let presence = |name, trip_id, user_id| Some(say(name, &Presence { user_id, trip_id, timestamp: Milliseconds(now) }));
        match signal {
            Signal::Entered { room, person } if room.kind() == Kind::Trip => presence("user:joined", room.id(), person.id.as_str()),
            Signal::Left { room, person, .. } if room.kind() == Kind::Trip => presence("user:left", room.id(), person.id.as_str()),
            Signal::Announced { announcement } => {
                let name = announcement.event.clone().unwrap_or_else(|| "notification".to_owned());
                Some(Saying::event(name, json(&Announced::of(announcement))))
            }
            _ => None,
        }
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        match heard {
            Heard::Event { name, args } => requests::understand(name, args),
            Heard::Text(_) => None,
        }
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let timestamp = Milliseconds(answer.now);
        let outcome = match answer.result {
            Err(refusal) => return refused(answer.name, refusal, answer.acked),
            Ok(outcome) => outcome,
        };
        if answer.acked {
            let ack = match outcome {
                Outcome::Entered(room) | Outcome::Left(room) => json(&Confirmed { ok: true, trip_id: room.id() }),
                Outcome::Changed(Value::String(trip_id)) => json(&Confirmed { ok: true, trip_id }),
                Outcome::Pong => json!({ "ok": true, "timestamp": timestamp.to_string() }).to_string(),
                // Nothing that this contract can ask for ends so.
                _ => r#"{"ok":true}"#.into(),
            };
            return Reply { ack: Some(ack), ..Reply::default() };
        }
        let say = match outcome {
            Outcome::Entered(room) => vec![say("trip:joined", &Noticed { trip_id: room.id(), timestamp })],
            Outcome::Left(room) => vec![say("trip:left", &Noticed { trip_id: room.id(), timestamp })],
            Outcome::Pong => vec![say("pong", &Pong { timestamp })],
            // What changed is told to everybody in the trip.
            _ => Vec::new(),
        };
        Reply { say, ..Reply::default() }
    }
}

fn say(name: &'static str, payload: &impl Serialize) -> Saying {
    Saying::event(name, json(payload))
}

/// The change that another list of members is.
fn members(space: &Space) -> Map<String, Value> {
    let members = serde_json::to_value(Members(space)).unwrap_or_default();
    Map::from_iter([("members".to_owned(), members)])
}
