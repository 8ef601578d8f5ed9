"""The table of alarm definitions for alarm-table.md, which tables.py writes."""

from __future__ import annotations

from agent.config.alarm_definition import AlarmDefinition
from agent.config.alarm_table import DEFINITIONS


def table_markdown() -> str:
    """One row for each alarm."""
    lines = [
        "| code | what | priority | respond | on / off-delay | limit | suppresses | if nothing is done | what to do |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in DEFINITIONS.values():
        cells = (
            f"`{row.code}`", row.title, _priority(row), _respond(row), f"{row.on_delay_s:g} / {row.off_delay_s:g} s",
            _limit(row), ", ".join(f"`{code}`" for code in sorted(row.suppresses)) or "–", row.consequence,
            " ".join(row.advice),
        )  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _priority(row: AlarmDefinition) -> str:
    both = f"{row.priority}, {row.priority_alarm}" if row.priority_alarm else row.priority
    marks = [
        *(["latching"] if row.latching else []), *(["not while off"] if row.blocked_off else []),
        *([f"not in the first {row.blocked_start_s:g} s"] if row.blocked_start_s else []),
        *([f"of the {row.scope}"] if row.scope != "asset" else []),
    ]  # fmt: skip
    return "; ".join([both, *marks])


def _respond(row: AlarmDefinition) -> str:
    minutes = row.respond_min
    if not minutes:
        return "immediately"
    return f"{minutes:g} min" if minutes < 120 else f"{minutes / 60:g} h" if minutes < 2880 else f"{minutes / 1440:g} d"


def _limit(row: AlarmDefinition) -> str:
    if not row.unit:
        return "–"
    if not row.limits:
        return f"of the source; can be set in {row.unit}"
    sign = "≥" if row.direction == "high" else "≤"
    return f"{sign} {', '.join(f'{limit:g}' for limit in row.limits)} {row.unit}, deadband {row.deadband:g}"
