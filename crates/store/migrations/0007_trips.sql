-- What a trip has besides what every space has. The days are kept as they were given.
CREATE TABLE trips (
    room        TEXT NOT NULL PRIMARY KEY,
    description TEXT,
    start_date  TEXT,
    end_date    TEXT
) {{clustered}};
