//! Read markers.

use domain::ids::{EntityId, RoomId, RoomKind, UserId};
use domain::ports::{ReadMarkerStore, StoreError, StoreResult};

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> ReadMarkerStore for Tables<D> {
    fn read_marker(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<EntityId>> {
        self.0.first("SELECT mark FROM reads WHERE room = $1 AND person = $2", values![room, user], |row| row.int(0))
    }

    fn read_marker_of_others(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<EntityId>> {
        let sql = "SELECT seen FROM reads WHERE room = $1 AND person <> $2 AND seen IS NOT NULL ORDER BY seen DESC LIMIT 1";
        self.0.first(sql, values![room, user], |row| row.int(0))
    }

    fn advance_read_marker(&mut self, room: &RoomId, user: &UserId, mark: EntityId) -> StoreResult<()> {
        let sql = "INSERT INTO reads (room, person, mark, seen) VALUES ($1, $2, $3, $3)
            ON CONFLICT (room, person) DO UPDATE SET mark = excluded.mark, seen = excluded.seen WHERE excluded.mark > reads.mark";
        self.0.post(sql, values![room, user, mark])
    }

    fn init_read_marker(&mut self, room: &RoomId, user: &UserId, behind: EntityId) -> StoreResult<()> {
        let sql = "INSERT INTO reads (room, person, mark) VALUES ($1, $2, $3)
            ON CONFLICT (room, person) DO UPDATE SET mark = excluded.mark WHERE excluded.mark > reads.mark";
        self.0.post(sql, values![room, user, behind])
    }

    fn delete_read_markers_of(&mut self, user: &UserId, limit: u32) -> StoreResult<u64> {
        let sql = "DELETE FROM reads WHERE person = $1 AND room IN (SELECT room FROM reads WHERE person = $1 LIMIT $2)";
        self.0.write(sql, values![user, limit])
    }

    fn newest_message_in(&mut self, room: &RoomId, up_to: EntityId) -> StoreResult<Option<EntityId>> {
        let sql = "SELECT MAX(id) FROM messages WHERE room = $1 AND id <= $2";
        Ok(self.0.first(sql, values![room, up_to], |row| row.maybe_int(0))?.flatten())
    }

    fn unread_in(&mut self, room: &RoomId, user: &UserId, up_to: EntityId, limit: u32) -> StoreResult<Vec<EntityId>> {
        let sql = "SELECT id FROM messages
            WHERE room = $1 AND sender <> $2 AND id <= $3
            AND id > COALESCE((SELECT r.mark FROM reads r WHERE r.room = $1 AND r.person = $2), 0) ORDER BY id DESC LIMIT $4";
        let mut messages = self.0.all(sql, values![room, user, up_to, limit], |row| row.int(0))?;
        messages.reverse();
        Ok(messages)
    }

    fn count_unread_in(&mut self, room: &RoomId, user: &UserId, limit: u32) -> StoreResult<u64> {
        let sql = "SELECT COUNT(*) FROM (SELECT sender FROM messages
            WHERE room = $1 AND id > COALESCE((SELECT r.mark FROM reads r WHERE r.room = $1 AND r.person = $2), 0)
            ORDER BY id DESC LIMIT $3) AS newest WHERE sender <> $2";
        self.0.first(sql, values![room, user, limit], count).map(Option::unwrap_or_default)
    }

    fn count_unread_of(&mut self, user: &UserId, kind: RoomKind, limit: u32) -> StoreResult<u64> {
        let sql = "SELECT COUNT(*) FROM (SELECT m.sender FROM members mine JOIN messages m ON m.room = mine.room
            WHERE mine.person = $1 AND mine.kind = $2
            AND m.id > COALESCE((SELECT r.mark FROM reads r WHERE r.room = mine.room AND r.person = $1), 0) LIMIT $3) AS newest
            WHERE sender <> $1";
        self.0.first(sql, values![user, kind.as_str(), limit], count).map(Option::unwrap_or_default)
    }
}

fn count(row: &dyn Row) -> StoreResult<u64> {
    u64::try_from(row.int(0)?).map_err(|error| StoreError::Broken(error.to_string()))
}
