//! In which words a person is told in the inbox of what happens to their trips.

use domain::names::PersonId;
use domain::notifications::NewNotification;
use domain::trips::Trip;
use serde_json::json;

/// The word for notifications that no client gave one.
pub const INFO: &str = "info";

/// A trip was made; told to who made it, so that the other devices know of it.
pub fn created(trip: &Trip) -> NewNotification {
    notice(&trip.space.created_by, trip, "Trip created", format!("The trip \"{}\" has been created", trip.space.name))
}

/// A person was brought into a trip.
pub fn added(trip: &Trip, person: &PersonId) -> NewNotification {
    notice(person, trip, "Added to a trip", format!("You are now on the trip \"{}\"", trip.space.name))
}

/// A person was taken out of a trip.
pub fn removed(trip: &Trip, person: &PersonId) -> NewNotification {
    notice(person, trip, "Removed from a trip", format!("You are no longer on the trip \"{}\"", trip.space.name))
}

fn notice(person: &PersonId, trip: &Trip, title: &str, message: String) -> NewNotification {
    let data = Some(json!({ "tripId": trip.space.room.id() }));
    NewNotification { person: person.clone(), kind: INFO.to_owned(), title: title.to_owned(), message, link: None, data }
}
