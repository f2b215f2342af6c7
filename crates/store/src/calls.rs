//! Calls and their participants.

use domain::calls::{Call, CallStatus, Participant};
use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::ports::{CallStore, Page, StoreError, StoreResult};

use crate::driver::{Driver, Row, Tables, values};
use crate::users::user_at;

impl<D: Driver> CallStore for Tables<D> {
    fn call(&mut self, id: EntityId) -> StoreResult<Option<Call>> {
        let sql = "SELECT c.id, c.room, c.sort, c.status, c.started_at, c.answered_at, c.ended_at, c.ended_by,
                c.initiated_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM calls c LEFT JOIN people p ON p.id = c.initiated_by WHERE c.id = $1";
        let call = self.0.first(sql, values![id], bare_call)?;
        call.map(|call| self.with_participants(call)).transpose()
    }

    fn insert_call(&mut self, call: &Call) -> StoreResult<()> {
        let sql = "INSERT INTO calls (id, room, sort, status, started_at, answered_at, ended_at, ended_by, initiated_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let values = values![
            call.id,
            &call.room,
            &call.sort,
            status_name(call.status),
            call.started_at,
            call.answered_at,
            call.ended_at,
            call.ended_by.as_ref(),
            &call.initiated_by.id
        ];
        self.0.post(sql, values)
    }

    fn update_call(&mut self, call: &Call) -> StoreResult<()> {
        let sql = "UPDATE calls SET status = $1, answered_at = $2, ended_at = $3, ended_by = $4 WHERE id = $5";
        let values = values![status_name(call.status), call.answered_at, call.ended_at, call.ended_by.as_ref(), call.id];
        self.0.change_one(sql, values)
    }

    fn put_participant(&mut self, call: EntityId, participant: &Participant) -> StoreResult<()> {
        let sql = "INSERT INTO participants (call, person, joined_at, left_at, place)
            VALUES ($1, $2, $3, $4, (SELECT COALESCE(MAX(place), 0) + 1 FROM participants WHERE call = $1))
            ON CONFLICT (call, person) DO UPDATE SET joined_at = excluded.joined_at, left_at = excluded.left_at";
        self.0.post(sql, values![call, &participant.user.id, participant.joined_at, participant.left_at])
    }

    fn open_call(&mut self, room: &RoomId) -> StoreResult<Option<Call>> {
        let sql = "SELECT c.id, c.room, c.sort, c.status, c.started_at, c.answered_at, c.ended_at, c.ended_by,
                c.initiated_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM calls c LEFT JOIN people p ON p.id = c.initiated_by WHERE c.room = $1 AND c.ended_at IS NULL";
        let call = self.0.first(sql, values![room], bare_call)?;
        call.map(|call| self.with_participants(call)).transpose()
    }

    fn open_calls(&mut self) -> StoreResult<Vec<(EntityId, RoomId)>> {
        let sql = "SELECT id, room FROM calls WHERE ended_at IS NULL ORDER BY id";
        self.0.all(sql, values![], |row| Ok((row.int(0)?, row.room(1)?)))
    }

    fn present_participants(&mut self) -> StoreResult<Vec<(EntityId, UserId)>> {
        let sql = "SELECT c.id, p.person FROM calls c JOIN participants p ON p.call = c.id
            WHERE c.ended_at IS NULL AND p.left_at IS NULL ORDER BY c.id, p.place";
        self.0.all(sql, values![], |row| Ok((row.int(0)?, UserId::new(row.text(1)?))))
    }

    fn calls_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Call>> {
        let sql = "SELECT c.id, c.room, c.sort, c.status, c.started_at, c.answered_at, c.ended_at, c.ended_by,
                c.initiated_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM calls c LEFT JOIN people p ON p.id = c.initiated_by
            WHERE c.room = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3";
        let calls = self.0.all(sql, values![room, page.before.unwrap_or(EntityId::MAX), page.limit], bare_call)?;
        calls.into_iter().map(|call| self.with_participants(call)).collect()
    }
}

impl<D: Driver> Tables<D> {
    fn with_participants(&mut self, call: Call) -> StoreResult<Call> {
        let sql = "SELECT c.joined_at, c.left_at, c.person, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM participants c LEFT JOIN people p ON p.id = c.person WHERE c.call = $1 ORDER BY c.place";
        let participants = self.0.all(sql, values![call.id], |row| {
            Ok(Participant { user: user_at(row, 2)?, joined_at: row.time(0)?, left_at: row.maybe_int(1)?.map(Timestamp) })
        })?;
        Ok(Call { participants, ..call })
    }
}

/// A row of a call, without its participants.
fn bare_call(row: &dyn Row) -> StoreResult<Call> {
    Ok(Call {
        id: row.int(0)?,
        room: row.room(1)?,
        sort: row.text(2)?.to_owned(),
        initiated_by: user_at(row, 8)?,
        status: status_of(row.text(3)?)?,
        started_at: row.time(4)?,
        answered_at: row.maybe_int(5)?.map(Timestamp),
        ended_at: row.maybe_int(6)?.map(Timestamp),
        ended_by: row.owned_text(7)?.map(UserId::new),
        participants: Vec::new(),
    })
}

fn status_name(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Ringing => "ringing",
        CallStatus::Ongoing => "ongoing",
        CallStatus::Ended => "ended",
        CallStatus::Missed => "missed",
    }
}

fn status_of(name: &str) -> StoreResult<CallStatus> {
    match name {
        "ringing" => Ok(CallStatus::Ringing),
        "ongoing" => Ok(CallStatus::Ongoing),
        "ended" => Ok(CallStatus::Ended),
        "missed" => Ok(CallStatus::Missed),
        _ => Err(StoreError::Broken(format!("a call has the status {name}"))),
    }
}
