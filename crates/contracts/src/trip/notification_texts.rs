//! The texts of notifications about a user's trips.

use domain::ids::UserId;
use domain::notifications::NewNotification;
use domain::trips::Trip;
use serde_json::json;

/// The type of a notification without one of its own.
pub const INFO: &str = "info";

/// The notification of a trip's creator, for the creator's other devices.
pub fn created(trip: &Trip) -> NewNotification {
    notice(&trip.space.created_by, trip, "Trip created", format!("The trip \"{}\" has been created", trip.space.name))
}

/// The notification of a user who was added to a trip.
pub fn added(trip: &Trip, user: &UserId) -> NewNotification {
    notice(user, trip, "Added to a trip", format!("You are now on the trip \"{}\"", trip.space.name))
}

/// The notification of a user who was removed from a trip.
pub fn removed(trip: &Trip, user: &UserId) -> NewNotification {
    notice(user, trip, "Removed from a trip", format!("You are no longer on the trip \"{}\"", trip.space.name))
}

fn notice(user: &UserId, trip: &Trip, title: &str, message: String) -> NewNotification {
    let data = Some(json!({ "tripId": trip.space.room.id() }));
    NewNotification { user: user.clone(), kind: INFO.to_owned(), title: title.to_owned(), message, link: None, data }
}
