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
WARM_UP_S = 3.0  # after a reboot: the registers can be read, but nothing is measured yet


@dataclass(frozen=True, slots=True)
class DeviceFault:
    """A fault between two times.

    kind: one of KINDS:
        `silent`: no response.
        `refusing`: exception response with `code`.
        `stuck`: all registers keep the values of the beginning.
        `blank`: nothing is measured; registers show the device's "not available" value.
        `reboot`: no response; then gauges are 0 for WARM_UP_S, counters are kept.
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


class DeviceState:
    """State of one device with its faults. `update` advances time and sets `silent`, `exception_code` and `values`.

    silent: True: the device does not respond.
    exception_code: code of the exception response to every request. None: normal responses.
    values: the values in the registers.
    """

    def __init__(self, faults: Iterable[DeviceFault] = ()) -> None:
        self._faults = list(faults)
        self._start_values: dict[DeviceFault, Mapping[str, Value]] = {}
        self.silent = False
        self.exception_code: int | None = None
        self.values: Mapping[str, Value] = {}

    def add(self, fault: DeviceFault) -> None:
        self._faults.append(fault)

    def update(self, now_s: float, measured: Mapping[str, Value]) -> None:
        """Update the state. Other threads may read: each of the three attributes is assigned once.

        now_s: seconds since the start of the plant.
        measured: values that the device shows without a fault.
        """
        values, silent, code = dict(measured), False, None
        for fault in self._faults:
            if fault.kind == "counter-reset" and now_s >= fault.from_s:
                start = self._start_values.setdefault(fault, dict(values))
                values |= _counted_since(values, start)
            elif fault.kind == "reboot" and fault.to_s <= now_s < fault.to_s + WARM_UP_S:
                values |= {name: 0.0 for name, value in values.items() if _is_gauge(name, value)}
            elif fault.is_active(now_s):
                if fault.kind in ("silent", "reboot"):
                    silent = True
                elif fault.kind == "refusing":
                    code = fault.code
                elif fault.kind == "stuck":
                    values = dict(self._start_values.setdefault(fault, values))
                elif fault.kind == "blank":
                    values = {name: value for name, value in values.items() if not _is_gauge(name, value)}
        self.silent, self.exception_code, self.values = silent, code, values

    @property
    def is_faulty(self) -> bool:
        """It has a fault at any time."""
        return bool(self._faults)

    def active(self, now_s: float) -> dict[str, float]:
        """Return kind → 1 while the fault is active, else 0; for the truth log."""
        now = {fault.kind for fault in self._faults if fault.is_active(now_s)}
        return {fault.kind: float(fault.kind in now) for fault in self._faults}


def _is_gauge(name: str, value: Value) -> bool:
    return isinstance(value, int | float) and vocabulary()[name].kind == "gauge"


def _counted_since(values: Mapping[str, Value], start: Mapping[str, Value]) -> dict[str, Value]:
    """Return the increase of each counter."""
    return {
        name: value - first
        for name, value in values.items()
        if isinstance(value, int | float)
        and isinstance(first := start.get(name), int | float)
        and vocabulary()[name].kind == "counter"
    }
