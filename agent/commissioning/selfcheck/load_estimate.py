"""Load of the machine downstream of a device, from all values that its devices provide."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median_high

from agent.commissioning.selfcheck.decoding import Key
from agent.commissioning.selfcheck.rule import RatedValues

LOADED = 0.1  # design choice: the errors of the instruments are too large compared with less torque
# Largest no-load current as a share of rated current; design choice. Equivalent circuits of 7.5 to 315 kW have 0.46 to
# 0.32 with four poles, and more with more poles. docs/how-to/selfcheck.md states the effect of half and double the
# value.
IDLE_INDUCTION, IDLE_MAGNET = 0.6, 0.15


INDICATORS: tuple[tuple[tuple[str, ...], Callable[[RatedValues, float], float]], ...] = (
    # quantities that are added, and their sum at rated torque and a share of rated speed
    (("active_power",), lambda plate, speed: 1000 * plate.kw * speed),
    (("active_power_l1", "active_power_l2", "active_power_l3"), lambda plate, speed: 1000 * plate.kw * speed),
    (("motor_power",), lambda plate, speed: plate.kw * speed),
    (("motor_torque",), lambda plate, speed: 100),
    (("motor_torque_nm",), lambda plate, speed: plate.rated_nm),
)
CURRENTS = ("current_l1", "current_l2", "current_l3", "motor_current")


def load_of(
    devices: Sequence[str], plate: RatedValues, value: Callable[[Key], float | None], current_step_a: float
) -> float:  # fmt: skip
    """Load (torque) as a share of rated torque: the median of the indicators.

    devices: the device itself, then its partners.
    value: key → value; None without one.
    current_step_a: resolution of the current of the device.
    """

    def values(device: str, names: Iterable[str]) -> list[float]:
        return [found for name in names if (found := value((device, name))) is not None]

    hertz = [item for device in devices for item in values(device, ("output_frequency",))]
    speed = min(1.0, max(0.1, abs(hertz[0]) / plate.hertz if hertz else 1.0))
    loads: list[float] = []
    currents: list[float] = []  # as shares of rated current
    idle = IDLE_INDUCTION if plate.induction else IDLE_MAGNET
    for device in devices:
        for names, rated in INDICATORS:
            found = values(device, names)
            if len(found) == len(names):
                loads.append(abs(sum(found)) / rated(plate, speed))
        shares = [item / plate.amps for item in values(device, CURRENTS)]
        shares += [item / 100 for item in values(device, ("motor_current_percent",))]
        middle = [median_high(shares)] if shares else []
        currents += middle
        # A current that may be the no-load current does not indicate the load.
        loads += [load for item in middle if (load := (item - idle) / (1 - idle)) >= LOADED]
    if loads := [load for load in loads if not math.isnan(load)]:
        return median_high(loads)
    if currents := [share for share in currents if not math.isnan(share)]:
        return max(currents)
    floor = 20 * current_step_a + 0.05
    return float(any(item > floor for item in values(devices[0], CURRENTS[:3])))
