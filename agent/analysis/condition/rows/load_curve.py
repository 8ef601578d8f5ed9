"""Power at a speed of a pump or fan when it works as usual, learned in bins of speed.

The power is divided by the cube of the speed (affinity); what remains is the load: a share of rated power, at rated
speed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import INDEX, Sample

PROVISIONAL, FINAL = 6, 60  # blocks: a minute, ten minutes
SETTLE_S = 30.0
_SPEED_MIN = 0.3
_BIN = 0.1
# load when working: below, a pump may have run dry from the start, or a fan without its belt
_PLAUSIBLE_PUMP, _PLAUSIBLE_FAN, _PLAUSIBLE_MOST = 0.4, 0.2, 1.5
_LIKE = 0.15
_LIKE_AFFINITY = (0.7, 1.4)  # of another speed: static head makes a pump leave the cube law
_POWER_COLUMNS = ("p_out_kw", "torque_pct", "p_in_kw")
_KELVIN = 273.15


class Bin(Struct):
    """Usual operation around a speed.

    n: blocks so far. load, speed: means. scatter: of one row to the next, relative. density: of air at ambient
    temperature, relative to 20 °C; 1 without ambient temperature.
    """

    n: int
    load: float
    speed: float
    scatter: float
    density: float


class LoadCurve:
    """bins: by speed. column: where the power comes from, always the same. implausible: the first load, if it was."""

    def __init__(self, ratings: Ratings, state: Mapping[str, Any]) -> None:
        self._w = ratings.w
        self._plausible = (_PLAUSIBLE_FAN if ratings.is_fan else _PLAUSIBLE_PUMP), _PLAUSIBLE_MOST
        self.bins: dict[int, Bin] = {}
        self.column: str | None = None
        self.implausible: float | None = None
        self._restore(state.get("load"))

    def state(self) -> dict[str, Any]:
        bins = {
            str(k): {"n": one.n, "load": one.load, "speed": one.speed, "scatter": one.scatter, "density": one.density}
            for k, one in self.bins.items() if one.n >= PROVISIONAL
        }  # fmt: skip
        return {"load": {"column": self.column, "bins": bins}} if bins else {}

    def _restore(self, stored: Any) -> None:
        if not isinstance(stored, Mapping) or stored.get("column") not in _POWER_COLUMNS:
            return
        try:
            bins = {
                int(k): Bin(int(one["n"]), *(float(one[name]) for name in ("load", "speed", "scatter", "density")))
                for k, one in stored["bins"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            return
        if all(math.isfinite(one.load) and one.load > 0 and one.speed > 0 for one in bins.values()):
            self.bins, self.column = bins, stored["column"]

    def load(self, speed: float | None, values: list[float | None]) -> float | None:
        """Power over the cube of the speed, a share of rated; None if it is not known."""
        if speed is None or speed < _SPEED_MIN or not self._w or self.column is None:
            return None
        value = values[INDEX[self.column]]
        if value is None:
            return None
        if self.column == "torque_pct":
            return value / 100 / (speed * speed)
        return 1000 * value / self._w / speed**3

    def usual(self, speed: float) -> Bin | None:
        """Usual operation at the learned speed that is nearest."""
        ready = [one for one in self.bins.values() if one.n >= PROVISIONAL]
        return min(ready, key=lambda one: abs(one.speed - speed)) if ready else None

    def learn(self, block: Block, scatter: float) -> None:
        """A steady block of usual operation; the caller has checked that nothing is wrong."""
        if self.column is None:
            self.column = next((name for name in _POWER_COLUMNS if block.mean(name) is not None), None)
        load = self.load(block.speed, block.means)
        if load is None or block.speed is None:
            return
        k = round(block.speed / _BIN)
        one = self.bins.get(k)
        if one is None:
            one = self._new_bin(load, block.speed)
            if one is None:
                return
            self.bins[k] = one
        if one.n >= FINAL:
            return
        if one.n >= PROVISIONAL and abs(load / one.load - 1) > _LIKE:
            return
        one.n += 1
        one.load += (load - one.load) / one.n
        one.speed += (block.speed - one.speed) / one.n
        one.scatter += (scatter - one.scatter) / one.n
        one.density += (air_density(block.mean("ambient_degc")) - one.density) / one.n

    def _new_bin(self, load: float, speed: float) -> Bin | None:
        usual = self.usual(speed)
        low, high = self._plausible if usual is None else (usual.load * part for part in _LIKE_AFFINITY)
        if not low <= load <= high:
            self.implausible = load if usual is None else None
            return None
        return Bin(0, 0.0, 0.0, 0.0, 0.0)


def air_density(ambient_degc: float | None) -> float:
    """Relative to 20 °C at equal pressure."""
    return 1.0 if ambient_degc is None else (20 + _KELVIN) / (ambient_degc + _KELVIN)


def settled(sample: Sample) -> bool:
    """Whether speed and load belong together: not just started, speed steady, no dip."""
    return sample.drives is True and sample.speed_steady and not sample.dip
