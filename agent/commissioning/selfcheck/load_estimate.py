"""Load of the machine downstream of a device, from all values that its devices provide."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from agent.commissioning.selfcheck.decoding import Key
from agent.commissioning.selfcheck.rule import RatedValues

LOADED = 0.1  # design choice: the errors of the instruments are too large compared with less torque
# Largest no-load current as a share of rated current; design choice. Equivalent circuits of 7.5 to 315 kW have 0.46 to
# 0.32 with four poles, and more with more poles. docs/selfcheck.md states the effect of half and double the value.
IDLE_INDUCTION, IDLE_MAGNET = 0.6, 0.15


def load_of(
    devices: Sequence[str], plate: RatedValues, value: Callable[[Key], float | None], current_step_a: float
) -> float:  # fmt: skip
    """Load (torque) as a share of rated torque: the median of the indicators.

    devices: the device itself, then its partners.
    value: key → value; None without one.
    current_step_a: resolution of the current of the device.
    """
    signs: list[float] = []
    currents: list[float] = []
    hertz = [value((other, "output_frequency")) for other in devices]
    speed = min(1.0, max(0.1, next((abs(item) / plate.hertz for item in hertz if item is not None), 1.0)))
    for other in devices:
        if (power := value((other, "active_power"))) is not None:
            signs.append(abs(power) / 1000 / plate.kw / speed)
        phases = [value((other, f"active_power_l{k}")) for k in (1, 2, 3)]
        if None not in phases:
            signs.append(abs(sum(power for power in phases if power is not None)) / 1000 / plate.kw / speed)
        if (power := value((other, "motor_power"))) is not None:
            signs.append(abs(power) / plate.kw / speed)
        if (torque := value((other, "motor_torque"))) is not None:
            signs.append(abs(torque) / 100)
        if (torque := value((other, "motor_torque_nm"))) is not None:
            signs.append(abs(torque) / plate.rated_nm)
        names = ("current_l1", "current_l2", "current_l3", "motor_current")
        shares = [item / plate.amps for name in names if (item := value((other, name))) is not None]
        if (percent := value((other, "motor_current_percent"))) is not None:
            shares.append(percent / 100)
        idle = IDLE_INDUCTION if plate.induction else IDLE_MAGNET
        # A current that may be the no-load current does not indicate the load.
        middle = sorted(shares)[len(shares) // 2 :][:1]
        currents += middle
        signs += [sign for item in middle if (sign := (item - idle) / (1 - idle)) >= LOADED]
    signs = sorted(sign for sign in signs if not math.isnan(sign))
    if signs:
        return signs[len(signs) // 2]
    known = [share for share in currents if not math.isnan(share)]
    if known:
        return max(known)
    amps = [value((devices[0], f"current_l{k}")) for k in (1, 2, 3)]
    floor = 20 * current_step_a + 0.05
    return 1.0 if any(item is not None and item > floor for item in amps) else 0.0
