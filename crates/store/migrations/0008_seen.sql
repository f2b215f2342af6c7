-- The newest message that a user has read. A user who joins a room has no unread messages there, and has not read its earlier messages.
ALTER TABLE reads ADD COLUMN seen BIGINT;
UPDATE reads SET seen = mark;
