-- What a command would have to count or search among all members of a space stands where it is read: how many members a space has, of how many
-- spaces a user is a member, and in each membership what mentions call the member (Person::handle), in lower case.
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
-- What has been read by anybody in a room is the largest of all its marks, or the second if the largest is one's own.
CREATE INDEX reads_by_seen ON reads (room, seen) WHERE seen IS NOT NULL;

-- Removals that are done in steps and have not ended.
CREATE TABLE removals (
    id      {{id}},
    -- The room of the space, or the inbox of the user, that is being removed.
    subject TEXT,
    -- What is removed, as JSON.
    target  TEXT   NOT NULL,
    -- Who asked for it.
    person  TEXT   NOT NULL,
    admin   BIGINT NOT NULL
);
CREATE INDEX removals_by_subject ON removals (subject);
