CREATE TABLE notifications (
    id         {{id}},
    person     TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    title      TEXT   NOT NULL,
    message    TEXT   NOT NULL,
    link       TEXT,
    data       TEXT,
    is_read    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX notifications_of_person ON notifications (person, id);
CREATE INDEX notifications_unread ON notifications (person) WHERE is_read = 0;
