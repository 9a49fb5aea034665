CREATE INDEX build_list_both ON build (tenant_id, status, base, id);
