//! Spaces and their members.

use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::ports::{MemberPage, Page, SpaceStore, StoreError, StoreResult, UserStore};
use domain::spaces::{Member, Role, Space, Standing};
use domain::users::User;

use crate::driver::{Driver, Row, Tables, values};
use crate::users::{count, handle_of, user_at};

impl<D: Driver> SpaceStore for Tables<D> {
    fn space(&mut self, room: &RoomId) -> StoreResult<Option<Space>> {
        let sql = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at, member_count
            FROM spaces WHERE room = $1";
        self.0.first(sql, values![room], space_at)
    }

    fn has_space(&mut self, room: &RoomId) -> StoreResult<bool> {
        Ok(self.0.first("SELECT 1 FROM spaces WHERE room = $1", values![room], |_| Ok(()))?.is_some())
    }

    fn insert_space(&mut self, space: &Space) -> StoreResult<()> {
        let sql = "INSERT INTO spaces (room, name, parent, invite_code, created_by, created_at, updated_at, archived_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = values![
            &space.room,
            &space.name,
            space.parent.as_ref(),
            space.invite_code.as_deref(),
            &space.created_by,
            space.created_at,
            space.updated_at,
            space.archived_at
        ];
        self.0.post(sql, values)
    }

    fn put_claimed(&mut self, room: &RoomId) -> StoreResult<()> {
        self.0.change_one("UPDATE spaces SET claimed = 1 WHERE room = $1", values![room])
    }

    fn is_claimed(&mut self, room: &RoomId) -> StoreResult<bool> {
        Ok(self.0.first("SELECT 1 FROM spaces WHERE room = $1 AND claimed = 1", values![room], |_| Ok(()))?.is_some())
    }

    fn update_space(&mut self, space: &Space) -> StoreResult<()> {
        let sql = "UPDATE spaces SET name = $1, invite_code = $2, updated_at = $3, archived_at = $4 WHERE room = $5";
        let values = values![&space.name, space.invite_code.as_deref(), space.updated_at, space.archived_at, &space.room];
        self.0.change_one(sql, values)
    }

    fn delete_space(&mut self, room: &RoomId) -> StoreResult<()> {
        self.0.post("DELETE FROM spaces WHERE room = $1", values![room])
    }

    fn role(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Role>> {
        let sql = "SELECT role FROM members WHERE room = $1 AND person = $2";
        self.0.first(sql, values![room, user], |row| role_of(row.text(0)?))
    }

    fn role_in_parent(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Role>> {
        let sql = "SELECT m.role FROM spaces s JOIN members m ON m.room = s.parent WHERE s.room = $1 AND m.person = $2";
        self.0.first(sql, values![room, user], |row| role_of(row.text(0)?))
    }

    fn left_at(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Timestamp>> {
        let sql = "SELECT d.left_at FROM departures d WHERE d.room = $1 AND d.person = $2
            AND NOT EXISTS (SELECT 1 FROM members m WHERE m.room = d.room AND m.person = d.person)";
        self.0.first(sql, values![room, user], |row| row.time(0))
    }

    fn put_left_by_choice(&mut self, room: &RoomId, user: &UserId) -> StoreResult<()> {
        self.0.post("UPDATE departures SET by_choice = 1 WHERE room = $1 AND person = $2", values![room, user])
    }

    fn left_by_choice_at(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Timestamp>> {
        let sql = "SELECT d.left_at FROM departures d WHERE d.room = $1 AND d.person = $2 AND d.by_choice = 1
            AND NOT EXISTS (SELECT 1 FROM members m WHERE m.room = d.room AND m.person = d.person)";
        self.0.first(sql, values![room, user], |row| row.time(0))
    }

    fn has_acted(&mut self, room: &RoomId, user: &UserId) -> StoreResult<bool> {
        let sql = "SELECT acted FROM members WHERE room = COALESCE((SELECT parent FROM spaces WHERE room = $1), $1) AND person = $2";
        Ok(self.0.first(sql, values![room, user], |row| row.int(0))? == Some(1))
    }

    fn put_acted(&mut self, room: &RoomId, user: &UserId) -> StoreResult<()> {
        let sql = "UPDATE members SET acted = 1 WHERE room = COALESCE((SELECT parent FROM spaces WHERE room = $1), $1) AND person = $2";
        self.0.post(sql, values![room, user])
    }

    fn members_who_acted(&mut self, room: &RoomId, asker: &UserId, limit: u32) -> StoreResult<Vec<UserId>> {
        let sql = "SELECT m.person FROM members m WHERE m.room = $1 AND m.acted = 1
            AND NOT EXISTS (SELECT 1 FROM blocks x WHERE x.person = m.person AND x.blocked = $2)
            AND NOT EXISTS (SELECT 1 FROM blocks y WHERE y.person = $2 AND y.blocked = m.person) ORDER BY m.place LIMIT $3";
        self.0.all(sql, values![room, asker, limit], |row| row.user_id(0))
    }

    fn is_archived(&mut self, room: &RoomId) -> StoreResult<bool> {
        let sql = "SELECT COALESCE(p.archived_at, s.archived_at) FROM spaces s LEFT JOIN spaces p ON p.room = s.parent WHERE s.room = $1";
        Ok(self.0.first(sql, values![room], |row| row.maybe_int(0))?.flatten().is_some())
    }

    fn member_standing(&mut self, room: &RoomId, user: &UserId) -> StoreResult<Option<Standing>> {
        let own = "SELECT m.role, s.archived_at, m.acted, p.id, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM members m LEFT JOIN spaces s ON s.room = m.room LEFT JOIN people p ON p.id = m.person
            WHERE m.room = $1 AND m.person = $2";
        let parents = "SELECT m.role, COALESCE(a.archived_at, s.archived_at), m.acted,
                p.id, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM spaces s JOIN members m ON m.room = s.parent LEFT JOIN spaces a ON a.room = s.parent LEFT JOIN people p ON p.id = m.person
            WHERE s.room = $1 AND m.person = $2";
        let sql = if room.kind().has_own_members() { own } else { parents };
        self.0.first(sql, values![room, user], |row| {
            let stored = row.maybe_text(3)?.is_some();
            Ok(Standing {
                role: role_of(row.text(0)?)?,
                archived: row.maybe_int(1)?.is_some(),
                acted: row.int(2)? == 1,
                user: stored.then(|| user_at(row, 3)).transpose()?,
            })
        })
    }

    fn put_member(&mut self, room: &RoomId, user: &UserId, role: Role, at: Timestamp) -> StoreResult<()> {
        let change = "UPDATE members SET role = $1 WHERE room = $2 AND person = $3";
        if self.0.write(change, values![role_name(role), room, user])? > 0 {
            return Ok(());
        }
        let handle = handle_of(&self.user(user)?.unwrap_or_else(|| User::unseen(user.clone(), at)));
        let sql = "INSERT INTO members (room, person, kind, role, joined_at, handle, place, since, acted)
            VALUES ($1, $2, $3, $4, $5, $6, (SELECT COALESCE(MAX(place), 0) + 1 FROM members WHERE room = $1), $7, 0)";
        let since = self.0.last_offset()?;
        self.0.post(sql, values![room, user, room.kind().as_str(), role_name(role), at, &handle, since])?;
        self.count_membership(room, user, 1)
    }

    fn remove_member(&mut self, room: &RoomId, user: &UserId, at: Timestamp) -> StoreResult<()> {
        let removed = self.0.write("DELETE FROM members WHERE room = $1 AND person = $2", values![room, user])?;
        if removed == 0 {
            return Ok(());
        }
        self.count_membership(room, user, -1)?;
        let rooms = "DELETE FROM session_rooms WHERE person = $1 AND (room = $2 OR inside = $2)";
        self.0.post(rooms, values![user, room])?;
        let sql = "INSERT INTO departures (room, person, left_at, by_choice) VALUES ($1, $2, $3, 0)
            ON CONFLICT (room, person) DO UPDATE SET left_at = excluded.left_at, by_choice = excluded.by_choice";
        self.0.post(sql, values![room, user, at])
    }

    fn members(&mut self, room: &RoomId, page: &MemberPage) -> StoreResult<Vec<Member>> {
        let first = "SELECT m.role, m.joined_at, m.person, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM members m LEFT JOIN people p ON p.id = m.person WHERE m.room = $1 ORDER BY m.place LIMIT $2";
        let next = "SELECT m.role, m.joined_at, m.person, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM members m LEFT JOIN people p ON p.id = m.person
            WHERE m.room = $1 AND m.place > (SELECT a.place FROM members a WHERE a.room = $1 AND a.person = $2) ORDER BY m.place LIMIT $3";
        match &page.after {
            None => self.0.all(first, values![room, page.limit], member_at),
            Some(after) => self.0.all(next, values![room, after, page.limit], member_at),
        }
    }

    fn member_ids(&mut self, room: &RoomId, limit: u32) -> StoreResult<Vec<UserId>> {
        let sql = "SELECT person FROM members WHERE room = $1 ORDER BY place LIMIT $2";
        self.0.all(sql, values![room, limit], |row| row.user_id(0))
    }

    fn has_admin(&mut self, room: &RoomId) -> StoreResult<bool> {
        let sql = "SELECT 1 FROM members WHERE room = $1 AND role = 'admin' LIMIT 1";
        Ok(self.0.first(sql, values![room], |_| Ok(()))?.is_some())
    }

    fn longest_member(&mut self, room: &RoomId) -> StoreResult<Option<UserId>> {
        let who_acted = "SELECT person FROM members WHERE room = $1 AND acted = 1 ORDER BY place LIMIT 1";
        match self.0.first(who_acted, values![room], |row| row.user_id(0))? {
            None => Ok(self.member_ids(room, 1)?.pop()),
            acted => Ok(acted),
        }
    }

    fn members_with_handle(&mut self, room: &RoomId, handle: &str, limit: u32) -> StoreResult<Vec<User>> {
        let sql = "SELECT p.id, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM members m JOIN people p ON p.id = m.person WHERE m.room = $1 AND m.handle = $2 ORDER BY m.person LIMIT $3";
        self.0.all(sql, values![room, &handle.to_lowercase(), limit], |row| user_at(row, 0))
    }

    fn handle_up_to(&mut self, room: &RoomId, handle: &str) -> StoreResult<Option<String>> {
        let sql = "SELECT handle FROM members WHERE room = $1 AND handle <= $2 ORDER BY handle DESC LIMIT 1";
        self.0.first(sql, values![room, handle], |row| Ok(row.text(0)?.to_owned()))
    }

    fn rooms_of(&mut self, user: &UserId, kind: Option<RoomKind>) -> StoreResult<Vec<RoomId>> {
        let of_kind = "SELECT room FROM members WHERE person = $1 AND kind = $2 ORDER BY joined_at DESC, room DESC";
        let of_all = "SELECT room FROM members WHERE person = $1 ORDER BY joined_at DESC, room DESC";
        match kind {
            Some(kind) => self.0.all(of_kind, values![user, kind.as_str()], |row| row.room(0)),
            None => self.0.all(of_all, values![user], |row| row.room(0)),
        }
    }

    fn contacts_of(&mut self, user: &UserId) -> StoreResult<Vec<UserId>> {
        let sql = "SELECT DISTINCT o.person FROM members m JOIN members o ON o.room = m.room
            WHERE m.person = $1 AND o.person <> $1 AND m.acted = 1 AND o.acted = 1
            AND NOT EXISTS (SELECT 1 FROM blocks x WHERE x.person = o.person AND x.blocked = $1)
            AND NOT EXISTS (SELECT 1 FROM blocks y WHERE y.person = $1 AND y.blocked = o.person) ORDER BY o.person";
        self.0.all(sql, values![user], |row| row.user_id(0))
    }

    fn spaces_of(&mut self, user: &UserId, kind: RoomKind, page: &Page<RoomId>) -> StoreResult<Vec<Space>> {
        let first =
            "SELECT s.room, s.name, s.parent, s.invite_code, s.created_by, s.created_at, s.updated_at, s.archived_at, s.member_count
            FROM members m JOIN spaces s ON s.room = m.room WHERE m.person = $1 AND m.kind = $2
            ORDER BY m.joined_at DESC, m.room DESC LIMIT $3";
        let next = "SELECT s.room, s.name, s.parent, s.invite_code, s.created_by, s.created_at, s.updated_at, s.archived_at, s.member_count
            FROM members m JOIN spaces s ON s.room = m.room WHERE m.person = $1 AND m.kind = $2
            AND (m.joined_at, m.room) < (SELECT b.joined_at, b.room FROM members b WHERE b.room = $3 AND b.person = $1)
            ORDER BY m.joined_at DESC, m.room DESC LIMIT $4";
        match &page.before {
            None => self.0.all(first, values![user, kind.as_str(), page.limit], space_at),
            Some(before) => self.0.all(next, values![user, kind.as_str(), before, page.limit], space_at),
        }
    }

    fn spaces_in(&mut self, parent: &RoomId, page: &Page<RoomId>) -> StoreResult<Vec<Space>> {
        let first = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at, member_count FROM spaces
            WHERE parent = $1 ORDER BY created_at DESC, room DESC LIMIT $2";
        let next = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at, member_count FROM spaces
            WHERE parent = $1 AND (created_at, room) < (SELECT b.created_at, b.room FROM spaces b WHERE b.room = $2)
            ORDER BY created_at DESC, room DESC LIMIT $3";
        match &page.before {
            None => self.0.all(first, values![parent, page.limit], space_at),
            Some(before) => self.0.all(next, values![parent, before, page.limit], space_at),
        }
    }
}

impl<D: Driver> Tables<D> {
    /// Changes the counts of the space and of the user when a membership begins (1) or ends (-1).
    fn count_membership(&mut self, room: &RoomId, user: &UserId, change: i64) -> StoreResult<()> {
        self.0.post("UPDATE spaces SET member_count = member_count + $1 WHERE room = $2", values![change, room])?;
        self.0.post("UPDATE people SET space_count = space_count + $1 WHERE id = $2", values![change, user])
    }
}

fn member_at(row: &dyn Row) -> StoreResult<Member> {
    Ok(Member { role: role_of(row.text(0)?)?, joined_at: row.time(1)?, user: user_at(row, 2)? })
}

fn space_at(row: &dyn Row) -> StoreResult<Space> {
    Ok(Space {
        room: row.room(0)?,
        name: row.text(1)?.to_owned(),
        parent: row.maybe_text(2)?.and_then(RoomId::parse),
        invite_code: row.owned_text(3)?,
        created_by: row.user_id(4)?,
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
        archived_at: row.maybe_int(7)?.map(Timestamp),
        member_count: count(row, 8)?,
        members: Vec::new(),
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

fn role_of(name: &str) -> StoreResult<Role> {
    match name {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        _ => Err(StoreError::Broken(format!("{name} is not a role"))),
    }
}
