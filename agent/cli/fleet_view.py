"""The tables of `magwatt fleet query`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.core.columns import cells, padded, padded_left
from agent.core.local_time import format_minute
from agent.core.text import N_, _, as_object

if TYPE_CHECKING:
    from agent.fleet.verify import VerifiedLedger

PROBLEMS_SHOWN = 5


class TableColumn(NamedTuple):
    """heading: marked by `N_`. text: of a row. right: aligned to the right, and summed in the last line if summed."""

    heading: str
    text: Callable[[Any], str]
    right: bool = False
    summed: Callable[[Any], float] | None = None


def kwh(value_wh: float | None) -> str:
    """With three decimals, so that nothing of whole Wh is lost; – when unknown."""
    return "–" if value_wh is None else f"{value_wh / 1000:.3f}"


_PLACE = (
    TableColumn(N_("site"), lambda row: row.site),
    TableColumn(N_("gateway"), lambda row: row.gateway),
    TableColumn(N_("motor"), lambda row: row.motor or "–"),
)
_LEDGER = TableColumn(N_("ledger"), lambda row: row.ledger)
_MONTH = TableColumn(N_("month"), lambda row: row.month)
COLUMNS: dict[str, Sequence[TableColumn]] = {
    "savings": (
        *_PLACE, _MONTH,
        TableColumn(N_("intervals"), lambda row: str(row.intervals), True),
        TableColumn(N_("measured kWh"), lambda row: kwh(row.measured_wh), True, lambda row: row.measured_wh),
        TableColumn(N_("baseline kWh"), lambda row: kwh(row.adjusted_wh), True, lambda row: row.adjusted_wh),
        TableColumn(N_("saved kWh"), lambda row: kwh(row.saved_wh), True, lambda row: row.saved_wh),
    ),
    "reported": (
        *_PLACE,
        TableColumn(N_("intervals"), lambda row: str(row.intervals), True),
        TableColumn(N_("saved kWh"), lambda row: kwh(row.saved_wh), True, lambda row: row.saved_wh),
        TableColumn(N_("U95 kWh"), lambda row: kwh(row.u95_wh), True),
        TableColumn(N_("verdict"), lambda row: _(row.verdict)),
        TableColumn(N_("compared"), lambda row: f"{100 * row.compared:.0f} %", True),
    ),
    "ranking": (
        *_PLACE,
        TableColumn(N_("saved kWh"), lambda row: kwh(row.saving.saved_wh), True),
        TableColumn(N_("U95 kWh"), lambda row: kwh(row.saving.u95_wh), True),
        TableColumn(N_("verdict"), lambda row: _(row.saving.verdict)),
        TableColumn(N_("compared"), lambda row: f"{100 * row.compared:.0f} %", True),
    ),
    "verdicts": (
        *_PLACE,
        TableColumn(N_("until"), lambda row: format_minute(row.t_ms, "UTC")),
        TableColumn(N_("saved kWh"), lambda row: kwh(row.saved_wh), True),
        TableColumn(N_("U95 kWh"), lambda row: kwh(row.u95_wh), True),
        TableColumn(N_("verdict"), lambda row: _(row.verdict)),
    ),
    "alarms": (
        *_PLACE,
        TableColumn(N_("alarm"), lambda row: row.alarm),
        TableColumn(N_("priority"), lambda row: _(row.priority)),
        TableColumn(N_("raised"), lambda row: str(row.raised), True),
        TableColumn(N_("state"), lambda row: row.state),
        TableColumn(N_("since"), lambda row: format_minute(row.since_ms, "UTC")),
    ),
    "coverage": (
        *_PLACE, _MONTH,
        TableColumn(N_("days"), lambda row: str(row.days), True),
        TableColumn(N_("rows"), lambda row: str(row.rows), True),
        TableColumn(N_("bad"), lambda row: str(row.bad), True),
        TableColumn(N_("counted kWh"), lambda row: kwh(row.counted_wh), True),
        TableColumn(N_("last row"), lambda row: format_minute(row.last_ms, "UTC")),
    ),
    "verify": (
        *_PLACE[:2],
        _LEDGER,
        TableColumn(N_("records"), lambda row: str(row.result.records), True),
        TableColumn(N_("until"), lambda row: format_minute(row.result.last_ms, "UTC")),
        TableColumn(N_("checkpoints compared"), lambda row: str(row.result.external_checkpoints), True),
        TableColumn(N_("result"), lambda row: _("valid") if row.result.ok else _("invalid")),
    ),
}  # fmt: skip


def problem_lines(checks: Sequence[VerifiedLedger]) -> Iterator[str]:
    """What is wrong with the ledgers, the first problems of each. Without any checkpoint one line for all keys."""
    unconfirmed = [check for check in checks if _is_unconfirmed(check)]
    together = len(unconfirmed) > 1 and not any(check.result.external_checkpoints for check in checks)
    for check in checks:
        place = {"site": check.site, "gateway": check.gateway}
        for problem in [*check.result.problems[:PROBLEMS_SHOWN], *check.result.unchecked]:
            yield _("{site}/{gateway}: {problem}", **place, problem=problem)
        if _is_unconfirmed(check) and not together:
            yield _("{site}/{gateway}: no checkpoint confirms the key {key}, which only the ledger itself declares",
                    **place, key=check.result.keys[-1] if check.result.keys else "–")  # fmt: skip
    if together:
        yield _("no checkpoint confirms the keys of {n:d} ledgers, which only the ledgers themselves declare: give "
                "earlier ones with --checkpoint", n=len(unconfirmed))  # fmt: skip


def _is_unconfirmed(check: VerifiedLedger) -> bool:
    return bool(check.result.records and check.result.self_named and not check.result.unchecked)


def check_object(check: VerifiedLedger) -> dict[str, Any]:
    """The JSON of the verification of a ledger."""
    result = check.result
    return {
        "site": check.site, "gateway": check.gateway, "ledger": check.ledger, "ok": result.ok,
        "records": result.records, "last_ms": result.last_ms, "first_bad": result.first_bad, "keys": result.keys,
        "self_named": result.self_named, "external_checkpoints": result.external_checkpoints,
        "newer_checkpoints": check.newer, "problems": [as_object(item) for item in result.problems],
        "unchecked": [as_object(item) for item in result.unchecked],
    }  # fmt: skip


def table_lines(question: str, rows: Sequence[Any]) -> Iterator[str]:
    """Headings, a line for each row, sums of columns that have one. Ledgers of one name have a column."""
    ledgers = {(row.site, row.gateway, row.ledger) for row in rows if hasattr(row, "ledger")}
    columns = [*COLUMNS[question]]
    if len(ledgers) > len({place[:2] for place in ledgers}) and _LEDGER not in columns:
        columns.insert(2, _LEDGER)
    lines = [[_(column.heading) for column in columns], *([column.text(row) for column in columns] for row in rows)]
    if any(column.summed for column in columns) and rows:
        lines.append([kwh(sum(map(column.summed, rows))) if column.summed else "" for column in columns])
        lines[-1][0] = _("sum")
    widths = [max(cells(line[number]) for line in lines) for number in range(len(columns))]
    for line in lines:
        yield "  ".join(
            padded_left(text, width) if column.right else padded(text, width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
