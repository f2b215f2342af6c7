//! The blocks between users.

use domain::blocks::Block;
use domain::ids::{RoomId, Timestamp, UserId};
use domain::ports::{BlockStore, Page, StoreResult};

use crate::driver::{Driver, Row, Tables, values};

/// In a space of at most so many members, blocks of one user are found by the members.
const SMALL_SPACE_MEMBERS: i64 = 500;

impl<D: Driver> BlockStore for Tables<D> {
    fn put_block(&mut self, user: &UserId, blocked: &UserId, at: Timestamp) -> StoreResult<()> {
        let sql = "INSERT INTO blocks (person, blocked, blocked_at) VALUES ($1, $2, $3) ON CONFLICT (person, blocked) DO NOTHING";
        self.0.post(sql, values![user, blocked, at])
    }

    fn delete_block(&mut self, user: &UserId, blocked: &UserId) -> StoreResult<()> {
        self.0.post("DELETE FROM blocks WHERE person = $1 AND blocked = $2", values![user, blocked])
    }

    fn delete_blocks_of(&mut self, user: &UserId) -> StoreResult<()> {
        self.0.post("DELETE FROM blocks WHERE person = $1", values![user])
    }

    fn block(&mut self, user: &UserId, blocked: &UserId) -> StoreResult<Option<Block>> {
        let sql = "SELECT blocked, blocked_at FROM blocks WHERE person = $1 AND blocked = $2";
        self.0.first(sql, values![user, blocked], block_at)
    }

    fn count_blocks(&mut self, user: &UserId) -> StoreResult<u64> {
        let count = self.0.first("SELECT COUNT(*) FROM blocks WHERE person = $1", values![user], |row| row.int(0))?;
        Ok(count.unwrap_or_default() as u64)
    }

    fn blocks_of(&mut self, user: &UserId, page: &Page<UserId>) -> StoreResult<Vec<Block>> {
        let first = "SELECT blocked, blocked_at FROM blocks WHERE person = $1 ORDER BY blocked_at DESC, blocked DESC LIMIT $2";
        let next = "SELECT blocked, blocked_at FROM blocks WHERE person = $1
            AND (blocked_at, blocked) < (SELECT b.blocked_at, b.blocked FROM blocks b WHERE b.person = $1 AND b.blocked = $2)
            ORDER BY blocked_at DESC, blocked DESC LIMIT $3";
        match &page.before {
            None => self.0.all(first, values![user, page.limit], block_at),
            Some(before) => self.0.all(next, values![user, before, page.limit], block_at),
        }
    }

    fn blockers_of(&mut self, blocked: &UserId, limit: u32) -> StoreResult<Vec<UserId>> {
        let sql = "SELECT person FROM blocks WHERE blocked = $1 ORDER BY person LIMIT $2";
        self.0.all(sql, values![blocked, limit], |row| row.user_id(0))
    }

    fn blockers_in(&mut self, room: &RoomId, blocked: &UserId, limit: u32) -> StoreResult<Vec<UserId>> {
        let of_members = "SELECT m.person FROM members m WHERE m.room = $1
            AND EXISTS (SELECT 1 FROM blocks b WHERE b.person = m.person AND b.blocked = $2) ORDER BY m.person LIMIT $3";
        let of_blockers = "SELECT b.person FROM blocks b WHERE b.blocked = $1
            AND EXISTS (SELECT 1 FROM members m WHERE m.room = $2 AND m.person = b.person) ORDER BY b.person LIMIT $3";
        let members = self.0.first("SELECT member_count FROM spaces WHERE room = $1", values![room], |row| row.int(0))?;
        // Very many users may have blocked this one, and a space may have very many members.
        if members.unwrap_or_default() <= SMALL_SPACE_MEMBERS {
            self.0.all(of_members, values![room, blocked, limit], |row| row.user_id(0))
        } else {
            self.0.all(of_blockers, values![blocked, room, limit], |row| row.user_id(0))
        }
    }
}

fn block_at(row: &dyn Row) -> StoreResult<Block> {
    Ok(Block { user: row.user_id(0)?, since: row.time(1)? })
}
