-- Which users a user has blocked.
CREATE TABLE blocks (
    person     TEXT   NOT NULL,
    blocked    TEXT   NOT NULL,
    blocked_at BIGINT NOT NULL,
    PRIMARY KEY (person, blocked)
) {{clustered}};
CREATE INDEX blocks_of_person ON blocks (person, blocked_at, blocked);

-- Whether a member has acted in the space: created it, joined it, entered it, or written to it. That is not known of earlier members, who count
-- as members who have.
ALTER TABLE members ADD COLUMN acted BIGINT NOT NULL DEFAULT 1;
-- Whether the user left by choice, and was not removed by another user.
ALTER TABLE departures ADD COLUMN by_choice BIGINT NOT NULL DEFAULT 0;

-- The usage of quotas of each user; see the domain's quotas.
CREATE TABLE quota_usage (
    person    TEXT   NOT NULL PRIMARY KEY,
    day_from  BIGINT NOT NULL,
    objects   BIGINT NOT NULL,
    bytes     BIGINT NOT NULL,
    hour_from BIGINT NOT NULL,
    additions BIGINT NOT NULL
) {{clustered}};
CREATE INDEX quota_usage_by_day ON quota_usage (day_from);
