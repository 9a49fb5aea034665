CREATE INDEX build_all_status ON build (status, id);
CREATE INDEX build_all_base ON build (base, id);
