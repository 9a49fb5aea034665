CREATE TABLE document_idempotency (
    tenant_id UUID NOT NULL REFERENCES tenant (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    document_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, name)
);
CREATE INDEX document_idempotency_document ON document_idempotency (document_id);
