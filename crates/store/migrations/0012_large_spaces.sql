-- Counts and keys that spare commands a search among all members of a space: the number of a space's members, the number of a user's spaces, and in
-- each membership the member's handle (Person::handle), in lower case.
ALTER TABLE spaces ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE people ADD COLUMN space_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE members ADD COLUMN handle TEXT NOT NULL DEFAULT '';
UPDATE spaces SET member_count = (SELECT COUNT(*) FROM members m WHERE m.room = spaces.room);
UPDATE people SET space_count = (SELECT COUNT(*) FROM members m WHERE m.person = people.id);
UPDATE members SET handle = {{lower}}(COALESCE(
    (SELECT CASE WHEN p.username <> '' THEN p.username WHEN p.name <> '' THEN p.name ELSE p.id END FROM people p WHERE p.id = members.person),
    members.person));
CREATE INDEX members_by_handle ON members (room, handle, person);
CREATE INDEX members_who_are_admins ON members (room) WHERE role = 'admin';
-- The newest message that another member of a room has read is the largest of all its marks, or the second if the largest is one's own.
CREATE INDEX reads_by_seen ON reads (room, seen) WHERE seen IS NOT NULL;

-- Removals that are done in steps and have not ended.
CREATE TABLE removals (
    id      {{id}},
    -- The room of the space, or the inbox of the user, that is being removed.
    subject TEXT,
    -- The user, space or tasks that are removed, as JSON.
    target  TEXT   NOT NULL,
    -- The user who requested the removal.
    person  TEXT   NOT NULL,
    admin   BIGINT NOT NULL
);
CREATE INDEX removals_by_subject ON removals (subject);
