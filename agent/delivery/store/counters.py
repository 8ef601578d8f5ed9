"""Counters by name. Their values are in a table of two integers, so that a commit of all of them writes one page."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

_SET = "insert or replace into counter_value select id, ? from counter_name where name = ?"


def write_counters(db: sqlite3.Connection, values: Mapping[str, int]) -> None:
    """Sets counters in a transaction of the caller."""
    rows = [(value, name) for name, value in values.items()]
    if rows and db.executemany(_SET, rows).rowcount < len(rows):
        db.executemany("insert or ignore into counter_name (name) values (?)", [(name,) for name in values])
        db.executemany(_SET, rows)
