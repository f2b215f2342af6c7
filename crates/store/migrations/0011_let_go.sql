-- Whether a session ended because the server stopped or was killed: then its client has not left, and is expected back until it is given up.
ALTER TABLE sessions ADD COLUMN let_go BIGINT NOT NULL DEFAULT 0;

-- When it connected, or came back.
ALTER TABLE sessions ADD COLUMN came_at BIGINT NOT NULL DEFAULT 0;
