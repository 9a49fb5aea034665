ALTER TABLE tenant ADD COLUMN iso_hours BIGINT DEFAULT 24;
ALTER TABLE tenant ADD COLUMN other_hours BIGINT;
ALTER TABLE tenant ADD COLUMN iso_after_download BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE tenant ADD COLUMN storage_bytes BIGINT;
ALTER TABLE tenant ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE tenant SET storage_bytes = CASE tier WHEN 'free' THEN 10737418240 WHEN 'basic' THEN 53687091200
    WHEN 'pro' THEN 536870912000 END;
UPDATE tenant SET stored_bytes = (SELECT CAST(COALESCE(sum(size), 0) AS BIGINT) FROM (SELECT DISTINCT a.sha256, a.size
    FROM artifact a JOIN build b ON b.id = a.build_id WHERE b.tenant_id = tenant.id) held);

ALTER TABLE artifact ADD COLUMN pinned BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE artifact ADD COLUMN fetched_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE artifact ADD COLUMN fetched_at BIGINT;
ALTER TABLE artifact ADD COLUMN expired_at BIGINT;
CREATE INDEX artifact_iso ON artifact (build_id) WHERE expired_at IS NULL AND media_type = 'application/vnd.efi.iso';
