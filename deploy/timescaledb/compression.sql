-- After hypertables.sql. Needs the community edition of TimescaleDB (Timescale License): packages and images of Timescale, not those
-- of Debian. Its licence permits use by yourself, not offering it to others as a database service.
DO $$ BEGIN
  IF current_setting('timescaledb.license') = 'apache' THEN
    RAISE EXCEPTION 'compression needs the community edition of TimescaleDB (Timescale License); this is the Apache edition';
  END IF;
END $$;

ALTER TABLE telemetry SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway, asset');
ALTER TABLE pq3s SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway, asset');
ALTER TABLE pq10m SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway, asset');
ALTER TABLE health SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway');
SELECT add_compression_policy('telemetry', INTERVAL '7 days', if_not_exists => TRUE);
SELECT add_compression_policy('pq3s', INTERVAL '7 days', if_not_exists => TRUE);
SELECT add_compression_policy('pq10m', INTERVAL '60 days', if_not_exists => TRUE);
SELECT add_compression_policy('health', INTERVAL '60 days', if_not_exists => TRUE);
