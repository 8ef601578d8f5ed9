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
        content = found.get(table)
        if table in NAMED and isinstance(content, dict):
            found[table] = {
                name: _renamed(item, nested, renamed, f"{table}.{name}", report) for name, item in content.items()
            }
        elif table in found:
            found[table] = _renamed(content, nested, renamed, table, report)
    return found


def _renamed(table: Any, nested: str, renamed: Mapping[str, str], where: str, report: ConfigReport) -> Any:
    """The table with new keys. nested: the table in it whose keys were renamed; empty: its own keys."""
    if not isinstance(table, dict) or (nested and nested not in table):
        return table
    if nested:
        return table | {nested: _renamed(table[nested], "", renamed, f"{where}.{nested}", report)}
    for old in (key for key in table if key in renamed):
        report.problem(f"{where}.{old}", codes.CONFIG_KEY_RENAMED(new=renamed[old], value=as_toml(table[old])))
    return {renamed[key]: value for key, value in table.items() if key in renamed} | {
        key: value for key, value in table.items() if key not in renamed
    }
