"""Faults of a device as functions of time: no response, exception responses, constant values, reboot, lost counters.

Faults of the bus are in simulators/bus, wiring faults in simulators/meters/wiring.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.reading import Value
from drivers.vocabulary import vocabulary
from simulators.reasons import FAULT_TIMES, SCENARIO_CHOICE, require

KINDS = ("silent", "refusing", "stuck", "blank", "reboot", "counter-reset")
REFUSALS = (1, 2, 3, 4, 5, 6, 10, 11)
AWAKE_S = 3.0  # after a reboot: the registers can be read, but nothing is measured yet


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """A fault between two times.

    kind: one of KINDS:
        `silent`: no response.
        `refusing`: exception response with `code`.
        `stuck`: all registers keep the values of the beginning.
        `blank`: nothing is measured; registers show the device's "not available" value.
        `reboot`: no response; then gauges are 0 for AWAKE_S, counters are kept.
        `counter-reset`: all counters restart from 0 at the beginning; the end has no effect.
    from_s: beginning, seconds since the start of the plant.
    to_s: end, seconds since the start of the plant.
    code: exception code of kind `refusing`.
    Raises InvalidValue if a field is invalid.
    """

    kind: str
    from_s: float
    to_s: float
    code: int = 6

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "kind", SCENARIO_CHOICE, allowed=KINDS, value=self.kind)
        require(self.code in REFUSALS, "code", SCENARIO_CHOICE, allowed=tuple(map(str, REFUSALS)), value=str(self.code))
        require(0 <= self.from_s < self.to_s, "to_h", FAULT_TIMES, from_s=self.from_s, to_s=self.to_s)

    def is_active(self, now_s: float) -> bool:
        return self.from_s <= now_s < self.to_s


class FaultyDevice:
    """The faults of one device. `update` advances time and sets `silent`, `refuses` and `values`.

    silent: True: the device does not respond.
    `refuses`: code of the exception response to every request. None: normal responses.
    values: the values in the registers.
    """

    def __init__(self, troubles: Iterable[DeviceFault] = ()) -> None:
        self._troubles = tuple(troubles)
        self._held: dict[DeviceFault, Mapping[str, Value]] = {}
        self.silent = False
        self.refuses: int | None = None
        self.values: Mapping[str, Value] = {}

    def update(self, now_s: float, measured: Mapping[str, Value]) -> None:
        """Update the state. Other threads may read: each of the three attributes is assigned once.

        now_s: seconds since the start of the plant.
        measured: values that the device shows without a fault.
        """
        shown, silent, refuses = dict(measured), False, None
        for trouble in self._troubles:
            if trouble.kind == "counter-reset" and now_s >= trouble.from_s:
                start = self._held.setdefault(trouble, dict(shown))
                shown |= {name: value - start[name] for name, value in shown.items() if _counts(name, value, start)}  # type: ignore[operator]
            elif trouble.kind == "reboot" and trouble.to_s <= now_s < trouble.to_s + AWAKE_S:
                shown |= {name: 0.0 for name, value in shown.items() if _gauge(name, value)}
            elif trouble.is_active(now_s):
                if trouble.kind in ("silent", "reboot"):
                    silent = True
                elif trouble.kind == "refusing":
                    refuses = trouble.code
                elif trouble.kind == "stuck":
                    shown = dict(self._held.setdefault(trouble, shown))
                elif trouble.kind == "blank":
                    shown = {name: value for name, value in shown.items() if not _gauge(name, value)}
        self.silent, self.refuses, self.values = silent, refuses, shown

    def state(self, now_s: float) -> dict[str, float]:
        """Return kind → 1 while the fault is active, else 0; for the truth log."""
        now = {trouble.kind for trouble in self._troubles if trouble.is_active(now_s)}
        return {trouble.kind: float(trouble.kind in now) for trouble in self._troubles}


def _gauge(name: str, value: Value) -> bool:
    return isinstance(value, int | float) and vocabulary()[name].kind == "gauge"


def _counts(name: str, value: Value, start: Mapping[str, Value]) -> bool:
    numbers = isinstance(value, int | float) and isinstance(start.get(name), int | float)
    return numbers and vocabulary()[name].kind == "counter"
