"""One Modbus slave: a profile, a unit number, and a source of values that is asked at each read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from drivers.profiles import Profile, Register
from drivers.reading import Value
from simulators.devices import render

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3


class Refused(Exception):
    """The device answers with a Modbus exception."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class SimulatedDevice:
    """Answers function 3 and 4 only, at most as many registers as the profile allows.

    Where the profile allows reads across gaps, registers between mapped ones read 0; elsewhere they are refused.
    extra: (function, address) → words that stand outside the profile, such as a serial number.
    """

    def __init__(
        self,
        unit: int,
        profile: Profile,
        values: Callable[[], Mapping[str, Value]],
        *,
        rating_kw: float | None = None,
        extra: Mapping[tuple[int, int], Sequence[int]] | None = None,
    ) -> None:
        self.unit, self.profile = unit, profile
        self._values, self._rating_kw = values, rating_kw
        self._rows = {function: _sorted(profile, function) for function in (3, 4)}
        self._starts = {function: [row.address for row in rows] for function, rows in self._rows.items()}
        self._extra = {
            (function, address + k): word
            for (function, address), words in (extra or {}).items()
            for k, word in enumerate(words)
        }
        self.areas = {function: self._area(function) for function in (3, 4)}

    def read(self, function: int, address: int, count: int) -> list[int]:
        """The words of one request, all of one instant. Raises Refused."""
        if function not in self._rows:
            raise Refused(ILLEGAL_FUNCTION)
        if not 1 <= count <= self.profile.max_registers:
            raise Refused(ILLEGAL_VALUE)
        if any(k not in self.areas[function] for k in range(address, address + count)):
            raise Refused(ILLEGAL_ADDRESS)
        out = [self._extra.get((function, address + k), 0) for k in range(count)]
        values = self._values()
        first = bisect_left(self._starts[function], address - 125)
        for row in self._rows[function][first:]:
            if row.address >= address + count:
                break
            for k, word in enumerate(render.words(row, values, self._rating_kw), row.address - address):
                if 0 <= k < count:
                    out[k] = word
        return out

    def _area(self, function: int) -> frozenset[int]:
        """Every address that answers."""
        rows = self._rows[function]
        mapped = {row.address + k for row in rows for k in range(row.words)}
        if self.profile.gaps_allowed and mapped:
            mapped = set(range(min(mapped), max(mapped) + 1))
        return frozenset(mapped | {address for (where, address) in self._extra if where == function})


def _sorted(profile: Profile, function: int) -> list[Register]:
    return sorted((row for row in profile.registers if row.function == function), key=lambda row: row.address)
