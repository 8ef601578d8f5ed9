-- A state file as version 1.0.0 wrote it: never edit it.
pragma journal_mode = wal;
BEGIN TRANSACTION;
CREATE TABLE aside (
    n integer primary key, boot integer not null, seq integer not null, t_ms integer not null, asset text,
    kind text not null, payload blob not null, reason text not null
);
CREATE TABLE boots (
    n integer primary key, opened_ms integer not null, last_seq integer not null default 0,
    last_ms integer not null, closed integer not null default 0, spool_rows integer not null default 0
);
INSERT INTO "boots" VALUES(3536053,1790000000000,3,1790000000000,1,3);
CREATE TABLE counter_name (id integer primary key, name text not null unique);
INSERT INTO "counter_name" VALUES(1,'energy_counted_import/pump-1');
CREATE TABLE counter_value (id integer primary key, value integer not null);
INSERT INTO "counter_value" VALUES(1,3000);
CREATE TABLE gaps (
    g integer primary key, kind text not null, reason text not null, rows integer, from_ms integer not null,
    to_ms integer not null, announced integer not null default 0
);
CREATE TABLE history (
    step_s integer, asset text, t_ms integer, body blob not null, primary key (step_s, asset, t_ms)
) without rowid;
CREATE TABLE interval (asset text, start_ms integer, body text not null, primary key (asset, start_ms)) without rowid;
CREATE TABLE ledger (
    seq integer primary key, t_ms integer not null, kind text not null, body text not null, hash text not null
);
CREATE TABLE note (
    kind text, name text, fingerprint text not null, saved_ms integer not null, body text not null,
    primary key (kind, name)
) without rowid;
INSERT INTO "note" VALUES('refused','mcc-1','abc',1790000000000,'{"absent": [3]}');
INSERT INTO "note" VALUES('retention','date','',1790000000000,'{}');
CREATE TABLE sinks (bit integer primary key, name text not null unique);
INSERT INTO "sinks" VALUES(0,'mqtt');
CREATE TABLE spool (
    n integer primary key, boot integer not null, seq integer not null, importance integer not null,
    t_ms integer not null, asset text, kind text not null, payload blob not null, owed integer not null
, checks integer);
INSERT INTO "spool" VALUES(60748927967690753,3536053,1,3,1790000000000,'pump-1','telemetry',X'333533363035332D31',1,7927503617);
INSERT INTO "spool" VALUES(60748927967690754,3536053,2,3,1790000000000,'pump-1','telemetry',X'333533363035332D32',1,7414426915);
INSERT INTO "spool" VALUES(60748927967690755,3536053,3,3,1790000000000,'pump-1','telemetry',X'333533363035332D33',1,8267071111);
CREATE VIEW counters as select name, value from counter_name join counter_value using (id);
COMMIT;
pragma user_version = 6;
