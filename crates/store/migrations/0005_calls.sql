CREATE TABLE calls (
    id           {{id}},
    room         TEXT   NOT NULL,
    sort         TEXT   NOT NULL,
    status       TEXT   NOT NULL,
    initiated_by TEXT   NOT NULL,
    started_at   BIGINT NOT NULL,
    answered_at  BIGINT,
    ended_at     BIGINT,
    ended_by     TEXT
);
CREATE INDEX calls_in_room ON calls (room, id);
-- A room has one call at a time.
CREATE UNIQUE INDEX calls_open ON calls (room) WHERE ended_at IS NULL;

CREATE TABLE participants (
    call      BIGINT NOT NULL,
    person    TEXT   NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at   BIGINT,
    -- The order of the first coming.
    place     BIGINT NOT NULL,
    PRIMARY KEY (call, person)
) {{clustered}};
