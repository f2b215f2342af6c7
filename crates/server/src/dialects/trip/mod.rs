//! The trip contract: trips and their members, and a user's notifications, over Socket.IO.

pub mod notices;
pub mod objects;
pub mod payloads;
pub mod requests;
mod words;

use domain::event::{Event, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, UserId, RoomId, Timestamp};
use domain::users::User;
use domain::spaces::Space;
use engine::OutboundMessage;
use serde_json::{Map, Value};

use super::answers::{Always, Done, ERROR, RESYNC};
use super::times::Milliseconds;
use super::tokens::EXPIRING;
use super::vocabulary::{ClientWord, Vocabulary, Word, understood};
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused};
use objects::{Members, Notification};
use payloads::{Added, Announced, Confirmed, Connected, Noticed, Notified, PingConfirmed, Pong, Presence, Removed, ToldChanges, Updated};

/// The trip contract.
#[derive(Clone, Copy, Debug)]
pub struct Trip;

impl Dialect for Trip {
    fn namespace(&self) -> Option<&'static str> {
        Some("/trips")
    }

    fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            contract: "trip",
            about: "Trips and who is on them, and a person's notifications.",
            namespace: self.namespace(),
            says: words::said().into_iter().chain([ERROR.described(), EXPIRING.described(), RESYNC.described()]).collect(),
            understands: words::UNDERSTOOD.iter().map(ClientWord::described).collect(),
            closes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Trip]
    }

    fn room_field(&self) -> &'static str {
        "tripId"
    }

    fn greeting(&self, person: &User, connection: &str, now: Timestamp) -> Option<OutboundMessage> {
        let timestamp = Milliseconds(now);
        let greeting = Connected { message: "Connected successfully", user_id: person.id.as_str(), socket_id: connection, timestamp };
        Some(words::CONNECTED.say(&greeting))
    }

    fn fact(&self, fact: &PersistedEvent) -> Vec<OutboundMessage> {
        if let Event::NotificationCreated { notification } = &fact.event {
            return vec![words::NOTIFICATION.say(&Notified::Own(Notification::of(notification)))];
        }
        if fact.room.kind() == RoomKind::User {
            return in_inbox(fact).into_iter().collect();
        }
        if fact.room.kind() != RoomKind::Trip {
            return Vec::new();
        }
        let updated = |changes: Map<String, Value>, by: &UserId| {
            let (trip_id, changes) = (fact.room.id(), ToldChanges(changes));
            vec![words::TRIP_UPDATED.say(&Updated { trip_id, changes, updated_by: by.as_str(), timestamp: Milliseconds(fact.at) })]
        };
        match &fact.event {
            Event::TripUpdated { changes, more, by } => updated(payloads::changes(changes, more), by),
            Event::MemberJoined { space, person, by, .. } => updated(members(space), by.as_ref().unwrap_or(&person.id)),
            Event::MemberLeft { space, person, by, .. } => updated(members(space), by.as_ref().unwrap_or(person)),
            Event::RoleChanged { space, by, .. } => updated(members(space), by),
            Event::SpaceCreated { space, trip, .. } => {
                let details = trip.clone().unwrap_or_default();
                vec![words::TRIP_ADDED.say(&Added::of(space, &details, Some(&space.created_by)))]
            }
            Event::SpaceDeleted { by, .. } => {
                let mut told = updated(Map::from_iter([("deleted".to_owned(), true.into())]), by);
                told.push(words::TRIP_REMOVED.say(&Removed::of(&fact.room, Some(by), fact.at)));
                told
            }
            _ => Vec::new(),
        }
    }

    fn signal(&self, signal: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        fn presence<'a>(word: &Word<Presence<'a>>, room: &'a RoomId, person: &'a User, now: Timestamp) -> Option<OutboundMessage> {
            let (trip_id, user_id, timestamp) = (room.id(), person.id.as_str(), Milliseconds(now));
            (room.kind() == RoomKind::Trip).then(|| word.say(&Presence { user_id, trip_id, timestamp }))
        }
        match signal {
            EphemeralEvent::RoomJoined { room, person } => presence(&words::USER_JOINED, room, person, now),
            EphemeralEvent::RoomLeft { room, person, .. } => presence(&words::USER_LEFT, room, person, now),
            EphemeralEvent::Announced { announcement } => {
                let payload = Notified::Everybodys(Announced::of(announcement));
                Some(match &announcement.event {
                    None => words::NOTIFICATION.say(&payload),
                    Some(name) => words::NOTIFICATION.say_as(name.clone(), &payload),
                })
            }
            _ => None,
        }
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        understood(words::UNDERSTOOD, heard)
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let timestamp = Milliseconds(answer.now);
        let outcome = match answer.result {
            Err(refusal) => return refused(answer.name, refusal, answer.acked),
            Ok(outcome) => outcome,
        };
        if answer.acked {
            let ack = match outcome {
                Outcome::Entered(room) | Outcome::Left(room) => json(&Confirmed { ok: Always, trip_id: room.id() }),
                Outcome::Changed(Value::String(trip_id)) => json(&Confirmed { ok: Always, trip_id }),
                Outcome::Pong => json(&PingConfirmed { ok: Always, timestamp }),
                // No request of this contract has another result.
                _ => json(&Done::default()),
            };
            return Reply { ack: Some(ack), ..Reply::default() };
        }
        let say = match outcome {
            Outcome::Entered(room) => vec![words::TRIP_JOINED.say(&Noticed { trip_id: room.id(), timestamp })],
            Outcome::Left(room) => vec![words::TRIP_LEFT.say(&Noticed { trip_id: room.id(), timestamp })],
            Outcome::Pong => vec![words::PONG.say(&Pong { timestamp })],
            // A change is broadcast to all members of the trip.
            _ => Vec::new(),
        };
        Reply { say, ..Reply::default() }
    }
}

/// The event in a user's inbox about a membership of that user.
fn in_inbox(fact: &PersistedEvent) -> Option<OutboundMessage> {
    match &fact.event {
        Event::Added { space, by, trip, .. } if space.room.kind() == RoomKind::Trip => {
            let details = trip.clone().unwrap_or_default();
            Some(words::TRIP_ADDED.say(&Added::of(space, &details, by.as_ref().map(|by| &by.id))))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::Trip => {
            Some(words::TRIP_REMOVED.say(&Removed::of(space, by.as_ref().map(|by| &by.id), fact.at)))
        }
        _ => None,
    }
}

/// The changed fields of a trip whose members have changed: their count, and the first of them.
fn members(space: &Space) -> Map<String, Value> {
    let members = serde_json::to_value(Members(space)).unwrap_or_default();
    Map::from_iter([("memberCount".to_owned(), space.member_count().into()), ("members".to_owned(), members)])
}
