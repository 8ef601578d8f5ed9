-- Needs the extension timescaledb (2.13 or later). After tables.sql.
CREATE EXTENSION IF NOT EXISTS timescaledb;

SELECT create_hypertable('telemetry', by_range('time', INTERVAL '1 day'), if_not_exists => TRUE, migrate_data => TRUE);
SELECT create_hypertable('pq3s', by_range('time', INTERVAL '1 day'), if_not_exists => TRUE, migrate_data => TRUE);

ALTER TABLE telemetry SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway, asset');
ALTER TABLE pq3s SET (timescaledb.compress, timescaledb.compress_segmentby = 'site, gateway, asset');
SELECT add_compression_policy('telemetry', INTERVAL '7 days', if_not_exists => TRUE);
SELECT add_compression_policy('pq3s', INTERVAL '7 days', if_not_exists => TRUE);
SELECT add_retention_policy('telemetry', INTERVAL '2 years', if_not_exists => TRUE);
SELECT add_retention_policy('pq3s', INTERVAL '1 year', if_not_exists => TRUE);
