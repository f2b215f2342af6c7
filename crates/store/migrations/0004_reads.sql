-- Up to where a person has read in a room.
CREATE TABLE reads (
    room   TEXT   NOT NULL,
    person TEXT   NOT NULL,
    mark   BIGINT NOT NULL,
    PRIMARY KEY (room, person)
) {{clustered}};
CREATE INDEX reads_by_person ON reads (person);
