"""Codes of what is wrong with a lake. The rest of it is used."""

from __future__ import annotations

from drivers.reasons import Code

LAKE_MISSING = Code("lake_missing", "{path}: no such directory; name the directory of the lake with --lake")
LAKE_EMPTY = Code("lake_empty", "{path}: no files of the data set {dataset}")
LAKE_FILE_UNREADABLE = Code("lake_file_unreadable", "{path}: not a complete Parquet file; it is left out")
LAKE_FILE_MISPLACED = Code(
    "lake_file_misplaced", "{path}: its folder or name is not that of a file of magwatt; it is left out"
)
LAKE_VERSION_UNKNOWN = Code(
    "lake_version_unknown",
    "{n:d} {n:file|files} of {dataset} with version {version} of the layout, which this software cannot read; "
    "{n:it is|they are} left out",
)
GATEWAY_NAME_SHARED = Code(
    "gateway_name_shared",
    "{site}/{gateway}: {n:d} ledgers; two gateways have this name, or its state directory was replaced. "
    "Their savings are listed separately",
)
ROW_ID_SHARED = Code(
    "row_id_shared",
    "{site}/{gateway}: {n:d} {n:id|ids} with rows of different times; two gateways have this name, or its state "
    "directory was replaced",
)
RUNS_OVERLAP = Code(
    "runs_overlap",
    "{site}/{gateway}: runs {run:d} and {other:d} both have rows at the same times of {day}; two gateways have this "
    "name, or its clock was wrong",
)
CLOCK_WAS_BACK = Code(
    "clock_was_back",
    "{site}/{gateway}: later rows are dated {day}, before {before}; its clock was wrong. They count at their date",
)
MONTH_MISSING = Code("month_missing", "{site}/{gateway}/{motor}: no records of {month}, between months with records")
MONTHS_MISSING = Code(
    "months_missing",
    "{site}/{gateway}/{motor}: no records of {n:d} months from {first} to {last}, between months with records",
)
GATEWAY_MONTH_MISSING = Code(
    "gateway_month_missing", "{site}/{gateway}: no records of {month}, but of earlier and later months"
)
TIMEZONE_UNKNOWN = Code(
    "timezone_unknown", "{site}/{gateway}: no configuration in the lake; its months are those of UTC"
)
LAKE_CHANGED = Code("lake_changed", "{path}: files were merged or deleted during the query; repeat it")
LEDGER_EXPORT_LATE = Code(
    "ledger_export_late",
    "{site}/{gateway}: the records in the lake end at {last_ms:local}, and {n:d} {n:checkpoint is|checkpoints are} "
    "newer, up to {day}; the export is late, or records were removed",
)
INGEST_NAME_USED = Code("ingest_name_used", "{path}: another process ingests under this name; give each a --name")
INGEST_REJECTED = Code(
    "ingest_rejected",
    "{host}:{port:d}: the broker rejects the subscription to {topic}; permit the user of this worker to read it",
)
INGEST_VERSION_UNKNOWN = Code(
    "ingest_version_unknown",
    "{n:d} {n:message|messages} of the version {schema}, which this software cannot read; {n:it is|they are} in {path}",
)
CONFIGURATION_UNUSABLE = Code(
    "configuration_unusable",
    "{site}/{gateway}: the configuration in the lake cannot be used ({n:d} {n:problem|problems}; the first: "
    "{problem}); no saving is calculated",
)
CONFIGURATION_MISSING = Code(
    "configuration_missing", "{site}/{gateway}: no configuration in the lake; no saving is calculated"
)
ROWS_MISSING = Code(
    "rows_missing",
    "{site}/{gateway}/{motor}: {n:d} {n:interval|intervals} of the ledger without their stored data; they are not part "
    "of the saving. Delete export.json in the lake of the gateway to export them again",
)
OF_MOTOR = Code("of_motor", "{site}/{gateway}/{motor}: {reason}")
EVENTS_UNDECIDED = Code(
    "events_undecided",
    "{site}/{gateway}/{motor}: {n:d} non-routine {n:event awaits|events await} a decision (`magwatt adjustment list`)",
)
COMPARED_LITTLE = Code(
    "compared_little", "{site}/{gateway}/{motor}: only {share:pct} % of the time is part of the saving"
)
MONTH_WITHOUT_DATA = Code("month_without_data", "{site}/{gateway}/{motor}: no data of {month}")
GATEWAY_SILENT = Code("gateway_silent", "{site}/{gateway}: no new data since {seen_ms:local}")
LEDGER_MISSING = Code(
    "ledger_missing",
    "{site}/{gateway}: messages, but no ledger in the lake; copy the lake of the gateway (docs/how-to/lake.md)",
)
LEDGER_INVALID = Code("fleet_ledger_invalid", "{site}/{gateway}: the ledger is not valid: {problem}")
ALARM_OF_MOTOR = Code(
    "alarm_of_motor", "{site}/{gateway}/{motor}: {title:word} (priority {priority:word}), since {since_ms:local}"
)
ALARM_OF_GATEWAY = Code(
    "alarm_of_gateway", "{site}/{gateway}: {title:word} (priority {priority:word}), since {since_ms:local}"
)
QUERY_FAILED = Code("query_failed", "the query failed: {error}")
DATABASE_FAILED = Code("database_failed", "database: {error}")
DATABASE_TABLE_MISSING = Code(
    "database_table_missing",
    "the database has no table {table}; create the tables: psql DATABASE -f deploy/timescaledb/tables.sql",
)
DATABASE_MEAN_DIFFERS = Code(
    "database_mean_differs",
    "the database was loaded with --mean {loaded_s:d} (0: each row); use the same, or an empty database",
)
DATABASE_BUSY = Code("database_busy", "another magwatt fleet load is writing to this database")
REANALYSIS_FAILED = Code("reanalysis_failed", "{path}: not analysed: {error}")
REANALYSIS_WORKER_DIED = Code("reanalysis_worker_died", "{path}: not analysed: the worker process ended")
REANALYSIS_RUNS = Code("reanalysis_runs", "{path}: another process writes results there; wait until it has ended")
REANALYSIS_WORKERS_DIE = Code(
    "reanalysis_workers_die", "each of {n:d} worker processes ended at its first task; the memory may be too small"
)
REANALYSIS_CODE_DIFFERS = Code(
    "reanalysis_code_differs",
    "a worker has version {other} of the analysis, and this computer {code}; install the same version on all",
)
SCHEDULER_UNREACHABLE = Code("scheduler_unreachable", "{scheduler}: no response from a scheduler with workers")
