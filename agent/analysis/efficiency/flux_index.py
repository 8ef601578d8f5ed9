"""Slow check of the magnet flux of a permanent-magnet motor on a drive: an index with U, without alarms."""

from __future__ import annotations

import math
import statistics
from collections import deque

from agent.analysis.efficiency.estimates import Estimates
from agent.analysis.efficiency.nameplate import Nameplate
from agent.core.usable_number import usable_number
from drivers.reading import Reading
from dsp.efficiency import Estimate
from dsp.efficiency_flux import FluxIndex, flux_index

AGE_S = 600.0  # age at which the index becomes unknown
STEADY = 0.01  # largest change of a steady frequency; of the current three times that
COUNT_MIN, COUNT_MAX = 10, 120  # readings in the median: flux does not change from one second to the next
METHOD = "flux-V-I"


class FluxMonitor:
    """Flux index of one motor. age_max_s: without a reading of the drive for longer the index is None."""

    def __init__(self, nameplate: Nameplate, age_max_s: float) -> None:
        self._plate, self._age_max_s = nameplate.flux, age_max_s
        self._reading_s = -math.inf
        self._found: deque[FluxIndex] = deque(maxlen=COUNT_MAX)
        self._recent_values: dict[str, tuple[float, float]] = {}  # name → (time, value)
        self._found_s = 0.0
        self._steady_since_s = math.inf  # start of the steady speed and load
        self._before = (0.0, 0.0)

    def on_reading(self, reading: Reading) -> None:
        """Adds a reading of the drive.

        Voltage and temperature may be read less often than current and power: their last values are used, that of the
        voltage only from the same speed and load.
        """
        if self._plate is None:
            return
        for name in ("output_voltage", "motor_temperature"):
            if (value := usable_number(reading, name)) is not None:
                self._recent_values[name] = reading.middle_s, value
        current, power_kw, hz = (
            usable_number(reading, name) for name in ("motor_current", "motor_power", "output_frequency")
        )
        if current is None or power_kw is None or hz is None:
            return
        self._reading_s = reading.middle_s
        before, self._before = self._before, (hz, current)
        steady = abs(hz - before[0]) < STEADY * abs(hz) and abs(current - before[1]) < 3 * STEADY * current
        self._steady_since_s = min(self._steady_since_s, reading.middle_s) if steady else math.inf
        volts = self._since("output_voltage", self._steady_since_s)
        degc = self._since("motor_temperature", reading.middle_s - AGE_S)
        if volts is None or current < 0.1 * self._plate.rated_a:
            return  # while speed or load change, the registers belong to different moments
        found = flux_index(self._plate, volts, current, 1000 * power_kw, abs(hz), degc)
        if found is not None:
            self._found.append(found)
            self._found_s = reading.middle_s

    def _since(self, name: str, from_s: float) -> float | None:
        at_s, value = self._recent_values.get(name, (-math.inf, None))
        return value if at_s >= from_s else None

    def put(self, result: Estimates, now_s: float) -> None:
        if self._plate is None:
            return
        if now_s - self._found_s > AGE_S:
            self._found.clear()
        if len(self._found) < COUNT_MIN or now_s - self._reading_s > self._age_max_s:
            result.values["flux_index_pct"] = None
            return
        value = statistics.median(item.value for item in self._found)
        u = statistics.median(item.u for item in self._found)
        result.put("flux_index_pct", Estimate(value, u, METHOD), 100)
