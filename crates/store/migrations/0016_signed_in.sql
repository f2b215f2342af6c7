-- Whether a user has ever signed in. Other users are stored because another user added them to a space. That is not known of earlier users, who
-- count as users who have.
ALTER TABLE people ADD COLUMN signed_in BIGINT NOT NULL DEFAULT 1;
-- The users who may be deleted: they have never signed in, are in no space, and no admin has changed their profile.
CREATE INDEX people_unseen ON people (created_at, id) WHERE signed_in = 0 AND space_count = 0 AND updated_at = created_at;
