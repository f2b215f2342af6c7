//! Resumable sessions, and the epochs of the event log.

use domain::ids::{RoomId, Timestamp, UserId};
use domain::ports::{EventLog, SessionStore, StoreError, StoreResult};
use domain::sessions::{RoomState, Session, SessionRoom};

use crate::driver::{Driver, Row, Tables, values};
use crate::event_log::ACKED;
use crate::postgres::{RUNNING_NODES, lock_number};

impl<D: Driver> SessionStore for Tables<D> {
    fn session(&mut self, secret: &str) -> StoreResult<Option<Session>> {
        let sql = "SELECT secret, id, person, namespace, live_from, confirmed, left_at, let_go, came_at FROM sessions WHERE secret = $1";
        self.0.first(sql, values![secret], |row| session(row, 0))
    }

    fn sessions_since(&mut self, left_since: Timestamp) -> StoreResult<Vec<(Session, Vec<SessionRoom>)>> {
        let sql = "SELECT r.room, r.inside, r.since, r.stay, s.secret, s.id, s.person, s.namespace, s.live_from, s.confirmed, s.left_at,
                s.let_go, s.came_at
            FROM sessions s LEFT JOIN session_rooms r ON r.person = s.person AND r.secret = s.secret
            WHERE s.left_at IS NULL OR s.let_go = 1 OR s.left_at >= $1 ORDER BY s.secret, r.room";
        let mut sessions: Vec<(Session, Vec<SessionRoom>)> = Vec::new();
        self.0.all(sql, values![left_since], |row| {
            let room = session_room(row).ok();
            match sessions.last_mut() {
                Some((last, rooms)) if last.secret == row.text(4)? => rooms.extend(room),
                _ => sessions.push((session(row, 4)?, room.into_iter().collect())),
            }
            Ok(())
        })?;
        Ok(sessions)
    }

    fn insert_session(&mut self, session: &Session) -> StoreResult<()> {
        let sql = "INSERT INTO sessions (secret, id, person, namespace, live_from, confirmed, left_at, let_go, came_at, node)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let node = self.0.node();
        let node = node.as_deref().unwrap_or_default();
        let Session {
            secret,
            id,
            user,
            namespace,
            start_offset: live_from,
            acked_offset: confirmed,
            disconnected_at: left_at,
            ended_by_shutdown,
            connected_at,
        } = session;
        self.0.post(sql, values![secret, id, user, namespace, *live_from, *confirmed, *left_at, *ended_by_shutdown, *connected_at, node])
    }

    fn update_session(&mut self, session: &Session) -> StoreResult<()> {
        let sql =
            "UPDATE sessions SET live_from = $1, confirmed = $2, left_at = $3, let_go = $4, came_at = $5, node = $6 WHERE secret = $7";
        let node = self.0.node();
        let node = node.as_deref().unwrap_or_default();
        let Session {
            secret,
            start_offset: live_from,
            acked_offset: confirmed,
            disconnected_at: left_at,
            ended_by_shutdown,
            connected_at,
            ..
        } = session;
        self.0.change_one(sql, values![*live_from, *confirmed, *left_at, *ended_by_shutdown, *connected_at, node, secret])
    }

    fn end_session(&mut self, secret: &str, confirmed: i64, at: Timestamp, by_shutdown: bool) -> StoreResult<()> {
        let sql = "UPDATE sessions SET confirmed = $1, left_at = $2, let_go = $3 WHERE secret = $4 AND node = $5";
        let node = self.0.node();
        self.0.post(sql, values![confirmed, at, by_shutdown, secret, node.as_deref().unwrap_or_default()])
    }

    fn delete_session(&mut self, secret: &str, user: &UserId) -> StoreResult<()> {
        let rooms = "DELETE FROM session_rooms WHERE person = $1 AND secret = $2
            AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.secret = $2 AND s.node <> $3)";
        let node = self.0.node();
        let node = node.as_deref().unwrap_or_default();
        self.0.post(rooms, values![user, secret, node])?;
        self.0.post("DELETE FROM sessions WHERE secret = $1 AND node = $2", values![secret, node])
    }

    fn end_all_sessions(&mut self, at: Timestamp) -> StoreResult<()> {
        let nodes = "SELECT DISTINCT node FROM sessions WHERE left_at IS NULL ORDER BY node";
        let nodes = self.0.all(nodes, values![], |row| Ok(row.text(0)?.to_owned()))?;
        let epoch = self.epoch_number()?;
        for node in nodes {
            if self.counter(&Self::name_for_node(JOINED, &node))? != epoch {
                self.end_connected(&node, at, true)?;
            }
        }
        Ok(())
    }

    fn end_sessions_of(&mut self, node: &str, at: Timestamp) -> StoreResult<()> {
        self.end_connected(node, at, false)
    }

    fn running_nodes(&mut self) -> StoreResult<Vec<String>> {
        if self.0.node().is_none() {
            return Ok(Vec::new());
        }
        let epoch = self.epoch_number()?;
        let nodes = "SELECT substr(name, 8) FROM marks WHERE name LIKE 'joined:%' AND value = $1 ORDER BY name";
        let mut nodes = self.0.all(nodes, values![epoch], |row| Ok(row.text(0)?.to_owned()))?;
        let locks = self.0.all(RUNNING_NODES, values![], |row| row.int(0))?;
        nodes.retain(|node| locks.contains(&lock_number(node)));
        Ok(nodes)
    }

    fn join_epoch(&mut self, node: &str) -> StoreResult<()> {
        let epoch = self.epoch_number()?;
        self.put_counter(&Self::name_for_node(JOINED, node), epoch)
    }

    fn expire_sessions(&mut self, until: Timestamp) -> StoreResult<()> {
        self.0.post("UPDATE sessions SET let_go = 0, left_at = $1 WHERE let_go = 1 AND left_at <= $1", values![until])
    }

    fn delete_sessions_before(&mut self, until: Timestamp, limit: u32) -> StoreResult<u64> {
        let rooms = "DELETE FROM session_rooms WHERE (person, secret) IN
            (SELECT person, secret FROM sessions WHERE left_at < $1 AND let_go = 0 ORDER BY left_at LIMIT $2)";
        let sessions = "DELETE FROM sessions WHERE secret IN (SELECT secret FROM sessions WHERE left_at < $1 AND let_go = 0 ORDER BY left_at LIMIT $2)";
        self.0.post(rooms, values![until, limit])?;
        self.0.write(sessions, values![until, limit])
    }

    fn session_rooms(&mut self, secret: &str, user: &UserId) -> StoreResult<Vec<SessionRoom>> {
        let sql = "SELECT room, inside, since, stay FROM session_rooms WHERE person = $1 AND secret = $2 ORDER BY room";
        self.0.all(sql, values![user, secret], session_room)
    }

    fn put_session_room(&mut self, secret: &str, user: &UserId, room: &SessionRoom) -> StoreResult<()> {
        let sql = "INSERT INTO session_rooms (person, secret, room, inside, since) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (person, secret, room) DO UPDATE SET since = excluded.since, stay = $6 WHERE session_rooms.stay = $7";
        let (again, left) = (stay_number(RoomState::JoinedAgain), stay_number(RoomState::Left));
        self.0.post(sql, values![user, secret, &room.room, room.parent.as_ref(), room.since, again, left])
    }

    fn leave_session_room(&mut self, secret: &str, user: &UserId, room: &RoomId) -> StoreResult<()> {
        let sql = "INSERT INTO session_rooms (person, secret, room, since, stay) VALUES ($1, $2, $3, 0, $4)
            ON CONFLICT (person, secret, room) DO UPDATE SET stay = excluded.stay";
        self.0.post(sql, values![user, secret, room, stay_number(RoomState::Left)])
    }

    fn delete_session_room(&mut self, secret: &str, user: &UserId, room: &RoomId) -> StoreResult<()> {
        let sql = "DELETE FROM session_rooms WHERE person = $1 AND secret = $2 AND room = $3";
        self.0.post(sql, values![user, secret, room])
    }

    fn member_since(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<i64>> {
        let sql = "SELECT since FROM members WHERE room = $1 AND person = $2";
        self.0.first(sql, values![room, user], |row| row.int(0))
    }

    fn visible_rooms(&mut self, user: &UserId) -> StoreResult<Vec<(RoomId, i64)>> {
        let sql = "SELECT m.room, m.since FROM members m WHERE m.person = $1
            UNION ALL SELECT s.room, m.since FROM members m JOIN spaces s ON s.parent = m.room WHERE m.person = $1
            ORDER BY 1";
        self.0.all(sql, values![user], |row| Ok((row.room(0)?, row.int(1)?)))
    }

    fn begin_epoch(&mut self, name: &str) -> StoreResult<()> {
        let offset = self.last_offset()?;
        self.0.post("INSERT INTO epochs (name, begun) VALUES ($1, $2)", values![name, offset])?;
        let sql = "DELETE FROM epochs WHERE id <= (SELECT MAX(id) FROM epochs) - $1";
        self.0.post(sql, values![KEPT_EPOCHS])
    }

    fn epoch_end(&mut self, name: &str) -> StoreResult<Option<i64>> {
        let known = "SELECT id FROM epochs WHERE name = $1";
        let Some(id) = self.0.first(known, values![name], |row| row.int(0))? else { return Ok(None) };
        let next = "SELECT begun FROM epochs WHERE id > $1 ORDER BY id LIMIT 1";
        match self.0.first(next, values![id], |row| row.int(0))? {
            Some(offset) => Ok(Some(offset)),
            None => self.last_offset().map(Some),
        }
    }
}

impl<D: Driver> Tables<D> {
    /// Marks the connected sessions of a node as ended.
    fn end_connected(&mut self, node: &str, at: Timestamp, by_shutdown: bool) -> StoreResult<()> {
        let acked = self.counter(&Self::name_for_node(ACKED, node))?;
        let sql = "UPDATE sessions SET left_at = $1, let_go = $2,
                confirmed = CASE WHEN live_from < $3 AND confirmed < $3 THEN $3 ELSE confirmed END
            WHERE left_at IS NULL AND node = $4";
        self.0.post(sql, values![at, by_shutdown, acked, node])
    }

    /// The number of the present epoch; -1 if none has begun.
    fn epoch_number(&mut self) -> StoreResult<i64> {
        Ok(self.0.first("SELECT MAX(id) FROM epochs", values![], |row| row.maybe_int(0))?.flatten().unwrap_or(-1))
    }
}

/// The name of the number of the epoch in which a node takes part.
const JOINED: &str = "joined";

/// How many epochs of the event log are kept: positions of older epochs are older than the events that are kept.
const KEPT_EPOCHS: u32 = 100;

/// Reads a session from a row, whose columns begin at `first`.
fn session(row: &dyn Row, first: usize) -> StoreResult<Session> {
    Ok(Session {
        secret: row.text(first)?.to_owned(),
        id: row.text(first + 1)?.to_owned(),
        user: row.user_id(first + 2)?,
        namespace: row.text(first + 3)?.to_owned(),
        start_offset: row.int(first + 4)?,
        acked_offset: row.int(first + 5)?,
        disconnected_at: row.maybe_int(first + 6)?.map(Timestamp),
        ended_by_shutdown: row.int(first + 7)? != 0,
        connected_at: row.time(first + 8)?,
    })
}

/// Reads a room of a session from a row's first columns.
fn session_room(row: &dyn Row) -> StoreResult<SessionRoom> {
    let (inside, since, stay) = (row.maybe_text(1)?.and_then(RoomId::parse), row.int(2)?, stay_of(row.int(3)?)?);
    Ok(SessionRoom { room: row.room(0)?, parent: inside, since, state: stay })
}

fn stay_number(stay: RoomState) -> i64 {
    match stay {
        RoomState::Joined => 0,
        RoomState::Left => 1,
        RoomState::JoinedAgain => 2,
    }
}

fn stay_of(number: i64) -> StoreResult<RoomState> {
    let stays = [RoomState::Joined, RoomState::Left, RoomState::JoinedAgain];
    let stay = stays.into_iter().find(|stay| stay_number(*stay) == number);
    stay.ok_or_else(|| StoreError::Broken(format!("{number} is no stay in a room")))
}
