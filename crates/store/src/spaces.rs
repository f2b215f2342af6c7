//! Spaces and who is in them.

use domain::names::{Kind, PersonId, Room, Timestamp};
use domain::seam::{Page, Spaces, StoreError, Stored};
use domain::spaces::{Member, Role, Space};

use crate::driver::{Driver, Row, Tables, values};
use crate::people::person_at;

impl<D: Driver> Spaces for Tables<D> {
    fn space(&mut self, room: &Room) -> Stored<Option<Space>> {
        let sql = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at FROM spaces WHERE room = $1";
        let space = self.0.first(sql, values![room], bare_space)?;
        space.map(|space| self.with_members(space)).transpose()
    }

    fn has_space(&mut self, room: &Room) -> Stored<bool> {
        Ok(self.0.first("SELECT 1 FROM spaces WHERE room = $1", values![room], |_| Ok(()))?.is_some())
    }

    fn insert_space(&mut self, space: &Space) -> Stored<()> {
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
        self.0.write(sql, values).map(drop)
    }

    fn update_space(&mut self, space: &Space) -> Stored<()> {
        let sql = "UPDATE spaces SET name = $1, invite_code = $2, updated_at = $3, archived_at = $4 WHERE room = $5";
        let values = values![&space.name, space.invite_code.as_deref(), space.updated_at, space.archived_at, &space.room];
        self.0.change_one(sql, values)
    }

    fn delete_space(&mut self, room: &Room) -> Stored<()> {
        self.0.write("DELETE FROM spaces WHERE room = $1", values![room]).map(drop)
    }

    fn role(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Role>> {
        let sql = "SELECT role FROM members WHERE room = $1 AND person = $2";
        self.0.first(sql, values![room, person], |row| role_of(row.text(0)?))
    }

    fn role_in_parent(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Role>> {
        let sql = "SELECT m.role FROM spaces s JOIN members m ON m.room = s.parent WHERE s.room = $1 AND m.person = $2";
        self.0.first(sql, values![room, person], |row| role_of(row.text(0)?))
    }

    fn left_at(&mut self, room: &Room, person: &PersonId) -> Stored<Option<Timestamp>> {
        let sql = "SELECT d.left_at FROM departures d WHERE d.room = $1 AND d.person = $2
            AND NOT EXISTS (SELECT 1 FROM members m WHERE m.room = d.room AND m.person = d.person)";
        self.0.first(sql, values![room, person], |row| row.time(0))
    }

    fn is_archived(&mut self, room: &Room) -> Stored<bool> {
        let sql = "SELECT COALESCE(p.archived_at, s.archived_at) FROM spaces s LEFT JOIN spaces p ON p.room = s.parent WHERE s.room = $1";
        Ok(self.0.first(sql, values![room], |row| row.maybe_int(0))?.flatten().is_some())
    }

    fn put_member(&mut self, room: &Room, person: &PersonId, role: Role, at: Timestamp) -> Stored<()> {
        let sql = "INSERT INTO members (room, person, kind, role, joined_at, place, since)
            VALUES ($1, $2, $3, $4, $5, (SELECT COALESCE(MAX(place), 0) + 1 FROM members WHERE room = $1),
                (SELECT COALESCE(MAX(id), 0) FROM journal))
            ON CONFLICT (room, person) DO UPDATE SET role = excluded.role";
        self.0.write(sql, values![room, person, room.kind().as_str(), role_name(role), at]).map(drop)
    }

    fn remove_member(&mut self, room: &Room, person: &PersonId, at: Timestamp) -> Stored<()> {
        let removed = self.0.write("DELETE FROM members WHERE room = $1 AND person = $2", values![room, person])?;
        if removed == 0 {
            return Ok(());
        }
        let rooms = "DELETE FROM session_rooms WHERE person = $1 AND (room = $2 OR inside = $2)";
        self.0.write(rooms, values![person, room])?;
        let sql = "INSERT INTO departures (room, person, left_at) VALUES ($1, $2, $3)
            ON CONFLICT (room, person) DO UPDATE SET left_at = excluded.left_at";
        self.0.write(sql, values![room, person, at]).map(drop)
    }

    fn members(&mut self, room: &Room) -> Stored<Vec<Member>> {
        let sql = "SELECT m.role, m.joined_at, m.person, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM members m LEFT JOIN people p ON p.id = m.person WHERE m.room = $1 ORDER BY m.place";
        self.0
            .all(sql, values![room], |row| Ok(Member { role: role_of(row.text(0)?)?, joined_at: row.time(1)?, person: person_at(row, 2)? }))
    }

    fn rooms_of(&mut self, person: &PersonId, kind: Option<Kind>) -> Stored<Vec<Room>> {
        let of_kind = "SELECT room FROM members WHERE person = $1 AND kind = $2 ORDER BY joined_at DESC, room DESC";
        let of_all = "SELECT room FROM members WHERE person = $1 ORDER BY joined_at DESC, room DESC";
        match kind {
            Some(kind) => self.0.all(of_kind, values![person, kind.as_str()], |row| row.room(0)),
            None => self.0.all(of_all, values![person], |row| row.room(0)),
        }
    }

    fn contacts_of(&mut self, person: &PersonId) -> Stored<Vec<PersonId>> {
        let sql = "SELECT DISTINCT o.person FROM members m JOIN members o ON o.room = m.room
            WHERE m.person = $1 AND o.person <> $1 ORDER BY o.person";
        self.0.all(sql, values![person], |row| row.person_id(0))
    }

    fn spaces_of(&mut self, person: &PersonId, kind: Kind, page: &Page<Room>) -> Stored<Vec<Space>> {
        let first = "SELECT s.room, s.name, s.parent, s.invite_code, s.created_by, s.created_at, s.updated_at, s.archived_at
            FROM members m JOIN spaces s ON s.room = m.room WHERE m.person = $1 AND m.kind = $2
            ORDER BY m.joined_at DESC, m.room DESC LIMIT $3";
        let next = "SELECT s.room, s.name, s.parent, s.invite_code, s.created_by, s.created_at, s.updated_at, s.archived_at
            FROM members m JOIN spaces s ON s.room = m.room WHERE m.person = $1 AND m.kind = $2
            AND (m.joined_at, m.room) < (SELECT b.joined_at, b.room FROM members b WHERE b.room = $3 AND b.person = $1)
            ORDER BY m.joined_at DESC, m.room DESC LIMIT $4";
        let spaces = match &page.before {
            None => self.0.all(first, values![person, kind.as_str(), page.limit], bare_space),
            Some(before) => self.0.all(next, values![person, kind.as_str(), before, page.limit], bare_space),
        }?;
        spaces.into_iter().map(|space| self.with_members(space)).collect()
    }

    fn spaces_in(&mut self, parent: &Room, page: &Page<Room>) -> Stored<Vec<Space>> {
        let first = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at FROM spaces
            WHERE parent = $1 ORDER BY created_at DESC, room DESC LIMIT $2";
        let next = "SELECT room, name, parent, invite_code, created_by, created_at, updated_at, archived_at FROM spaces
            WHERE parent = $1 AND (created_at, room) < (SELECT b.created_at, b.room FROM spaces b WHERE b.room = $2)
            ORDER BY created_at DESC, room DESC LIMIT $3";
        match &page.before {
            None => self.0.all(first, values![parent, page.limit], bare_space),
            Some(before) => self.0.all(next, values![parent, before, page.limit], bare_space),
        }
    }
}

impl<D: Driver> Tables<D> {
    fn with_members(&mut self, mut space: Space) -> Stored<Space> {
        if space.room.kind().has_own_members() {
            space.members = self.members(&space.room)?;
        }
        Ok(space)
    }
}

/// A space whose members are still to be read.
fn bare_space(row: &dyn Row) -> Stored<Space> {
    Ok(Space {
        room: row.room(0)?,
        name: row.text(1)?.to_owned(),
        parent: row.maybe_text(2)?.and_then(Room::parse),
        invite_code: row.owned_text(3)?,
        created_by: row.person_id(4)?,
        created_at: row.time(5)?,
        updated_at: row.time(6)?,
        archived_at: row.maybe_int(7)?.map(Timestamp),
        members: Vec::new(),
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

fn role_of(name: &str) -> Stored<Role> {
    match name {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        _ => Err(StoreError::Broken(format!("{name} is not a role"))),
    }
}
