CREATE TABLE blob (
    sha256 TEXT NOT NULL PRIMARY KEY,
    touched_at BIGINT NOT NULL
);
CREATE INDEX blob_age ON blob (touched_at);
INSERT INTO blob (sha256, touched_at) SELECT DISTINCT sha256, 0 FROM artifact;

CREATE TABLE upload (
    id UUID NOT NULL PRIMARY KEY,
    build_id UUID NOT NULL,
    attempt BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    multipart TEXT
);
CREATE INDEX upload_build ON upload (build_id, attempt);
CREATE INDEX upload_bytes ON upload (sha256);
