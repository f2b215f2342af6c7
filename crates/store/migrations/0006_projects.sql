-- Since when a project is put away; how far its tasks are and how they rank. A household's have neither.
ALTER TABLE spaces ADD COLUMN archived_at BIGINT;
ALTER TABLE tasks ADD COLUMN status TEXT;
ALTER TABLE tasks ADD COLUMN priority TEXT;
