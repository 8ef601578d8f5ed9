"""Allocation of a shared meter to its motors by a stated rule; the results have the flag ALLOCATED.

drive-power: in proportion to the output powers that the drives report. rated-power: in proportion to the rated powers.
Several motors on one drive share its part by rated power. Energy follows the register of the meter, so that a gap in
polling loses nothing. A register that was reset counts from 0; one that was set counts nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct, field

from agent.config.topology import Asset
from agent.core.usable_number import usable_number
from drivers import counters as registers
from drivers.reading import Quality, Reading, Value

EXCESS_MAX = 1.5  # times the largest possible power: a register that rises faster was set or belongs to another meter
SLACK_KWH = 2.0  # resolution of coarse registers: two digits of 1 kWh
EXTENSIVE = ("active_power", "active_power_mean_1min", "reactive_power", "apparent_power")  # these are allocated
# Quantities that are the same for all motors of a meter
COMMON = (
    "voltage_l1n", "voltage_l2n", "voltage_l3n", "voltage_l12", "voltage_l23", "voltage_l31", "voltage_ln_avg",
    "voltage_ll_avg", "frequency", "voltage_unbalance", "thd_u_l1", "thd_u_l2", "thd_u_l3",
)  # fmt: skip


DRIVE_SHARED = ("motor_power", "motor_current", "torque_current", "shaft_power", "input_power")
DRIVE_COMMON = (
    "output_frequency", "reference_frequency", "motor_speed", "output_voltage", "dc_bus_voltage", "status_word",
    "fault_code", "state_code", "drive_temperature", "fault_bits", "warning_code",
    "tripped", "fault_text", "last_fault_text", "last_fault_code", "warning_bits", "status_word_2",
)  # fmt: skip


def of_drive(reading: Reading, share: float) -> tuple[dict[str, Value], dict[str, Quality]]:
    """Values of a drive for one of its motors: powers and currents times `share`, common values unchanged."""
    return _part(reading, share, DRIVE_SHARED, DRIVE_COMMON)


def _part(
    reading: Reading, share: float | None, shared: Collection[str], common: Collection[str]
) -> tuple[dict[str, Value], dict[str, Quality]]:
    """Values and flags of a part: shared values times `share`, None without one; common ones unchanged; no others."""
    values: dict[str, Value] = {}
    flags = {name: flag for name, flag in reading.flags.items() if name in shared or name in common}
    for name, value in reading.values.items():
        if name in shared:
            values[name] = value * share if isinstance(value, int | float) and share is not None else None
            flags[name] = flags.get(name, Quality.GOOD) | Quality.ALLOCATED
        elif name in common:
            values[name] = value
    return values, flags


class Allocation(Struct):
    """Part of one motor in its shared meter.

    energy_kwh: energy since the first start; the caller restores and stores it.
    """

    asset: Asset
    energy_kwh: float = 0.0
    _powers: dict[str, float] = field(default_factory=dict)  # drive → its reported output power, W
    _share_sum: float = 0.0  # of the readings since the register was read
    _share_count: int = 0
    _register: tuple[float, float] | None = None  # monotonic s, kWh
    _largest_kw: float = 0.0  # of the meter, including consumers that are not configured

    def on_drive_reading(self, reading: Reading) -> None:
        power = usable_number(reading, "motor_power")
        if power is not None:
            self._powers[reading.device] = max(0.0, power * 1000)
        else:
            self._powers.pop(reading.device, None)

    def share(self) -> float | None:
        """Part of this motor, 0 to 1; None while a needed drive does not respond or all drives are stopped."""
        asset = self.asset
        if asset.rule == "drive-power":
            if any(branch.drive not in self._powers for branch in asset.branches):
                return None
            weights = {branch.name: self._powers[branch.drive] for branch in asset.branches if branch.drive}
        else:
            weights = {branch.name: branch.rated_kw for branch in asset.branches}
        total = sum(weights.values())
        return weights[asset.branch] / total * asset.drive_share if total > 0 else None

    def on_meter_reading(self, reading: Reading) -> tuple[dict[str, Value], dict[str, Quality]]:
        """Values of the meter for this motor: extensive ones allocated, common ones unchanged, others omitted."""
        share = self.share()
        if share is not None:
            self._share_sum += share
            self._share_count += 1
        power_w = usable_number(reading, "active_power")
        self._largest_kw = max(self._largest_kw, abs(power_w or 0.0) / 1000)
        register_kwh = usable_number(reading, "energy_import")
        if register_kwh is not None:
            self._follow_register(reading.middle_s, register_kwh)
        return _part(reading, share, EXTENSIVE, COMMON)

    def _follow_register(self, now_s: float, register_kwh: float) -> None:
        if self._register is not None and self._share_count:
            before_s, before_kwh = self._register
            largest_kw = max(self._largest_kw, sum(branch.rated_kw for branch in self.asset.branches))
            largest_kwh = EXCESS_MAX * largest_kw * (now_s - before_s) / 3600 + SLACK_KWH
            grown_kwh = registers.step(before_kwh, register_kwh, None, largest_kwh).grown
            self.energy_kwh += grown_kwh * self._share_sum / self._share_count
        self._register = now_s, register_kwh
        self._share_sum, self._share_count = 0.0, 0
