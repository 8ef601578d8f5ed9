-- After tables.sql: how long rows are kept, and a procedure that deletes older ones: daily by magwatt-retention.timer, or by any
-- other scheduler. Works on PostgreSQL, where it deletes rows, and in each edition of TimescaleDB, where it drops chunks.
CREATE TABLE IF NOT EXISTS retention (
  name text PRIMARY KEY,
  keep interval NOT NULL
);
-- A change by `UPDATE retention SET keep = …` remains. A table without a row here is kept: savings and events.
INSERT INTO retention VALUES ('telemetry', '2 years'), ('pq3s', '1 year'), ('pq10m', '5 years'), ('health', '1 year')
  ON CONFLICT DO NOTHING;

CREATE OR REPLACE PROCEDURE apply_retention() LANGUAGE plpgsql AS $$
DECLARE
  kept record;
  chunked boolean;
BEGIN
  FOR kept IN SELECT name, keep FROM retention LOOP
    chunked := FALSE;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
      SELECT EXISTS (SELECT FROM timescaledb_information.hypertables WHERE hypertable_name = kept.name) INTO chunked;
    END IF;
    IF chunked THEN
      PERFORM drop_chunks(kept.name::regclass, kept.keep);
    ELSE
      EXECUTE format('DELETE FROM %I WHERE time < now() - $1', kept.name) USING kept.keep;
    END IF;
    COMMIT;
  END LOOP;
END $$;
