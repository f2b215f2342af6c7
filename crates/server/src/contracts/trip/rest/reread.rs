//! How a trip is read again for the answer of a repeated request.

use domain::command::{Actor, Query};
use domain::error::DomainError;
use domain::idempotency::RESULT_GONE;
use domain::ports::Store;
use domain::trips::{GetTrip, Trip};
use serde_json::{Map, Value};

use crate::rest::reread::{Reread, room_of};

impl Reread for Trip {
    fn reference(&self) -> Option<String> {
        self.space.reference()
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetTrip { room: room_of(reference)? }.execute(store, actor)
    }
}

/// A trip with changes that are broadcast and not stored, so the response cannot be read again.
impl Reread for (Trip, Map<String, Value>) {
    fn reference(&self) -> Option<String> {
        None
    }

    fn reread(_: &str, _: &mut dyn Store, _: &Actor) -> Result<Self, DomainError> {
        Err(RESULT_GONE)
    }
}
