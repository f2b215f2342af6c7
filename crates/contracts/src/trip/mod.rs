//! The trip contract: trips and their members, and a user's notifications, over Socket.IO.

mod events;
pub mod notification_texts;
pub mod objects;
pub mod payloads;
pub mod requests;
mod rest;

use client_json::json;
use client_json::timestamps::Milliseconds;
use domain::error::DomainError;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::spaces::Space;
use domain::users::User;
use engine::OutboundMessage;
use rest_toolkit::api::RestApi;
use serde_json::{Map, Value};

use super::acknowledgements::{AckOk, ConstBool};
use super::auth_refresh::EXPIRING;
use super::event_schema::{ClientEvent, ContractSchema, ServerEvent, parse_event};
use super::shared_events::{ERROR, RESYNC};
use super::{ClientMessage, Contract, EntryAudience, Outcome, ParsedRequest, Reply, RequestInfo, error_reply};
use objects::{Members, Notification};
use payloads::{
    Added, Announced, BroadcastChanges, Connected, NotificationPayload, Notified, PingConfirmed, Pong, Presence, Removed, TripAck, Updated,
};

/// The trip contract.
#[derive(Clone, Copy, Debug)]
pub struct TripContract;

impl Contract for TripContract {
    fn namespace(&self) -> Option<&'static str> {
        Some("/trips")
    }

    fn schema(&self) -> ContractSchema {
        ContractSchema {
            contract: "trip",
            about: "Trips and their members, and the notifications of a user.",
            namespace: self.namespace(),
            server_events: events::server_events().into_iter().chain([ERROR.schema(), EXPIRING.schema(), RESYNC.schema()]).collect(),
            client_events: events::CLIENT_EVENTS.iter().map(ClientEvent::schema).collect(),
            close_codes: Vec::new(),
        }
    }

    fn kinds(&self) -> &'static [RoomKind] {
        &[RoomKind::Trip]
    }

    fn room_field(&self) -> &'static str {
        "tripId"
    }

    /// The client of the user who enters a trip does not expect an event about that.
    fn entry_audience(&self) -> EntryAudience {
        EntryAudience::OtherUsers
    }

    fn greeting(&self, user: &User, connection: &str, now: Timestamp) -> Option<OutboundMessage> {
        let timestamp = Milliseconds(now);
        let greeting = Connected { message: "Connected successfully", user_id: user.id.as_str(), socket_id: connection, timestamp };
        Some(events::CONNECTED.render(&greeting))
    }

    fn persisted_event(&self, persisted: &PersistedEvent) -> Vec<OutboundMessage> {
        if let Event::NotificationCreated { notification } = &persisted.event {
            return vec![events::NOTIFICATION.render(&Notified::Own(Notification::of(notification)))];
        }
        if persisted.room.kind() == RoomKind::User {
            return in_inbox(persisted).into_iter().collect();
        }
        if persisted.room.kind() != RoomKind::Trip {
            return Vec::new();
        }
        let updated = |changes: Map<String, Value>, by: &UserId| {
            let (trip_id, changes) = (persisted.room.id(), BroadcastChanges(changes));
            vec![events::TRIP_UPDATED.render(&Updated { trip_id, changes, updated_by: by.as_str(), timestamp: Milliseconds(persisted.at) })]
        };
        match &persisted.event {
            Event::TripUpdated { changes, more, by } => updated(payloads::changes(changes, more), by),
            Event::MemberJoined { space, user, by, .. } => updated(members(space), by.as_ref().unwrap_or(&user.id)),
            Event::MemberLeft { space, user, by, .. } => updated(members(space), by.as_ref().unwrap_or(user)),
            Event::RoleChanged { space, by, .. } => updated(members(space), by),
            Event::SpaceCreated { space, trip, .. } => {
                let details = trip.clone().unwrap_or_default();
                vec![events::TRIP_ADDED.render(&Added::of(space, &details, Some(&space.created_by)))]
            }
            Event::SpaceDeleted { by, .. } => {
                let mut messages = updated(Map::from_iter([("deleted".to_owned(), true.into())]), by);
                messages.push(events::TRIP_REMOVED.render(&Removed::of(&persisted.room, Some(by), persisted.at)));
                messages
            }
            _ => Vec::new(),
        }
    }

    fn ephemeral_event(&self, ephemeral: &EphemeralEvent, now: Timestamp) -> Option<OutboundMessage> {
        fn presence<'a>(event: &ServerEvent<Presence<'a>>, room: &'a RoomId, user: &'a User, now: Timestamp) -> Option<OutboundMessage> {
            let (trip_id, user_id, timestamp) = (room.id(), user.id.as_str(), Milliseconds(now));
            (room.kind() == RoomKind::Trip).then(|| event.render(&Presence { user_id, trip_id, timestamp }))
        }
        match ephemeral {
            EphemeralEvent::RoomJoined { room, user } => presence(&events::USER_JOINED, room, user, now),
            EphemeralEvent::RoomLeft { room, user, .. } => presence(&events::USER_LEFT, room, user, now),
            EphemeralEvent::Announced { announcement } => {
                let payload = Notified::Everybodys(Announced::of(announcement));
                Some(match &announcement.event {
                    None => events::NOTIFICATION.render(&payload),
                    Some(name) => events::NOTIFICATION.render_as(name.clone(), &payload),
                })
            }
            _ => None,
        }
    }

    fn parse(&self, message: &ClientMessage<'_>) -> Option<ParsedRequest> {
        parse_event(events::CLIENT_EVENTS, message)
    }

    fn rest_api(&self) -> Option<RestApi> {
        Some(rest::api())
    }

    fn answer(&self, request: &RequestInfo<'_>, result: Result<&Outcome, &DomainError>) -> Reply {
        let timestamp = Milliseconds(request.now);
        let outcome = match result {
            Err(error) => return error_reply(request.name, error, request.acked, self.field_names()),
            Ok(outcome) => outcome,
        };
        if request.acked {
            let ack = match outcome {
                Outcome::Joined(room) | Outcome::Left(room) => json(&TripAck { ok: ConstBool, trip_id: room.id() }),
                Outcome::Pong => json(&PingConfirmed { ok: ConstBool, timestamp }),
                // No request of this contract has another result.
                _ => json(&AckOk::default()),
            };
            return Reply { ack: Some(ack), ..Reply::default() };
        }
        let messages = match outcome {
            Outcome::Joined(room) => vec![events::TRIP_JOINED.render(&NotificationPayload { trip_id: room.id(), timestamp })],
            Outcome::Left(room) => vec![events::TRIP_LEFT.render(&NotificationPayload { trip_id: room.id(), timestamp })],
            Outcome::Pong => vec![events::PONG.render(&Pong { timestamp })],
            _ => Vec::new(),
        };
        Reply { messages, ..Reply::default() }
    }
}

/// The event in a user's inbox about a membership of that user.
fn in_inbox(persisted: &PersistedEvent) -> Option<OutboundMessage> {
    match &persisted.event {
        Event::Added { space, by, trip, .. } if space.room.kind() == RoomKind::Trip => {
            let details = trip.clone().unwrap_or_default();
            Some(events::TRIP_ADDED.render(&Added::of(space, &details, by.as_ref().map(|by| &by.id))))
        }
        Event::Removed { space, by } if space.kind() == RoomKind::Trip => {
            Some(events::TRIP_REMOVED.render(&Removed::of(space, by.as_ref().map(|by| &by.id), persisted.at)))
        }
        _ => None,
    }
}

/// The changed fields of a trip whose members have changed: their count, and the first of them.
fn members(space: &Space) -> Map<String, Value> {
    let members = serde_json::to_value(Members(space)).unwrap_or_default();
    Map::from_iter([("memberCount".to_owned(), space.member_count().into()), ("members".to_owned(), members)])
}
