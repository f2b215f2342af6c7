//! Users.

use domain::ids::{Timestamp, UserId};
use domain::ports::{StoreError, StoreResult, UserStore};
use domain::users::User;

use crate::driver::{Driver, Row, Tables, values};

impl<D: Driver> UserStore for Tables<D> {
    fn user(&mut self, id: &UserId) -> StoreResult<Option<User>> {
        let sql = "SELECT id, name, username, email, avatar_url, created_at, updated_at FROM people WHERE id = $1";
        self.0.first(sql, values![id], |row| user_at(row, 0))
    }

    fn insert_user(&mut self, user: &User) -> StoreResult<()> {
        self.insert(user, 1)
    }

    fn insert_unseen_user(&mut self, user: &User) -> StoreResult<()> {
        self.insert(user, 0)
    }

    fn has_signed_in(&mut self, id: &UserId) -> StoreResult<bool> {
        Ok(self.0.first("SELECT signed_in FROM people WHERE id = $1", values![id], |row| row.int(0))? == Some(1))
    }

    fn put_signed_in(&mut self, id: &UserId) -> StoreResult<()> {
        self.0.change_one("UPDATE people SET signed_in = 1 WHERE id = $1", values![id])
    }

    fn unseen_users(&mut self, until: Timestamp, limit: u32) -> StoreResult<Vec<UserId>> {
        let sql = "SELECT id FROM people WHERE signed_in = 0 AND space_count = 0 AND updated_at = created_at AND created_at < $1
            ORDER BY created_at, id LIMIT $2";
        self.0.all(sql, values![until, limit], |row| row.user_id(0))
    }

    fn update_user(&mut self, user: &User) -> StoreResult<()> {
        let sql = "UPDATE people SET name = $1, username = $2, email = $3, avatar_url = $4, updated_at = $5 WHERE id = $6";
        let values = values![&user.name, &user.username, user.email.as_deref(), user.avatar_url.as_deref(), user.updated_at, &user.id];
        self.0.change_one(sql, values)?;
        // Each membership has the handle, too: members are looked up by it within their space.
        let members = "UPDATE members SET handle = $1 WHERE person = $2 AND handle <> $1";
        self.0.post(members, values![&handle_of(user), &user.id])
    }

    fn delete_user(&mut self, id: &UserId) -> StoreResult<()> {
        self.0.post("DELETE FROM people WHERE id = $1", values![id])
    }

    fn put_deletion(&mut self, id: &UserId, at: Timestamp) -> StoreResult<()> {
        let sql = "INSERT INTO deletions (person, deleted_at) VALUES ($1, $2)
            ON CONFLICT (person) DO UPDATE SET deleted_at = excluded.deleted_at";
        self.0.post(sql, values![id, at])
    }

    fn deleted_at(&mut self, id: &UserId) -> StoreResult<Option<Timestamp>> {
        self.0.first("SELECT deleted_at FROM deletions WHERE person = $1", values![id], |row| row.time(0))
    }

    fn space_count(&mut self, id: &UserId) -> StoreResult<u64> {
        let sql = "SELECT space_count FROM people WHERE id = $1";
        self.0.first(sql, values![id], |row| count(row, 0)).map(Option::unwrap_or_default)
    }

    fn are_contacts(&mut self, one: &UserId, other: &UserId) -> StoreResult<bool> {
        let sql = "SELECT 1 FROM members a JOIN members b ON b.room = a.room
            WHERE a.person = $1 AND b.person = $2 AND a.acted = 1 AND b.acted = 1
            AND NOT EXISTS (SELECT 1 FROM blocks x WHERE x.person = $1 AND x.blocked = $2)
            AND NOT EXISTS (SELECT 1 FROM blocks y WHERE y.person = $2 AND y.blocked = $1) LIMIT 1";
        Ok(self.0.first(sql, values![one, other], |_| Ok(()))?.is_some())
    }

    fn share_space(&mut self, one: &UserId, other: &UserId) -> StoreResult<bool> {
        let sql = "SELECT 1 FROM members a JOIN members b ON b.room = a.room WHERE a.person = $1 AND b.person = $2 LIMIT 1";
        Ok(self.0.first(sql, values![one, other], |_| Ok(()))?.is_some())
    }
}

impl<D: Driver> Tables<D> {
    fn insert(&mut self, user: &User, signed_in: i64) -> StoreResult<()> {
        let sql = "INSERT INTO people (id, name, username, email, avatar_url, created_at, updated_at, signed_in)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = values![
            &user.id,
            &user.name,
            &user.username,
            user.email.as_deref(),
            user.avatar_url.as_deref(),
            user.created_at,
            user.updated_at,
            signed_in
        ];
        self.0.post(sql, values)
    }
}

/// A user's handle in lower case, as the memberships store it.
pub(crate) fn handle_of(user: &User) -> String {
    user.handle().to_lowercase()
}

/// A count in a column.
pub(crate) fn count(row: &dyn Row, column: usize) -> StoreResult<u64> {
    u64::try_from(row.int(column)?).map_err(|error| StoreError::Broken(error.to_string()))
}

/// Reads a user from seven columns of a join: the id in the other table, then the profile, which is NULL for a deleted user.
pub(crate) fn user_at(row: &dyn Row, first: usize) -> StoreResult<User> {
    let since = Timestamp(row.maybe_int(first + 5)?.unwrap_or_default());
    Ok(User {
        id: row.user_id(first)?,
        name: row.owned_text(first + 1)?.unwrap_or_default(),
        username: row.owned_text(first + 2)?.unwrap_or_default(),
        email: row.owned_text(first + 3)?,
        avatar_url: row.owned_text(first + 4)?,
        created_at: since,
        updated_at: row.maybe_int(first + 6)?.map_or(since, Timestamp),
    })
}
