"""One motor on a drive or on the mains and its estimator; the test supplies the readings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from support.config_text import bus, drive, load, magnet, meter, motor, site

from agent.analysis.efficiency.estimates import Estimates
from agent.analysis.efficiency.estimator import Estimator
from agent.config.topology import assets, drive_rating_kw
from drivers.reading import Quality, Reading, Value
from drivers.reasons import Code, Reason


def base(at: str) -> str:
    return site() + bus() + meter("m", measuring_point=at, ct="150/5", ct_class="0.5")


ON_DRIVE = "".join((
    base("drive-input"), drive("d", "m", kw=55, class_="IE2"), magnet("p", "d", efficiency=96.2, r1_ohm=0.0125),
))  # fmt: skip
ON_MAINS = base("motor") + motor("p", "m", rpm=1478, amps=97.6, efficiency=94.6)


class Bench:
    """One motor, one reading per second. `drive` and `meter` contain the values of the devices."""

    def __init__(self, tmp_path: Path, text: str) -> None:
        config = load(tmp_path, text)
        asset = next(item for item in assets(config) if item.motor)
        self.of = Estimator(asset, drive_rating_kw(config, asset.drive) if asset.drive else None)
        self.now_s = 1000.0
        self.meter: dict[str, Value] = phases(40_000.0, 0.95 if asset.drive else 0.85)
        self.drive: dict[str, Value] = {
            "motor_current": 70.0, "output_frequency": 90.0, "motor_power": 38.4, "motor_speed": 1350.0,
            "output_voltage": 345.0,
        }  # fmt: skip

    def run(self, seconds: int, flags: dict[str, Quality] | None = None) -> Estimates:
        found = Estimates()
        for _ in range(seconds):
            self.now_s += 1
            if self.meter:
                self.of.on_meter_reading(self._reading("m", self.meter, flags))
            if self.of.asset.drive and self.drive:
                self.of.on_drive_reading(self._reading("d", self.drive, flags))
            found = self.of.estimates(self.now_s)
        return found

    def _reading(self, device: str, values: dict[str, Value], flags: dict[str, Quality] | None) -> Reading:
        now = int(self.now_s * 1e9)
        return Reading(device, now, now, dict(values), flags=flags or {}, monotonic_ns=now)


def phases(watts: float, pf: float, signs: tuple[int, int, int] = (1, 1, 1)) -> dict[str, Value]:
    """Values of a three-phase meter; signs: −1 for a reversed current transformer."""
    var, amps = watts * math.tan(math.acos(pf)), abs(watts) / 3 / 230 / pf
    found: dict[str, Value] = {"power_factor": pf, "current_avg": amps, "voltage_ll_avg": 400.0, "frequency": 50.0}
    for k, sign in enumerate(signs, 1):
        found |= {f"voltage_l{k}n": 230.9, f"current_l{k}": amps, f"active_power_l{k}": sign * watts / 3,
                  f"reactive_power_l{k}": sign * var / 3}  # fmt: skip
    return found | {"active_power": watts * sum(signs) / 3}


def nothing(found: Estimates, code: Code) -> Reason:
    """The reason why there is no efficiency. Asserts that the reason and the published value have this code."""
    assert found.values["motor_efficiency_pct"] is None
    assert found.reason is not None
    assert found.reason.code == found.values["efficiency_unavailable_reason"] == code
    return found.reason


SENSOR = """
[signal.torque]
bus = "b"
unit_id = 9
address = 0
type = "f32"
unit_of_measure = "Nm"
motor = "p"
measures = "shaft-torque"
[signal.speed]
bus = "b"
unit_id = 9
address = 2
type = "f32"
unit_of_measure = "rpm"
motor = "p"
measures = "shaft-speed"
"""


def with_sensor(bench: Bench, shaft_w: float, rpm: float) -> Estimates:
    names = [signal.metric.name for signal in bench.of.asset.signals]
    for _ in range(15):
        now = int((bench.now_s + 1) * 1e9)
        values: dict[str, Any] = {names[0]: shaft_w / (rpm * math.pi / 30), names[1]: rpm}
        bench.of.on_signal_reading(Reading("signals", now, now, values, monotonic_ns=now))
        found = bench.run(1)
    return found
