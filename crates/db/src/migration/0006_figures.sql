CREATE INDEX build_count ON build (status, base);
