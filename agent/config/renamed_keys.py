"""Renamed keys of the configuration: each old key is one problem that contains the new key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.config import reasons as codes
from agent.config.schema import ConfigReport, as_toml

RENAMED: Mapping[str, Mapping[str, str]] = {
    "site": {"trust_clock": "assume_clock_synchronized"},
    "store": {"dir": "state_dir", "commit": "commit_interval", "keep_free": "min_free_space", "age": "spool_retention"},
    "ledger": {"roots": "checkpoint_file"},
    "mqtt": {"also": "outputs", "backfill": "backfill_rate"},
    "bus": {"every": "poll_interval", "pause": "inter_request_delay", "listen": "listen_before_start"},
    "meter": {
        "unit": "unit_id",
        "at": "measuring_point",
        "ratio_in": "ratio_applied_by",
        "divide": "allocation",
        "compensated": "power_factor_compensation",
    },
    "drive": {"unit": "unit_id"},
    "motor": {"replaces": "replaced_motor", "phases": "periods"},
    "motor.waveform": {"at": "measuring_point"},
    "signal": {"unit": "unit_id", "of": "motor", "every": "expected_interval"},
}
NAMED = ("bus", "meter", "drive", "motor", "signal")  # [kind.name] tables; the others are one table each


def with_new_keys(raw: Mapping[str, Any], report: ConfigReport) -> dict[str, Any]:
    """The parsed file with each old key under its new name, so that its value is checked and causes no second problem.

    Where both keys are present, the value of the new key is used.
    """
    found = dict(raw)
    for kind, renamed in RENAMED.items():
        table, _, nested = kind.partition(".")
        if not isinstance(content := found.get(table), dict):
            continue
        if table not in NAMED:
            found[table] = _renamed(content, renamed, table, report)
            continue
        found[table] = {
            name: _in_named(item, renamed, nested, f"{table}.{name}", report) if isinstance(item, dict) else item
            for name, item in content.items()
        }
    return found


def _in_named(
    table: dict[str, Any], renamed: Mapping[str, str], nested: str, where: str, report: ConfigReport
) -> dict[str, Any]:
    """Renames keys of one named table.

    nested: the subtable whose keys were renamed; empty: the keys of the table itself were renamed.
    """
    if not nested:
        return _renamed(table, renamed, where, report)
    if not isinstance(inner := table.get(nested), dict):
        return table
    return table | {nested: _renamed(inner, renamed, f"{where}.{nested}", report)}


def _renamed(table: dict[str, Any], renamed: Mapping[str, str], where: str, report: ConfigReport) -> dict[str, Any]:
    for old in (key for key in table if key in renamed):
        report.problem(f"{where}.{old}", codes.CONFIG_KEY_RENAMED(new=renamed[old], value=as_toml(table[old])))
    return {renamed[key]: value for key, value in table.items() if key in renamed} | {
        key: value for key, value in table.items() if key not in renamed
    }
