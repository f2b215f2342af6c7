-- Types are BIGINT and TEXT only, so that one text serves SQLite and PostgreSQL. What the two write differently stands in double braces;
-- src/migrations.rs says what each becomes. Times are microseconds since 1970; a truth value is 0 or 1.

CREATE TABLE people (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    username   TEXT   NOT NULL,
    email      TEXT,
    avatar_url TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) {{clustered}};

CREATE TABLE spaces (
    room        TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    parent      TEXT,
    invite_code TEXT,
    created_by  TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
) {{clustered}};
CREATE INDEX spaces_by_parent ON spaces (parent, created_at, room) WHERE parent IS NOT NULL;

CREATE TABLE members (
    room      TEXT   NOT NULL,
    person    TEXT   NOT NULL,
    -- The room's kind again: a person's rooms are asked for by kind.
    kind      TEXT   NOT NULL,
    role      TEXT   NOT NULL,
    joined_at BIGINT NOT NULL,
    -- The order of joining, for those who joined in the same moment too.
    place     BIGINT NOT NULL,
    PRIMARY KEY (room, person)
) {{clustered}};
CREATE INDEX members_in_order ON members (room, place);
CREATE INDEX members_by_person ON members (person, kind, joined_at, room);

-- When a user was last removed from a room. The row stays when the user becomes a member again: only rows of non-members are read.
CREATE TABLE departures (
    room    TEXT   NOT NULL,
    person  TEXT   NOT NULL,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (room, person)
) {{clustered}};

CREATE TABLE tasks (
    id           {{id}},
    room         TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    description  TEXT,
    category     TEXT,
    due_date     TEXT,
    completed    BIGINT NOT NULL,
    completed_at BIGINT,
    created_by   TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
CREATE INDEX tasks_in_room ON tasks (room, id);

CREATE TABLE assignments (
    task        BIGINT NOT NULL,
    person      TEXT   NOT NULL,
    assigned_at BIGINT NOT NULL,
    place       BIGINT NOT NULL,
    PRIMARY KEY (task, person)
) {{clustered}};
CREATE INDEX assignments_by_person ON assignments (person, task);

CREATE TABLE messages (
    id         {{id}},
    room       TEXT   NOT NULL,
    sender     TEXT   NOT NULL,
    content    TEXT   NOT NULL,
    metadata   TEXT,
    client_id  TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX messages_in_room ON messages (room, id);
CREATE UNIQUE INDEX messages_by_client_id ON messages (room, sender, client_id) WHERE client_id IS NOT NULL;

-- Each room's own counter. Inboxes have one too, and no row in spaces.
CREATE TABLE sequences (
    room TEXT   NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL
) {{clustered}};

-- (room, seq) is unique because each seq is raised in the transaction that uses it. No index says so: with fifty rooms at once
-- it made a message a quarter dearer.
CREATE TABLE journal (
    id   {{serial}},
    room TEXT   NOT NULL,
    seq  BIGINT NOT NULL,
    at   BIGINT NOT NULL,
    body TEXT   NOT NULL
);

-- What was answered to a request with an Idempotency-Key.
CREATE TABLE answers (
    scope       TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    status      BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    answered_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
) {{clustered}};
CREATE INDEX answers_by_time ON answers (answered_at);

-- Numbers that outlive a restart, by name.
CREATE TABLE marks (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
) {{clustered}};
