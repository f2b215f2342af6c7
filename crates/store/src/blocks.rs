//! The blocks between users.

use domain::blocks::Block;
use domain::names::{PersonId, Room, Timestamp};
use domain::seam::{Blocks, Page, Stored};

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> Blocks for Tables<D> {
    fn put_block(&mut self, person: &PersonId, blocked: &PersonId, at: Timestamp) -> Stored<()> {
        let sql = "INSERT INTO blocks (person, blocked, blocked_at) VALUES ($1, $2, $3) ON CONFLICT (person, blocked) DO NOTHING";
        self.0.write(sql, values![person, blocked, at]).map(drop)
    }

    fn delete_block(&mut self, person: &PersonId, blocked: &PersonId) -> Stored<()> {
        self.0.write("DELETE FROM blocks WHERE person = $1 AND blocked = $2", values![person, blocked]).map(drop)
    }

    fn delete_blocks_of(&mut self, person: &PersonId) -> Stored<()> {
        self.0.write("DELETE FROM blocks WHERE person = $1", values![person]).map(drop)
    }

    fn block(&mut self, person: &PersonId, blocked: &PersonId) -> Stored<Option<Block>> {
        let sql = "SELECT blocked, blocked_at FROM blocks WHERE person = $1 AND blocked = $2";
        self.0.first(sql, values![person, blocked], block_at)
    }

    fn count_blocks(&mut self, person: &PersonId) -> Stored<u64> {
        let count = self.0.first("SELECT COUNT(*) FROM blocks WHERE person = $1", values![person], |row| row.int(0))?;
        Ok(count.unwrap_or_default() as u64)
    }

    fn blocks_of(&mut self, person: &PersonId, page: &Page<PersonId>) -> Stored<Vec<Block>> {
        let first = "SELECT blocked, blocked_at FROM blocks WHERE person = $1 ORDER BY blocked_at DESC, blocked DESC LIMIT $2";
        let next = "SELECT blocked, blocked_at FROM blocks WHERE person = $1
            AND (blocked_at, blocked) < (SELECT b.blocked_at, b.blocked FROM blocks b WHERE b.person = $1 AND b.blocked = $2)
            ORDER BY blocked_at DESC, blocked DESC LIMIT $3";
        match &page.before {
            None => self.0.all(first, values![person, page.limit], block_at),
            Some(before) => self.0.all(next, values![person, before, page.limit], block_at),
        }
    }

    fn blockers_in(&mut self, room: &Room, blocked: &PersonId, limit: u32) -> Stored<Vec<PersonId>> {
        // It begins with the users who have blocked this one: they are fewer than the members of a large space.
        let sql = "SELECT b.person FROM blocks b WHERE b.blocked = $1
            AND EXISTS (SELECT 1 FROM members m WHERE m.room = $2 AND m.person = b.person) ORDER BY b.person LIMIT $3";
        self.0.all(sql, values![blocked, room, limit], |row| row.person_id(0))
    }
}

fn block_at(row: &dyn Row) -> Stored<Block> {
    Ok(Block { user: row.person_id(0)?, since: row.time(1)? })
}
