CREATE TABLE webhook (
    id UUID NOT NULL PRIMARY KEY,
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    url TEXT NOT NULL,
    format TEXT NOT NULL,
    events TEXT NOT NULL,
    generation BIGINT NOT NULL DEFAULT 1,
    previous_until BIGINT,
    disabled_at BIGINT,
    disabled_reason TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_tenant ON webhook (tenant_id);

CREATE TABLE delivery (
    id UUID NOT NULL PRIMARY KEY,
    webhook_id UUID NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting',
    attempts BIGINT NOT NULL DEFAULT 0,
    next_at BIGINT NOT NULL,
    lease_until BIGINT,
    answer BIGINT,
    failure TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX delivery_due ON delivery (next_at) WHERE status = 'waiting';
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX delivery_list ON delivery (webhook_id, id);
