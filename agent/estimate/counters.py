"""A motor's energies as whole numbers that only rise: over a meter's rollover, reset and exchange, and over a kill.

Import and export follow the meter's own registers, so that a hole in the polling loses nothing; what was counted, the
register it was counted from and which meter that was are committed in one transaction with the row that shows them
(agent.messages.Message.counters): after a power cut either all of it is there or none, and nothing counts twice.
Shaft energy and losses are summed from the estimator's energies. Inside everything is in mWh.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from agent.config import Meter
from agent.estimate.window import Cell
from agent.topology import Asset
from drivers import counters as registers
from drivers.errors import ProfileError
from drivers.profiles import load_profile
from drivers.reading import BAD, Quality, Reading
from dsp.efficiency_meter import energy_u

_MWH_PER_J, _MWH_PER_KWH = 1 / 3.6, 1_000_000
_MOST = 1.5  # of the largest power that can be: a register that grows faster was set or is another meter's
_SLACK_MWH = 2 * _MWH_PER_KWH  # of coarse registers: two digits of 1 kWh
_LATE_CELLS = 3  # that many are on their way at any time: no gap
_SUMS = ("shaft", "shaft_returned", "loss_motor", "loss_drive")
METRICS = {
    "import": "energy_counted_import_wh", "export": "energy_counted_export_wh", "shaft": "energy_shaft_wh",
    "shaft_returned": "energy_shaft_returned_wh", "loss_motor": "energy_loss_motor_wh",
    "loss_drive": "energy_loss_drive_wh",
}  # fmt: skip


class Counters:
    """saved: everything the store holds; of it what begins with the asset's name is this one's."""

    def __init__(self, asset: Asset, largest_w: float, saved: Mapping[str, int]) -> None:
        self._asset, self._largest_w = asset, largest_w
        self._prefix = f"{asset.name}/"
        self._kept = {
            name[len(self._prefix) :]: value for name, value in saved.items() if name.startswith(self._prefix)
        }
        self._rest = dict.fromkeys((*_SUMS, "import", "export", *(f"u_{name}" for name in _SUMS)), 0.0)
        self._since = {"import": 0.0, "export": 0.0}  # J by the power, since the register was read
        self._told = dict(self._kept)
        self._by_register = {name: f"{name}_register" in self._kept for name in ("import", "export")}
        self._started_s: float | None = None
        self._covered_s, self._slack_s, self._gap_before_s = 0.0, 0.0, self._kept.get("gap_s", 0)
        self.events: list[dict[str, Any]] = []

    def take_meter(self, reading: Reading) -> None:
        """Follows the energy registers of a meter that is this motor's own."""
        meter = self._asset.meter
        if meter is None or self._asset.shared:
            return
        if self._exchanged(meter, reading):
            for name in ("import", "export"):
                if self._kept.pop(f"{name}_register", None) is not None:
                    self._add(name, self._since[name])
        for name in ("import", "export"):
            value, flag = reading.values.get(f"energy_{name}"), reading.flags.get(f"energy_{name}", Quality.GOOD)
            if isinstance(value, int | float) and math.isfinite(value) and not flag & BAD:
                self._follow(name, meter, float(value), reading.came_ns)

    def take_cells(self, cells: Iterable[Cell], now_s: float) -> None:
        """Adds what the estimator measured; now_s monotonic: what no cell covers is a gap."""
        if self._started_s is None:
            self._started_s = now_s
        for cell in cells:
            self._covered_s += cell.seconds
            self._slack_s = max(self._slack_s, _LATE_CELLS * cell.seconds)
            u_j = math.hypot(cell.u_in, cell.u_drive, cell.u_motor)
            for name, joules, u in (
                ("shaft", cell.shaft_plus, u_j if cell.shaft_plus >= cell.shaft_minus else 0.0),
                ("shaft_returned", cell.shaft_minus, u_j if cell.shaft_plus < cell.shaft_minus else 0.0),
                ("loss_motor", cell.motor, cell.u_motor),
                ("loss_drive", cell.drive, cell.u_drive),
            ):
                self._add(name, joules)
                self._add(f"u_{name}", u)
            self._since["import"] += cell.in_plus
            self._since["export"] += cell.in_minus
            if not self._by_register["import"]:
                self._add("import", cell.in_plus)
            if not self._by_register["export"]:
                self._add("export", cell.in_minus)
        gap_s = self._gap_before_s + now_s - self._started_s - self._covered_s - self._slack_s
        self._kept["gap_s"] = max(self._kept.get("gap_s", 0), int(gap_s))

    def values(self) -> dict[str, int]:
        """Metric → Wh, and the seconds of the gaps. A counter that nothing feeds is left out."""
        found = {metric: self._kept[name] // 1000 for name, metric in METRICS.items() if name in self._kept}
        return found | {"energy_uncounted_s": self._kept.get("gap_s", 0)}

    def uncertainties(self) -> dict[str, float]:
        """U (k = 2) in Wh: of a register by the classes and the exchanges, of the others as their losses err."""
        found: dict[str, float] = {}
        if meter := self._asset.meter:
            ct_class = (meter.ct_class or "1") if meter.ct else None
            share = energy_u(meter.accuracy_class, ct_class, self._kept.get("exchanges", 0))
            found = {METRICS[name]: share * self._kept.get(name, 0) / 1000 for name in ("import", "export")}
        return found | {METRICS[name]: self._kept.get(f"u_{name}", 0) / 1000 for name in _SUMS}

    def all(self) -> dict[str, int]:
        return {self._prefix + name: value for name, value in self._kept.items()}

    def changed(self) -> dict[str, int]:
        """What the store does not hold yet: to be committed with the row that shows it."""
        found = {self._prefix + name: value for name, value in self._kept.items() if self._told.get(name) != value}
        self._told = dict(self._kept)
        return found

    def _add(self, name: str, joules: float) -> None:
        total = self._rest[name] + joules * _MWH_PER_J
        whole = int(total)
        self._rest[name] = total - whole
        self._kept[name] = self._kept.get(name, 0) + whole

    def _follow(self, name: str, meter: Meter, kwh: float, came_ns: int) -> None:
        now, now_s = round(kwh * _MWH_PER_KWH), came_ns // 1_000_000_000
        before, before_s = self._kept.get(f"{name}_register"), self._kept.get(f"{name}_read_s", now_s)
        self._kept.setdefault(name, 0)
        self._kept[f"{name}_register"], self._kept[f"{name}_read_s"] = now, now_s
        self._by_register[name] = True
        by_power, self._since[name] = round(self._since[name] * _MWH_PER_J), 0.0
        if before is None:
            return
        passed_s = max(now_s - before_s, 60)  # the clock may have been set back meanwhile
        most = _MOST * self._largest_w * passed_s * _MWH_PER_J + _SLACK_MWH
        step = self._step(f"energy_{name}", meter, before, now, most)
        grown = round(step.grown)
        # What a register had counted before it was set to 0 is gone; the power was seen all the same.
        self._kept[name] += max(grown, min(by_power, round(most))) if step.kind == "reset" else grown
        if step.kind in ("reset", "jump"):
            self._opened(f"meter_register_{step.kind}", f"{name}: {before / 1e6:.3f} kWh, then {kwh:.3f} kWh")
        if step.kind == "jump":
            self._kept["exchanges"] = self._kept.get("exchanges", 0) + 1

    def _step(self, quantity: str, meter: Meter, before: int, now: int, most: float) -> registers.Step:
        """A register that starts again does so at its own end, or at a power of ten in its display's digits."""
        ends = [10 ** len(str(max(before, 1)))]
        try:
            row = load_profile(meter.profile).register(quantity)
            at = row.wraps_at() if row else None
        except ProfileError:
            at = None
        if at is not None:
            ends.insert(0, round(at * _MWH_PER_KWH))
        for end in ends:
            step = registers.step(before, now, end, most)
            if step.kind in ("increment", "wrap", "jump") and (now >= before or step.kind == "wrap"):
                return step
        return registers.step(before, now, None, most)

    def _exchanged(self, meter: Meter, reading: Reading) -> bool:
        """Whether another meter, or the same with another ratio, tells these registers; opens an event.

        A meter's own number is read after each start and silence only; the one that the configuration states counts
        where no meter ever told one: the two may be written differently.
        """
        serial, ratio = reading.values.get("serial_number"), reading.values.get("ct_ratio")
        changed = False
        for name, word, said in (
            ("told_serial", serial if isinstance(serial, str | int | float) and serial else None, "meter_replaced"),
            ("serial", meter.serial_number, "meter_replaced"),
            ("ratio", f"{meter.ct}{meter.vt}{meter.ratio_applied_by}", "ct_ratio_changed"),
            ("meter_ratio", ratio if isinstance(ratio, int | float) else None, "ct_ratio_changed"),
        ):
            if word is None:
                continue
            mark = zlib.crc32(str(word).encode())
            before = self._kept.get(name)
            self._kept[name] = mark
            if before in (None, mark) or (name == "serial" and "told_serial" in self._kept):
                continue
            changed = True
            self._kept["exchanges"] = self._kept.get("exchanges", 0) + 1
            self._opened(said, f"now {word}")
        return changed

    def _opened(self, kind: str, text: str) -> None:
        self.events.append({"event_kind": kind, "event_text": text})
