-- The node that a session's connection is on, or was on last; empty for a single server.
ALTER TABLE sessions ADD COLUMN node TEXT NOT NULL DEFAULT '';
-- The id of the database, made once: nodes that share a Redis must share a database, too.
INSERT INTO marks (name, value) VALUES ('database_id', {{random}});
