-- Plain PostgreSQL: the tables that Telegraf writes into (deploy/telegraf), one row for each message, one column for each
-- metric. Telegraf adds the columns that it does not find.
CREATE TABLE IF NOT EXISTS telemetry (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  active_power_w double precision,
  motor_efficiency_pct double precision,
  motor_efficiency_pct_u double precision,
  energy_import_kwh double precision,
  energy_counted_import_wh double precision
);
CREATE INDEX IF NOT EXISTS telemetry_asset_time ON telemetry (site, asset, time DESC);
CREATE INDEX IF NOT EXISTS telemetry_id ON telemetry (site, gateway, id);

CREATE TABLE IF NOT EXISTS pq3s (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  thd_i_l1_pct double precision,
  thd_u_l1_pct double precision,
  voltage_unbalance_pct double precision
);
CREATE INDEX IF NOT EXISTS pq3s_asset_time ON pq3s (site, asset, time DESC);

-- Delivery is "at least once": the id (boot-sequence) of a gateway never comes twice, a message with it may.
CREATE OR REPLACE VIEW telemetry_once AS
  SELECT DISTINCT ON (site, gateway, id) * FROM telemetry ORDER BY site, gateway, id, time;
