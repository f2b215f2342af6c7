//! Updates a trip.

use serde_json::{Map, Value};

use crate::access::{record_activity, require_member};
use crate::command::{Command, CommandContext};
use crate::embedded_members::embed_members;
use crate::error::DomainError;
use crate::event::Event;
use crate::field::Field;
use crate::model::{RoomId, Trip, TripChanges};
use crate::trips::{not_found, require_trip, with_details};
use crate::validation;

/// Changes a trip's fields, and sends further fields to the members; for every member. Every update records an event, because clients wait for it.
#[derive(Clone, PartialEq, Debug)]
pub struct UpdateTrip {
    /// The trip's room.
    pub room: RoomId,
    /// The changes that are stored.
    pub changes: TripChanges,
    /// Further fields of the front end for the members, at most 16 KB of JSON. The trip does not store them.
    pub more: Map<String, Value>,
}

impl Command for UpdateTrip {
    type Output = Trip;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<Trip, DomainError> {
        let Self { room, changes, more } = self;
        require_trip(&room)?;
        require_member(context.store, context.actor, &room)?;
        record_activity(context.store, context.actor, &room)?;
        validation::metadata(Field::TripExtras, Some(&Value::Object(more.clone())))?;
        let mut space = context.store.space(&room)?.ok_or(not_found())?;
        embed_members(context.store, &mut space)?;
        let before = with_details(context.store, space)?;
        let mut trip = before.clone();
        if let Some(name) = &changes.name {
            validation::required(Field::SpaceName, name, validation::MAX_NAME)?;
            trip.space.name.clone_from(name);
        }
        let details = &mut trip.details;
        for (field, change) in [
            (&mut details.description, &changes.description),
            (&mut details.start_date, &changes.start_date),
            (&mut details.end_date, &changes.end_date),
        ] {
            if let Some(value) = change {
                field.clone_from(value);
            }
        }
        trip.details.check()?;
        if trip != before {
            trip.space.updated_at = context.now;
            context.store.update_space(&trip.space)?;
            context.store.put_trip_details(&room, &trip.details)?;
        }
        context.record_event(&room, Event::TripUpdated { changes, more, by: context.actor.user.clone() })?;
        Ok(trip)
    }
}
