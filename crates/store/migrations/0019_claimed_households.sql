-- Whether a token's claim created the household. Its back end decides about its members, so a user who joins it when it is empty does not become its admin.
ALTER TABLE spaces ADD COLUMN claimed BIGINT NOT NULL DEFAULT 0;
