CREATE TABLE secret (
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (tenant_id, name)
);
ALTER TABLE build ADD COLUMN push TEXT;
ALTER TABLE build ADD COLUMN pushed TEXT;
