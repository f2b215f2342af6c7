-- Whether a session is in a room: 0, it has joined it; 1, it has left it, and would be in it without asking; 2, it has joined it after that.
ALTER TABLE session_rooms ADD COLUMN stay BIGINT NOT NULL DEFAULT 0;
