CREATE TABLE session (
    id_sha256 TEXT NOT NULL PRIMARY KEY,
    key_id TEXT NOT NULL REFERENCES api_key (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_key ON session (key_id, created_at);
CREATE INDEX session_end ON session (expires_at);
