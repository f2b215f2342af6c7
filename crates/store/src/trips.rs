//! The fields of trips that other spaces do not have.

use domain::ids::RoomId;
use domain::ports::{StoreResult, TripStore};
use domain::trips::TripDetails;

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> TripStore for Tables<D> {
    fn trip_details(&mut self, room: &RoomId) -> StoreResult<Option<TripDetails>> {
        let sql = "SELECT description, start_date, end_date FROM trips WHERE room = $1";
        self.0.first(sql, values![room], details_of)
    }

    fn put_trip_details(&mut self, room: &RoomId, details: &TripDetails) -> StoreResult<()> {
        let sql = "INSERT INTO trips (room, description, start_date, end_date) VALUES ($1, $2, $3, $4)
            ON CONFLICT (room) DO UPDATE SET description = excluded.description, start_date = excluded.start_date,
                end_date = excluded.end_date";
        let values = values![room, details.description.as_deref(), details.start_date.as_deref(), details.end_date.as_deref()];
        self.0.post(sql, values)
    }

    fn delete_trip_details(&mut self, room: &RoomId) -> StoreResult<()> {
        self.0.post("DELETE FROM trips WHERE room = $1", values![room])
    }
}

fn details_of(row: &dyn Row) -> StoreResult<TripDetails> {
    Ok(TripDetails { description: row.owned_text(0)?, start_date: row.owned_text(1)?, end_date: row.owned_text(2)? })
}
