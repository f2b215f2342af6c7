-- Whether a user has ever signed in. Other users are stored because somebody added them to a space; of earlier ones that is not known, and they
-- count as such who have.
ALTER TABLE people ADD COLUMN signed_in BIGINT NOT NULL DEFAULT 1;
-- Those that may be deleted: nobody has signed in as them, they are in no space, and no admin has changed their profile.
CREATE INDEX people_unseen ON people (created_at, id) WHERE signed_in = 0 AND space_count = 0 AND updated_at = created_at;
