CREATE TABLE tenant (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    tier TEXT NOT NULL,
    weight BIGINT NOT NULL,
    concurrency BIGINT NOT NULL,
    monthly_builds BIGINT,
    pass BIGINT NOT NULL DEFAULT 0,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX api_key_tenant ON api_key (tenant_id);

CREATE TABLE monthly_use (
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    month TEXT NOT NULL,
    builds BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, month)
);

CREATE TABLE build (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    base TEXT NOT NULL,
    spec TEXT NOT NULL,
    spec_digest TEXT NOT NULL,
    boot_check BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    step TEXT,
    progress DOUBLE PRECISION NOT NULL DEFAULT 0,
    attempt BIGINT NOT NULL DEFAULT 0,
    crashes BIGINT NOT NULL DEFAULT 0,
    worker TEXT,
    lease_until BIGINT,
    not_before BIGINT NOT NULL,
    cancel_requested BOOLEAN NOT NULL DEFAULT FALSE,
    leader_id UUID REFERENCES build (id),
    pinned BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    last_seq BIGINT NOT NULL DEFAULT 0,
    log_bytes BIGINT NOT NULL DEFAULT 0,
    cache TEXT,
    failure TEXT,
    boot TEXT,
    warnings TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX build_list ON build (tenant_id, id);
CREATE INDEX build_list_status ON build (tenant_id, status, id);
CREATE INDEX build_list_base ON build (tenant_id, base, id);
CREATE INDEX build_spec ON build (tenant_id, spec_digest, status);
CREATE INDEX build_queue ON build (tenant_id, created_at, id) WHERE status = 'queued' AND leader_id IS NULL;
CREATE INDEX build_active ON build (tenant_id) WHERE status IN ('running', 'booting');
CREATE INDEX build_lease ON build (lease_until) WHERE status IN ('running', 'booting');
CREATE INDEX build_leader ON build (leader_id) WHERE leader_id IS NOT NULL;

CREATE TABLE event_chunk (
    build_id UUID NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    last_seq BIGINT NOT NULL,
    count BIGINT NOT NULL,
    log_end BIGINT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (build_id, last_seq)
);

CREATE TABLE artifact (
    build_id UUID NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (build_id, name)
);
CREATE INDEX artifact_bytes ON artifact (sha256);

CREATE TABLE idempotency (
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    build_id UUID NOT NULL REFERENCES build (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
