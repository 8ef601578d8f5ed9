"""Tables of each version of the state file and the migrations between them. Never edit a published step.

One exception: `spool.n` of files made before version 5 has `autoincrement`, which nothing uses; a copy of a large spool
at the start would be dearer.
"""

from __future__ import annotations

import sqlite3

from agent.delivery.store.reasons import STATE_FILE_TOO_NEW
from drivers.reasons import CodedError

VERSION = 6

_TABLES = """
create table boots (
    n integer primary key, opened_ms integer not null, last_seq integer not null default 0,
    last_ms integer not null, closed integer not null default 0, spool_rows integer not null default 0
);
create table counters (name text primary key, value integer not null) without rowid;
create table note (
    kind text, name text, fingerprint text not null, saved_ms integer not null, body text not null,
    primary key (kind, name)
) without rowid;
create table sinks (bit integer primary key, name text not null unique);
create table spool (
    n integer primary key, boot integer not null, seq integer not null, importance integer not null,
    t_ms integer not null, asset text, kind text not null, payload blob not null, owed integer not null
);
create table aside (
    n integer primary key, boot integer not null, seq integer not null, t_ms integer not null, asset text,
    kind text not null, payload blob not null, reason text not null
);
create table gaps (
    g integer primary key, kind text not null, reason text not null, rows integer, from_ms integer not null,
    to_ms integer not null, announced integer not null default 0
);
create table history (
    step_s integer, asset text, t_ms integer, body blob not null, primary key (step_s, asset, t_ms)
) without rowid;
"""

# Version 2 had neither. interval: energies of 15 min. ledger: records that savings are computed from, as a hash chain.
_SAVINGS = """
create table interval (asset text, start_ms integer, body text not null, primary key (asset, start_ms)) without rowid;
create table ledger (
    seq integer primary key, t_ms integer not null, kind text not null, body text not null, hash text not null
);
"""

# Version 3 has the same tables. Its software would not verify ledger records of intervals, and has to refuse the file.
_RECORDS_OF_INTERVALS = ""

# Version 4 had no checksums. It had counters in one table by name, on more pages.
_FROM_4 = """
alter table spool add column crc integer;
update spool set crc = row_crc(n, boot, seq, t_ms, cast(asset as blob), cast(kind as blob), payload);
alter table counters rename to counters_4;
create table counter_name (id integer primary key, name text not null unique);
create table counter_value (id integer primary key, value integer not null);
insert into counter_name (name) select name from counters_4;
insert into counter_value select id, value from counters_4 join counter_name using (name);
drop table counters_4;
create view counters as select name, value from counter_name join counter_value using (id);
"""

# Version 5 had the checksum only.
_FROM_5 = """
alter table spool rename column crc to checks;
update spool set checks = checks | (owed << 32)
"""

# Version 1 had no version number: tables boot (one, count), counter (name, kWh as real) and note.
_FROM_1 = (
    _TABLES.replace("create table note", "create table if not exists note")
    + """
insert into boots (n, opened_ms, last_ms, closed) select count, 0, 0, 1 from boot;
insert into counters select name, cast(round(value * 1000) as integer) from counter;
drop table boot;
drop table counter;
"""
)


class SchemaTooNew(CodedError):
    """The file was written by a later version of magwatt."""


def migrate(db: sqlite3.Connection) -> int:
    """Migrates the file to VERSION in one transaction. Returns the version it had; 0: new file. Raises SchemaTooNew."""
    had = version(db)
    if had > VERSION:
        raise SchemaTooNew(STATE_FILE_TOO_NEW, version=had, supported=VERSION)
    if had == VERSION:
        return had
    if had < 2:
        db.execute("pragma auto_vacuum = incremental")  # takes effect in a new file, or with the vacuum
    if had == 1:
        db.execute("vacuum")
    with db:  # commits, or rolls back
        db.execute("begin immediate")
        if version(db) == had:  # no other process migrated it meanwhile
            first = {0: _TABLES + _SAVINGS, 1: _FROM_1 + _SAVINGS, 2: _SAVINGS, 3: _RECORDS_OF_INTERVALS, 4: "", 5: ""}
            for statement in (first[had] + (_FROM_4 if had < 5 else "") + _FROM_5).split(";"):
                db.execute(statement)
            db.execute(f"pragma user_version = {VERSION}")
    return had


def version(db: sqlite3.Connection) -> int:
    """Version of the file; 0: no tables yet."""
    number = int(db.execute("pragma user_version").fetchone()[0])
    if number:
        return number
    return 1 if db.execute("select 1 from sqlite_master where name = 'boot'").fetchone() else 0
