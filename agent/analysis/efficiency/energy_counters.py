"""Energy counters of a motor: integers that never decrease, also after rollover, reset, meter replacement or a crash.

Import and export follow the registers of the meter, so that a gap in polling loses nothing. The count, the register
value that it was counted from and the identity of that meter are committed in one transaction, before the row that
shows them is sent (agent.core.messages.Message.counters): after a power failure either all or none of them are stored,
and no energy is counted twice. Shaft energy and losses are summed from the energies of the estimator. Internal unit:
mWh.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.analysis.efficiency.meter_power import current_of, meter_power_u
from agent.analysis.efficiency.reasons import (
    CONFIGURED_RATIO_CHANGED,
    METER_OWN_RATIO_CHANGED,
    REGISTER_JUMP,
    REGISTER_RESET,
    SERIAL_NUMBER_CHANGED,
)
from agent.config.model import Meter
from agent.config.topology import Asset
from agent.config.transformer_ratio import energy_range_kwh, energy_step_kwh
from agent.core.usable_number import usable_number
from drivers import counters as registers
from drivers.reading import Reading
from drivers.reasons import Reason
from dsp.efficiency_meter import energy_u, exchanged

_MWH_PER_J, _MWH_PER_KWH = 1 / 3.6, 1_000_000
_VAR_PER_J2 = 1 / 360**2  # unit of variances: (0.1 Wh)²; 64 bits last for 10 MW and centuries
_EXCESS_MAX = 1.5  # times the largest possible power: a register that rises faster was set or belongs to another meter
_SLACK_MWH = 2 * _MWH_PER_KWH  # resolution of coarse registers: two digits of 1 kWh
_LATE_CELLS = 3  # energy cells that are always still being computed: no gap
_SUMS = ("shaft", "shaft_returned", "loss_motor", "loss_drive")
_COUNTED = (*_SUMS, "import", "export", "metered")  # metered: energy of known current and power factor, absolute
METRICS = {
    "import": "energy_counted_import_wh", "export": "energy_counted_export_wh", "shaft": "energy_shaft_wh",
    "shaft_returned": "energy_shaft_returned_wh", "loss_motor": "energy_loss_motor_wh",
    "loss_drive": "energy_loss_drive_wh",
}  # fmt: skip


class MeterEvent(NamedTuple):
    """An event of the meter: event_kind, and what happened."""

    kind: str
    reasons: list[Reason]


class EnergyCounters:
    """Energy counters of one asset.

    largest_w: largest possible power.
    saved: all counters of the store; those whose name starts with the asset's belong to it.
    """

    def __init__(self, asset: Asset, largest_w: float, saved: Mapping[str, int]) -> None:
        self._asset, self._largest_w = asset, largest_w
        self._prefix = f"{asset.name}/"
        self._values = {
            name[len(self._prefix) :]: value for name, value in saved.items() if name.startswith(self._prefix)
        }
        parts = [f"{part}_{name}" for name in _SUMS for part in ("u", "var")]
        self._remainders = dict.fromkeys((*_COUNTED, "u_metered", *parts), 0.0)
        self._since_register_j = {"import": 0.0, "export": 0.0}  # J by the power, since the register was read
        # Last reading of a register, and its first
        self._read_s, self._begun_s = dict[str, float](), dict[str, float]()
        self._stored = dict(self._values)
        self._by_register = {name: f"{name}_register" in self._values for name in ("import", "export")}
        self._started_s: float | None = None
        self._meter_u: float | None = None  # relative, of the power of the last reading
        self._covered_s, self._slack_s, self._gap_before_s = 0.0, 0.0, self._values.get("gap_s", 0)
        self._events: list[MeterEvent] = []

    def on_meter_reading(self, reading: Reading) -> None:
        """Follows the energy registers of a meter that measures only this motor."""
        meter = self._asset.meter
        if meter is None or self._asset.shared:
            return
        if usable_number(reading, "active_power") is not None:
            self._meter_u = meter_power_u(meter, reading, current_of(reading)).total
        if self._meter_changed(meter, reading):
            for name in ("import", "export"):
                if self._values.pop(f"{name}_register", None) is not None:
                    self._add(name, self._since_register_j[name])
        for name in ("import", "export"):
            if (kwh := usable_number(reading, f"energy_{name}")) is not None:
                if f"{name}_register" not in self._values:
                    self._begun_s[name] = reading.middle_s
                self._read_s[name] = reading.middle_s
                self._count_register(name, meter, kwh, reading.came_ns)

    def add_cells(self, cells: Iterable[EnergyCell], now_s: float) -> None:
        """Adds energies of the estimator. now_s: monotonic time; time that no cell covers is a gap."""
        if self._started_s is None:
            self._started_s = now_s
        for cell in cells:
            self._covered_s += cell.seconds
            self._slack_s = max(self._slack_s, _LATE_CELLS * cell.seconds)
            for name, joules, u, variance in _sums(cell):
                self._add(name, joules)
                self._add(f"u_{name}", u)
                self._add(f"var_{name}", variance, _VAR_PER_J2)
            if self._meter_u is not None:
                self._add("metered", cell.in_plus + cell.in_minus)
                self._add("u_metered", self._meter_u * (cell.in_plus + cell.in_minus))
            for name, joules in (("import", cell.in_plus), ("export", cell.in_minus)):
                self._add_power(name, joules, cell)
        gap_s = self._gap_before_s + now_s - self._started_s - self._covered_s - self._slack_s
        self._values["gap_s"] = max(self._values.get("gap_s", 0), int(gap_s))

    def values(self) -> dict[str, int]:
        """Metric → Wh, and the seconds of the gaps. A counter without a source is omitted.

        Import and export are the count of the register and the energy by the power since it was read, so that they
        belong to the same instant as the energies that the agent sums.
        """
        for name in ("import", "export"):
            if name in self._values:
                now = self._values[name] + (
                    int(self._since_register_j[name] * _MWH_PER_J) if self._by_register[name] else 0
                )
                self._values[f"{name}_shown"] = max(now, self._values.get(f"{name}_shown", 0))
        found = {
            metric: self._values.get(f"{name}_shown", self._values[name]) // 1000
            for name, metric in METRICS.items()
            if name in self._values
        }
        return found | {"energy_uncounted_s": self._values.get("gap_s", 0)}

    def uncertainties(self) -> dict[str, float]:
        """Metric → U (k = 2) in Wh: of a register from accuracy classes and replacements, else from the losses.

        The classes count at the currents and power factors of the energy counted so far, or where the meter measures
        several motors or nothing is counted yet, at CURRENT_ASSUMED of rated current.
        """
        found: dict[str, float] = {}
        if meter := self._asset.meter:
            exchanges, metered = self._values.get("exchanges", 0), self._values.get("metered", 0)
            if metered:
                share = exchanged(self._values.get("u_metered", 0) / metered, exchanges)
            else:
                share = energy_u(
                    meter.accuracy_class, meter.ct_class_applied, exchanges, vt_class=meter.vt_class_applied
                )
            for name in ("import", "export"):
                gain_wh = share * self._values.get(f"{name}_shown", self._values.get(name, 0)) / 1000
                digit_wh = self._digit_wh(name, meter) if name in self._begun_s else 0.0
                found[METRICS[name]] = math.hypot(gain_wh, digit_wh)
        for name in _SUMS:
            u_wh, variance = self._values.get(f"u_{name}", 0) / 1000, self._values.get(f"var_{name}", 0)
            found[METRICS[name]] = math.hypot(u_wh, 2 * math.sqrt(variance / _VAR_PER_J2) / 3600)
        return found

    def changed(self) -> dict[str, int]:
        """Counters that the store does not contain yet, to be committed before the row that shows them is sent."""
        found = {self._prefix + name: value for name, value in self._values.items() if self._stored.get(name) != value}
        self._stored = dict(self._values)
        return found

    def new_events(self) -> list[MeterEvent]:
        """Events since the last call."""
        found, self._events = self._events, []
        return found

    def _add(self, name: str, amount: float, scale: float = _MWH_PER_J) -> None:
        """Adds an amount, J or J², as a whole number of the internal unit."""
        total = self._remainders[name] + amount * scale
        whole = int(total)
        self._remainders[name] = total - whole
        self._values[name] = self._values.get(name, 0) + whole

    def _add_power(self, name: str, joules: float, cell: EnergyCell) -> None:
        """Energy by the power: counts before the register was first read, and is remembered after its last reading."""
        if not self._by_register[name]:
            self._add(name, joules)
            self._since_register_j[name] += joules
            return
        begin_s = cell.end_s - cell.seconds

        def part(from_s: float, to_s: float) -> float:
            return max(min(cell.end_s, to_s) - max(begin_s, from_s), 0.0) / cell.seconds

        # A cell is computed some seconds later: it may end before the register was read.
        self._add(name, joules * part(-math.inf, self._begun_s.get(name, -math.inf)))
        self._since_register_j[name] += joules * part(self._read_s.get(name, -math.inf), math.inf)

    def _digit_wh(self, name: str, meter: Meter) -> float:
        """U (k = 2) from the last digit of a register, Wh: of the difference of two readings, both truncated."""
        return 2 * math.sqrt(2 / 12) * 1000 * energy_step_kwh(meter, f"energy_{name}")

    def _count_register(self, name: str, meter: Meter, kwh: float, came_ns: int) -> None:
        now, now_s = round(kwh * _MWH_PER_KWH), came_ns // 1_000_000_000
        before, before_s = self._values.get(f"{name}_register"), self._values.get(f"{name}_read_s", now_s)
        self._values.setdefault(name, 0)
        self._values[f"{name}_register"], self._values[f"{name}_read_s"] = now, now_s
        self._by_register[name] = True
        by_power, self._since_register_j[name] = round(self._since_register_j[name] * _MWH_PER_J), 0.0
        if before is None:
            return
        passed_s = max(now_s - before_s, 60)  # the clock may have been set back in between
        slack = max(_SLACK_MWH, 2 * energy_step_kwh(meter, f"energy_{name}") * _MWH_PER_KWH)
        largest = _EXCESS_MAX * self._largest_w * passed_s * _MWH_PER_J + slack
        step = self._step(f"energy_{name}", meter, before, now, largest)
        grown = round(step.grown)
        # A reset loses what the register counted since the last reading; the measured power is still known.
        self._values[name] += max(grown, min(by_power, round(largest))) if step.kind == "reset" else grown
        if step.kind in ("reset", "jump"):
            code = REGISTER_RESET if step.kind == "reset" else REGISTER_JUMP
            cause = code(register=f"energy_{name}", before_wh=before / 1000, after_wh=now / 1000)
            self._events.append(MeterEvent(f"meter_register_{step.kind}", [cause]))
        if step.kind == "jump":
            self._values["exchanges"] = self._values.get("exchanges", 0) + 1

    def _step(self, quantity: str, meter: Meter, before: int, now: int, largest: float) -> registers.RegisterStep:
        """The step of a register. It rolls over at the end of its range, or at a power of ten of its display."""
        ends = [10 ** len(str(max(before, 1)))]
        if (range_kwh := energy_range_kwh(meter, quantity)) is not None:
            ends.insert(0, round(range_kwh * _MWH_PER_KWH))
        for end in ends:
            step = registers.step(before, now, end, largest)
            if step.kind in ("increment", "wrap", "jump") and (now >= before or step.kind == "wrap"):
                return step
        return registers.step(before, now, None, largest)

    def _meter_changed(self, meter: Meter, reading: Reading) -> bool:
        """Whether these registers are of another meter, or of the same with another ratio; adds an event.

        The serial number of a meter is read only after a start and after a loss of communication. The configured one
        is used only if the meter reports none, because the two may be written differently.
        """
        serial, ratio = reading.values.get("serial_number"), reading.values.get("ct_ratio")
        identities: list[tuple[str, str, Any, Callable[[Any], Reason]]] = [
            ("told_serial", "meter_replaced", serial if isinstance(serial, str | int | float) and serial else None,
             _serial_changed),
            ("serial", "meter_replaced", meter.serial_number, _serial_changed),
            ("ratio", "ct_ratio_changed", f"{meter.ct}{meter.vt}{meter.ratio_applied_by}",
             lambda _: CONFIGURED_RATIO_CHANGED(ct=_ratio(meter.ct), vt=_ratio(meter.vt),
                                                applied_by=meter.ratio_applied_by)),
            ("meter_ratio", "ct_ratio_changed", ratio if isinstance(ratio, int | float) else None,
             lambda value: METER_OWN_RATIO_CHANGED(ratio=value)),
        ]  # fmt: skip
        changed = False
        for name, kind, value, reason in identities:
            if value is None:
                continue
            fingerprint = zlib.crc32(str(value).encode())
            before = self._values.get(name)
            self._values[name] = fingerprint
            if before in (None, fingerprint) or (name == "serial" and "told_serial" in self._values):
                continue
            changed = True
            self._values["exchanges"] = self._values.get("exchanges", 0) + 1
            self._events.append(MeterEvent(kind, [reason(value)]))
        return changed


def _sums(cell: EnergyCell) -> Iterator[tuple[str, float, float, float]]:
    """Counter, energy (J), U (J) that adds up over the cells, variance (J²) of their independent errors."""
    u_j = math.hypot(cell.u_in, cell.u_drive, cell.u_motor, cell.polled_in, cell.polled_drive, cell.polled_motor)
    variance = cell.var_in + cell.var_drive + cell.var_motor
    taken = float(cell.shaft_plus >= cell.shaft_minus)
    yield "shaft", cell.shaft_plus, taken * u_j, taken * variance
    yield "shaft_returned", cell.shaft_minus, (1 - taken) * u_j, (1 - taken) * variance
    shaft = cell.shaft_plus + cell.shaft_minus
    for name, loss, u_j, polled, variance in (
        ("loss_motor", cell.motor, cell.u_motor, cell.polled_motor, cell.var_motor),
        ("loss_drive", cell.drive, cell.u_drive, cell.polled_drive, cell.var_drive),
    ):
        share = loss / (loss + shaft) if loss > 0 else 0.0  # of the error of the input
        yield name, loss, math.hypot(u_j, polled, share * cell.polled_in), variance + share**2 * cell.var_in


def _serial_changed(serial_number: Any) -> Reason:
    return SERIAL_NUMBER_CHANGED(serial_number=str(serial_number))


def _ratio(pair: tuple[float, float] | None) -> str:
    return f"{pair[0]:g}/{pair[1]:g}" if pair else "–"
