-- What a message may have besides its text: the client's word for its sort, a file, and the time of its last change.
ALTER TABLE messages ADD COLUMN sort TEXT;
ALTER TABLE messages ADD COLUMN file_url TEXT;
ALTER TABLE messages ADD COLUMN edited_at BIGINT;
