"""The columns of a live table, and its rows as lines of styled text that fit the width of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agent.analysis.condition.phase_loss import phases_without_current
from agent.cli.watch_notes import flags_of
from agent.cli.watch_rows import GatewayRows, Row, translated
from agent.core.columns import cells
from agent.core.text import N_, _
from agent.delivery.mqtt.follower import FollowedMessage

UNKNOWN = "–"
NAME_WIDTH = 20  # a longer name is cut before a column is omitted; where there is room it is shown complete
GAP = "  "
_STYLES = {
    "online": "green", "stale": "yellow", "offline": "red", "maintenance": "cyan",
    "good": "green", "uncertain": "yellow", "bad": "red",
}  # fmt: skip


class Span(NamedTuple):
    """Text of one style: words of `green yellow red cyan bold dim`, or ""."""

    text: str
    style: str = ""


Line = list[Span]


class Column(NamedTuple):
    """heading, unit: in the table head; the unit is a symbol.
    omit: order in which columns are omitted in a narrow terminal; 0: never."""

    heading: str
    unit: str
    right: bool
    omit: int
    cell: Callable[[Row], Span]


def _power(row: Row) -> Span:
    return _number(_values(row).get("active_power_w"), 1000, 2)


def _shaft(row: Row) -> Span:
    return _plus_minus(_values(row), "shaft_power_w", 1000, 2)


def _speed(row: Row) -> Span:
    return _number(_values(row).get("motor_speed_rpm"), 1, 0)


def _current(row: Row) -> Span:
    """The motor current: of the drive, or of a meter at the motor; else that of the drive input or feeder, marked."""
    values = _values(row)
    if values.get("motor_current_a") is not None:
        return _number(values["motor_current_a"], 1, 1)
    cell = _number(_mean([*_of_phases(values, "current_l{}_a").values()]), 1, 1)
    meter = row.followed.messages.get("meta", {}).get("meter", {})
    at_input = meter.get("measuring_point", "motor") != "motor"
    return Span(_("{current} (input)", current=cell.text)) if at_input and cell.text != UNKNOWN else cell


def _distortion(row: Row) -> Span:
    """From the waveform, else from the registers of the meter: the mean of the phases with current, because in a lost
    phase the fundamental is noise, and its THD, too."""
    sources = row.followed.messages.get("pq3s", {}).get("v", {}), _values(row)
    for source in sources:
        if found := _of_phases(source, "thd_i_l{}_pct"):
            lost = phases_without_current(source)
            return _number(_mean([pct for phase, pct in found.items() if phase not in lost]), 1, 1)
    return Span(UNKNOWN)


def _efficiency(of: str) -> Callable[[Row], Span]:
    return lambda row: _plus_minus(_values(row), f"{of}_efficiency_pct", 1, 1)


def _method(row: Row) -> Span:
    return Span(row.telemetry.get("m", {}).get("system_efficiency_pct", UNKNOWN))


def _state(row: Row) -> Span:
    return Span(translated(row.state or UNKNOWN), _STYLES.get(row.state or "", ""))


def _quality(row: Row) -> Span:
    return Span(translated(row.quality or UNKNOWN), _STYLES.get(row.quality or "", ""))


def _age(row: Row) -> Span:
    return Span(format_age(row.age_s), "yellow" if row.stale else "")


COLUMNS = (
    Column(N_("motor"), "", False, 0, lambda row: Span(row.name)),
    Column(N_("id"), "", False, 1, lambda row: Span(row.followed.asset, "dim")),
    Column(N_("state"), "", False, 0, _state),
    Column(N_("quality"), "", False, 0, _quality),
    Column(N_("input"), "kW", True, 0, _power),
    Column(N_("shaft"), "kW", True, 7, _shaft),
    Column(N_("speed"), "r/min", True, 5, _speed),
    Column(N_("current"), "A", True, 3, _current),
    Column(N_("THD-I"), "%", True, 4, _distortion),
    Column(N_("drive"), "%", True, 6, _efficiency("drive")),
    Column(N_("motor"), "%", True, 8, _efficiency("motor")),
    Column(N_("system"), "%", True, 0, _efficiency("system")),
    Column(N_("method"), "", False, 2, _method),
    Column(N_("age"), "", True, 9, _age),
)


class Layout(NamedTuple):
    """columns: (column, width in cells), from left to right."""

    columns: Sequence[tuple[Column, int]]

    def head(self) -> list[Line]:
        headings = [_aligned(_(column.heading), width, column.right) for column, width in self.columns]
        units = [_aligned(column.unit, width, column.right) for column, width in self.columns]
        return [[Span("  " + GAP.join(headings), "bold")], [Span("  " + GAP.join(units), "dim")]]

    def row(self, row: Row) -> Line:
        """A row; "!" precedes one in trouble, and a stale one is dim."""
        line = [Span("! ", "bold red") if row.in_trouble else Span("  ")]
        for number, (column, width) in enumerate(self.columns):
            cell = column.cell(row)
            plain = row.stale and column.heading != "age"
            text = _aligned(clipped(cell.text, width), width, column.right)
            line.append(Span((GAP if number else "") + text, "dim" if plain else cell.style))
        return line


def layout(groups: Sequence[GatewayRows], width: int) -> Layout:
    """The columns that fit into a width; all motors count, not only those on the screen, so that scrolling moves
    nothing. Only names are cut; other columns are omitted."""
    rows = [row for group in groups for row in group.rows]
    shown = [
        column for column in COLUMNS if column.heading != "id" or any(row.name != row.followed.asset for row in rows)
    ]
    widths = {
        column: max([cells(_(column.heading)), cells(column.unit), *(cells(column.cell(row).text) for row in rows)])
        for column in shown
    }
    name, name_width = shown[0], widths[shown[0]]
    widths[name] = min(name_width, NAME_WIDTH)
    while _total(widths) > width and (omitted := min(filter(_omission, widths), key=_omission, default=None)):
        del widths[omitted]
    widths[name] = max(min(name_width, widths[name] + width - _total(widths)), 4)
    return Layout(list(widths.items()))


def group_line(group: GatewayRows) -> Line:
    """The heading of a gateway: its topic, status and number of motors."""
    status, n = group.status or UNKNOWN, len(group.rows)
    count = (
        _("{n:d} {n:motor|motors}, {bad:d} in trouble", n=n, bad=group.in_trouble) if group.in_trouble
        else _("{n:d} {n:motor|motors}", n=n)
    )  # fmt: skip
    return [Span(f"{group.gateway}  ", "bold"), Span(translated(status), _STYLES.get(status, "")), Span(f"  {count}")]


def format_line(followed: FollowedMessage) -> str:
    """The row of a motor as plain text, for output that is not a terminal."""
    row = Row(followed, None, reachable=True, stale=False)
    parts = [row.name, *(column.cell(row).text for column in COLUMNS[2:4])]
    parts += [_("simulated")] if "SIMULATED" in flags_of(followed) else []
    for column in COLUMNS[4:-1]:
        cell = column.cell(row).text
        if cell != UNKNOWN:
            parts.append(" ".join(filter(None, (_(column.heading), cell, column.unit))))
    return GAP.join(parts)


def format_age(age_s: float | None) -> str:
    """ "12 s", "5 min", "3 h", "2 d"; rounded down."""
    if age_s is None:
        return UNKNOWN
    for unit, length_s, end in (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48)):
        if age_s < end * length_s:
            return f"{age_s // length_s:.0f} {unit}"
    return f"{age_s // 86400:.0f} d"


def clipped(text: str, width: int) -> str:
    """The text, cut to a width in cells; "…" shows that it was cut."""
    if cells(text) <= width:
        return text
    kept = text
    while kept and cells(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…" if width > 0 else ""


def clipped_line(line: Line, width: int) -> Line:
    """The line, cut to a width in cells."""
    found: Line = []
    for text, style in line:
        found.append(Span(clipped(text, width), style))
        width -= cells(text)
        if width <= 0:
            break
    return found


def _aligned(text: str, width: int, right: bool) -> str:
    room = " " * (width - cells(text))
    return room + text if right else text + room


def _total(widths: Mapping[Column, int]) -> int:
    """Width of a line: the mark of trouble, the columns and the gaps between them."""
    return 2 + sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _omission(column: Column) -> int:
    return column.omit


def _values(row: Row) -> Mapping[str, Any]:
    values: Mapping[str, Any] = row.telemetry.get("v", {})
    return values


def _of_phases(values: Mapping[str, Any], name: str) -> dict[int, float]:
    """Phase → value, without missing ones."""
    return {phase: value for phase in (1, 2, 3) if (value := values.get(name.format(phase))) is not None}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _number(value: float | None, divisor: float, decimals: int) -> Span:
    return Span(UNKNOWN) if value is None else Span(_figure(value / divisor, decimals))


def _plus_minus(values: Mapping[str, Any], name: str, divisor: float, decimals: int) -> Span:
    """The value with its U; without U it is unknown."""
    value, u = values.get(name), values.get(f"{name}_u")
    if value is None or u is None:
        return Span(UNKNOWN)
    return Span(f"{_figure(value / divisor, decimals)} ±{_figure(u / divisor, decimals)}")


def _figure(value: float, decimals: int) -> str:
    """The number with its decimals; "0.0", never "-0.0"."""
    return f"{value:z.{decimals}f}"
