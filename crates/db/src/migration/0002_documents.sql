CREATE TABLE configuration (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX configuration_list ON configuration (tenant_id, id);

CREATE TABLE configuration_version (
    configuration_id UUID NOT NULL REFERENCES configuration (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    base TEXT NOT NULL,
    spec TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (configuration_id, version)
);

CREATE TABLE template (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    base TEXT NOT NULL,
    spec TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    share_sha256 TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX template_list ON template (tenant_id, id);
