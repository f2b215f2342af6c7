-- Whether a session ended because the server stopped: then its client has not left, and is soon back.
ALTER TABLE sessions ADD COLUMN let_go BIGINT NOT NULL DEFAULT 0;
