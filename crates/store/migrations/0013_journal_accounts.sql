-- The account to which an event is charged: when too many are kept, the accounts that use most lose their oldest events first.
ALTER TABLE journal ADD COLUMN account BIGINT NOT NULL DEFAULT 0;

-- The rooms with events that were deleted although they were not too old, each with the offset of the last deleted event. The empty name
-- stands for events to all users.
CREATE TABLE journal_holes (
    room  TEXT   NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
) {{clustered}};

-- The offset up to which events were deleted because they were too old.
INSERT INTO marks (name, value) VALUES ('journal_floor', COALESCE((SELECT MIN(id) - 1 FROM journal), 0));
