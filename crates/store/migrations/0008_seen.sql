-- What a person has really read: whoever comes to a room has nothing to catch up on, and has read nothing of what was said before.
ALTER TABLE reads ADD COLUMN seen BIGINT;
UPDATE reads SET seen = mark;
