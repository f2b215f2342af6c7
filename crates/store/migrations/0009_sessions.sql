-- Connections that may come back. The secret is what a client proves by that it is the same; the row is written when it connects, so that it is
-- there whatever happens to the server.
CREATE TABLE sessions (
    secret    TEXT   NOT NULL PRIMARY KEY,
    id        TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    namespace TEXT   NOT NULL,
    -- The journal's last offset when it connected, or came back.
    live_from BIGINT NOT NULL,
    -- Everything up to this offset has arrived.
    confirmed BIGINT NOT NULL,
    left_at   BIGINT
) {{clustered}};
CREATE INDEX sessions_that_left ON sessions (left_at) WHERE left_at IS NOT NULL;

-- The rooms that they have joined, each with the journal's last offset at that moment.
CREATE TABLE session_rooms (
    person TEXT   NOT NULL,
    secret TEXT   NOT NULL,
    room   TEXT   NOT NULL,
    -- The space that the room is part of: whoever loses that one loses this one.
    inside TEXT,
    since  BIGINT NOT NULL,
    PRIMARY KEY (person, secret, room)
) {{clustered}};

-- The lives of the journal, one a start of the server: an offset of an earlier one is good up to where the next began. So an offset that a
-- restored backup has never seen is told from one that it has.
CREATE TABLE epochs (
    id    {{serial}},
    name  TEXT   NOT NULL,
    begun BIGINT NOT NULL
);

-- The journal's last offset when somebody became a member.
ALTER TABLE members ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
