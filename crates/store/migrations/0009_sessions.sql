-- Connections that may be resumed. A client proves with the secret that it is the same client. The row is written when the client connects,
-- so that it exists also after a crash of the server.
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
    -- The parent of the room: a user who loses access to the parent loses access to the room.
    inside TEXT,
    since  BIGINT NOT NULL,
    PRIMARY KEY (person, secret, room)
) {{clustered}};

-- The epochs of the event log, one for each start of the server. An offset of an epoch is valid up to the offset at which the next epoch began.
-- So the server recognizes an offset that a restored backup does not have.
CREATE TABLE epochs (
    id    {{serial}},
    name  TEXT   NOT NULL,
    begun BIGINT NOT NULL
);

-- The last offset of the event log when the user became a member.
ALTER TABLE members ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
