-- After tables.sql, with the extension timescaledb 2.13 or later, in each of its editions: chunks by time. Debian's package
-- postgresql-17-timescaledb is the Apache edition.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- Rows are found by motor and time; an index by time alone would cost 20 bytes a row.
SELECT create_hypertable('telemetry', by_range('time', INTERVAL '1 day'), create_default_indexes => FALSE, if_not_exists => TRUE,
                         migrate_data => TRUE);
SELECT create_hypertable('pq3s', by_range('time', INTERVAL '1 day'), create_default_indexes => FALSE, if_not_exists => TRUE,
                         migrate_data => TRUE);
SELECT create_hypertable('pq10m', by_range('time', INTERVAL '30 days'), create_default_indexes => FALSE, if_not_exists => TRUE,
                         migrate_data => TRUE);
SELECT create_hypertable('health', by_range('time', INTERVAL '30 days'), create_default_indexes => FALSE, if_not_exists => TRUE,
                         migrate_data => TRUE);
