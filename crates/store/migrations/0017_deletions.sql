-- When an account was deleted: a token that was issued before does not create it again.
CREATE TABLE deletions (
    person     TEXT   NOT NULL PRIMARY KEY,
    deleted_at BIGINT NOT NULL
) {{clustered}};

-- To find the members of a space who have acted in it, and the users who have blocked a user, without a search among all others.
CREATE INDEX members_who_acted ON members (room, place) WHERE acted = 1;
CREATE INDEX blocks_by_blocked ON blocks (blocked, person);
