-- Plain PostgreSQL 15 or later; may be repeated. One table for each kind of message (docs/reference/mqtt.md), one row for each message, one column
-- for each metric: docs/reference/metrics.md. `magwatt fleet load` and Telegraf add the columns of metrics that are missing here. The owner of the
-- tables loads; Grafana only needs SELECT.

CREATE TABLE IF NOT EXISTS telemetry (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  active_power_w real,
  power_factor real,
  current_avg_a real,
  frequency_hz real,
  output_frequency_hz real,
  motor_speed_rpm real,
  motor_load_pct real,
  motor_temperature_degc real,
  drive_temperature_degc real,
  motor_efficiency_pct real,
  motor_efficiency_pct_u real,
  system_efficiency_pct real,
  system_efficiency_pct_u real,
  drive_losses_w real,
  motor_losses_w real,
  shaft_power_w real,
  efficiency_basis text,
  efficiency_unavailable_reason text,
  energy_counted_import_wh double precision
);

CREATE TABLE IF NOT EXISTS pq3s (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  thd_i_l1_pct real,
  thd_u_l1_pct real,
  voltage_unbalance_pct real,
  current_unbalance_pct real
);

CREATE TABLE IF NOT EXISTS pq10m (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  thd_i_l1_pct real,
  thd_u_l1_pct real,
  flicker_pst_l1 real,
  flicker_plt_l1 real,
  voltage_l1n_min_v real,
  voltage_l1n_max_v real
);

CREATE TABLE IF NOT EXISTS savings (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text NOT NULL,
  id text NOT NULL,
  q text,
  interval_energy_wh double precision,
  interval_adjusted_baseline_wh double precision,
  interval_saved_wh double precision,
  interval_saved_wh_u double precision,
  measured_energy_wh double precision,
  adjusted_baseline_energy_wh double precision,
  saved_energy_wh double precision,
  saved_energy_wh_u double precision,
  saved_share_pct double precision,
  savings_coverage_pct double precision,
  savings_verdict text,
  savings_caveats text
);

-- asset is null in messages of the gateway.
CREATE TABLE IF NOT EXISTS event (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text,
  id text NOT NULL,
  q text,
  event_kind text,
  event_state text,
  event_text text,
  event_duration_s double precision,
  event_extreme_pct double precision,
  alarm text,
  alarm_state text,
  alarm_change text,
  alarm_priority text,
  alarm_by text
);

CREATE TABLE IF NOT EXISTS health (
  time timestamptz NOT NULL,
  site text NOT NULL,
  gateway text NOT NULL,
  asset text,
  id text NOT NULL,
  q text,
  uptime_s double precision,
  polls double precision,
  polls_failed double precision,
  corrupt_responses double precision,
  rows_published double precision,
  rows_dropped double precision,
  spool_rows double precision,
  spool_hours_left double precision,
  disk_free_mb double precision,
  cpu_pct double precision,
  memory_mb double precision,
  clock_synchronized double precision,
  certificate_days double precision
);

CREATE INDEX IF NOT EXISTS telemetry_asset_time ON telemetry (site, gateway, asset, time DESC);
CREATE INDEX IF NOT EXISTS pq3s_asset_time ON pq3s (site, gateway, asset, time DESC);
CREATE INDEX IF NOT EXISTS pq10m_asset_time ON pq10m (site, gateway, asset, time DESC);
CREATE INDEX IF NOT EXISTS savings_asset_time ON savings (site, gateway, asset, time DESC);
CREATE INDEX IF NOT EXISTS event_time ON event (site, gateway, time DESC);
CREATE INDEX IF NOT EXISTS health_time ON health (site, gateway, time DESC);

-- Small: for the deletion of old rows, and for what is asked of all motors.
CREATE INDEX IF NOT EXISTS telemetry_time ON telemetry USING brin (time);
CREATE INDEX IF NOT EXISTS pq3s_time ON pq3s USING brin (time);
CREATE INDEX IF NOT EXISTS pq10m_time ON pq10m USING brin (time);
CREATE INDEX IF NOT EXISTS health_only_time ON health USING brin (time);

-- Telegraf may write a message twice ("at least once"); sums and counts use these. `magwatt fleet load` writes each one once.
CREATE OR REPLACE VIEW savings_once AS
  SELECT DISTINCT ON (site, gateway, asset, time, id)
    time, site, gateway, asset, id, interval_energy_wh, interval_adjusted_baseline_wh, interval_saved_wh
  FROM savings;
CREATE OR REPLACE VIEW event_once AS
  SELECT DISTINCT ON (site, gateway, time, id)
    time, site, gateway, asset, id, event_kind, event_state, event_text, event_duration_s, alarm, alarm_state, alarm_change,
    alarm_priority, alarm_by
  FROM event;

-- The newest state of each alarm: newest by its number of run and row, because the clock of a gateway can be wrong.
CREATE OR REPLACE VIEW alarm_state AS
  SELECT DISTINCT ON (site, gateway, asset, alarm)
    site, gateway, asset, alarm, alarm_state AS state, alarm_priority AS priority, time AS since, event_text AS text, alarm_by AS by
  FROM event WHERE alarm IS NOT NULL
  ORDER BY site, gateway, asset, alarm, split_part(id, '-', 1)::bigint DESC, split_part(id, '-', 2)::bigint DESC;

-- Files of the lake that `magwatt fleet load` has loaded. mean_s: seconds of the means; 0: each row.
CREATE TABLE IF NOT EXISTS loaded_file (
  dataset text NOT NULL,
  day text NOT NULL,
  path text NOT NULL,
  bytes bigint NOT NULL,
  mean_s integer NOT NULL,
  PRIMARY KEY (dataset, day, path)
);
