"""The table of faults as Markdown: code, what it is, what to do."""

from __future__ import annotations

from agent.analysis.condition.faults import (
    FAULTS,
    REQUIRED_CAGE,
    REQUIRED_MAGNET,
    REQUIRED_RECTIFIER,
    REQUIRED_ROWS_PUMP_FAN,
)

_KINDS = {
    "cage motor": REQUIRED_CAGE, "magnet motor": REQUIRED_MAGNET, "rectifier": REQUIRED_RECTIFIER,
    "rows": REQUIRED_ROWS_PUMP_FAN,
}  # fmt: skip


def table_markdown() -> str:
    rows = ["| code | what it is | what to do | counts for `healthy` of |", "|---|---|---|---|"]
    for fault in FAULTS.values():
        needed = ", ".join(kind for kind, codes in _KINDS.items() if fault.code in codes)
        rows.append(f"| `{fault.code}` | {fault.title} | {' '.join(fault.advice)} | {needed} |")
    return "\n".join(rows) + "\n"
