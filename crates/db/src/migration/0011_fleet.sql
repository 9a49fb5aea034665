CREATE TABLE worker (
    name TEXT NOT NULL PRIMARY KEY,
    slots BIGINT NOT NULL,
    version TEXT NOT NULL,
    draining BOOLEAN NOT NULL DEFAULT FALSE,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
