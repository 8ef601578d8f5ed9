"""A scenario's file: TOML to records. What has a wrong name or form is one line: place, key, what to do.

Whether it makes sense is asked by simulators/scenarios/checks.py.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar, get_type_hints

from simulators.scenarios.loads import Conveyor, Flow, Hoist, Roller

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineRecord:
    """serial: "19200 8N1"; empty: Modbus TCP on `port`, 0: any free one."""

    name: str
    serial: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class MotorRecord:
    """Either of the library, or a magnet motor's nameplate."""

    library: str = ""
    kw: float = 0.0
    rpm: float = 0.0
    poles: int = 0
    volts: float = 400.0
    efficiency: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A meter, or a drive. name: of a meter of several trains; one train's own devices are named after it.

    ct: primary A. line: several take turns with the copies of a train. active_front, kw, restart_s: of a drive; after
    that time it starts again by itself when the supply had dipped too deep for it. serial, certificate: of a meter, as
    the configuration states them.
    """

    unit: int
    profile: str
    line: str | list[str]
    name: str = ""
    ct: int = 0
    of: list[str] = field(default_factory=list)
    wiring_fault: str = ""
    accuracy: float = 0.5
    divide: str = "drive-power"
    active_front: bool = False
    kw: float = 0.0
    at: str = ""
    refresh_s: float = 0.2
    restart_s: float = 10.0
    serial: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """kind: flow, conveyor, roller or hoist, and that one's own keys; profile: (hours, share of full flow).

    wander: of the share, with its time constant wander_s; share and wander together stay softly between 0.3 and 1.15,
    so that a profile's 0.1 becomes 0.34, and its 1.0 0.97. Without wander a share is what stands there. hidden: of the
    shaft's power, relative; no signal tells it.
    """

    kind: str
    profile: list[list[float]] = field(default_factory=list)
    wander: float = 0.0
    wander_s: float = 400.0
    hidden: float = 0.0
    keys: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DefectRecord:
    """share grows from 0 to `to` between the two hours, evenly."""

    kind: str
    from_h: float
    to_h: float
    to: float = 1.0

    def share(self, now_s: float) -> float:
        into = (now_s / 3600 - self.from_h) / max(self.to_h - self.from_h, 1e-9)
        return self.to * min(max(into, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class TroubleRecord:
    """What happens to a device (simulators/devices/troubles.py)."""

    device: str
    kind: str
    from_h: float
    to_h: float
    code: int = 6


@dataclass(frozen=True, slots=True)
class DipRecord:
    """The supply falls to `residual` of its voltage; kind as of simulators.plant.faults.Dip, "A": all phases alike."""

    at_h: float
    duration_s: float
    residual: float
    kind: str = "A"


@dataclass(frozen=True, slots=True)
class CableRecord:
    """Of copper, between the meter and the rest."""

    length_m: float
    mm2: float


@dataclass(frozen=True, slots=True)
class AuxiliaryRecord:
    """A fan, a heater: kw at 400 V. with_motor: only while the motor runs."""

    kw: float
    with_motor: bool = False
    power_factor: float = 0.85


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """A transmitter of a train's flow. full: what it shows at full flow. accuracy: within so many percent, always by
    the same."""

    name: str
    of: str
    unit: int
    line: str
    full: float
    unit_of_measure: str = "m3/h"
    accuracy: float = 0.5


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """For what people read. tariff: the agent's tables of prices, as they stand."""

    timezone: str = "UTC"
    currency: str = ""
    grid_factor: str = ""
    tariff: str = ""


@dataclass(frozen=True, slots=True)
class LifeRecord:
    """Of the one train, which `replaces` a motor on the line: that one runs from `start` to `retrofit`, nothing for
    stands_h, then the new one to `end`, where production is that share of before. reporting: since when savings are
    told. Dates are midnights of the site's zone; start and end may be times."""

    start: date
    retrofit: date
    reporting: date
    end: date
    stands_h: float = 0.0
    production: float = 1.0


@dataclass(frozen=True, slots=True)
class TrainRecord:
    """count: that many, numbered; offset_s: of the load's time from each to the next. waveform: it is sampled."""

    name: str
    kind: str
    motor: MotorRecord
    load: LoadRecord
    title: str = ""
    count: int = 1
    offset_s: float = 0.0
    meter: DeviceRecord | None = None
    drive: DeviceRecord | None = None
    defect: DefectRecord | None = None
    replaces: str = ""  # of the library: what stood there before
    waveform: bool = False
    cable: CableRecord | None = None
    auxiliary: list[AuxiliaryRecord] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ScenarioRecord:
    name: str
    about: str
    step_s: float
    every_s: float
    hours: float  # how long it takes to show what it shows
    line: list[LineRecord]
    train: list[TrainRecord]
    meter: list[DeviceRecord] = field(default_factory=list)
    rectifier_kw: float = 0.0  # of the trains on a DC bus
    trouble: list[TroubleRecord] = field(default_factory=list)
    dip: list[DipRecord] = field(default_factory=list)
    signal: list[SignalRecord] = field(default_factory=list)
    site: SiteRecord = SiteRecord()
    life: LifeRecord | None = None


_NUMBERS_OF = {"shape": 3, "system": 2}
_MAY_BE_0 = {"idle_s", "rest_s", "empty_kg", "friction_nm", "inertia_kg_m2", "loaded_nm", "viscous_nm_s", "lift_nm"}
Law = Flow | Conveyor | Roller | Hoist
_LOADS: dict[str, type[Law]] = {"flow": Flow, "conveyor": Conveyor, "roller": Roller, "hoist": Hoist}


def scenario_record(raw: Any) -> ScenarioRecord:
    """From what tomllib read. Raises ValueError."""
    return _record(ScenarioRecord, raw, "")


def law(load: LoadRecord) -> Law:
    """The load's own record. Raises ValueError."""
    keys = {key: tuple(value) if isinstance(value, list) else value for key, value in load.keys.items()}
    for key, value in keys.items():
        if key in _NUMBERS_OF:
            how_many = _NUMBERS_OF[key]
            numbers = isinstance(value, tuple) and all(isinstance(x, int | float) for x in value)
            if not numbers or len(value) != how_many or abs(sum(value) - 1) > 0.01:
                raise ValueError(f"load.{key}: must be {how_many} numbers that are 1 in sum, got {value!r}")
        elif isinstance(value, int | float) and not (value > 0 or (value == 0 and key in _MAY_BE_0)):
            raise ValueError(f"load.{key}: must be positive, got {value:g}")
    return _record(_LOADS[load.kind], keys, "load")


def _record(cls: type[T], raw: Any, where: str) -> T:
    if not isinstance(raw, dict):
        raise ValueError(f"{where}: must be a table")
    names = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    raw = dict(raw)
    if cls is LoadRecord:
        raw = _split_load(raw, where)
    for key in raw:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1, 0.5)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
            raise ValueError(f"{_at(where, key)}: unknown key; {hint}")
    for name, item in names.items():
        needed = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if needed and name not in raw:
            raise ValueError(f"{_at(where, name)}: is missing")
    return cls(**{key: _value(hints[key], value, _at(where, key)) for key, value in raw.items()})


def _split_load(raw: dict[str, Any], where: str) -> dict[str, Any]:
    kind = raw.get("kind")
    if kind not in _LOADS:
        raise ValueError(f"{_at(where, 'kind')}: must be one of {', '.join(_LOADS)}, got {kind!r}")
    own = {"kind", "profile", "wander", "wander_s", "hidden"}
    return {key: raw[key] for key in raw if key in own} | {"keys": {key: raw[key] for key in raw if key not in own}}


def _value(hint: Any, value: Any, where: str) -> Any:
    record = {LineRecord, TrainRecord, DeviceRecord, TroubleRecord, DipRecord, AuxiliaryRecord, SignalRecord}
    alone = (MotorRecord, LoadRecord, DeviceRecord, DefectRecord, CableRecord, SiteRecord, LifeRecord)
    inner = next((cls for cls in alone if hint in (cls, cls | None)), None)
    if inner is not None:
        return _record(inner, value, where)
    for cls in record:
        if hint == list[cls]:  # type: ignore[valid-type]
            if not isinstance(value, list):
                raise ValueError(f"{where}: must be a list of tables")
            return [_record(cls, item, f"{where}.{_name(item, number)}") for number, item in enumerate(value)]
    allowed: dict[Any, tuple[type, ...]] = {
        str: (str,), int: (int,), float: (int, float), bool: (bool,), date: (date,)
    }  # fmt: skip
    if hint in allowed and (not isinstance(value, allowed[hint]) or (isinstance(value, bool) and hint is not bool)):
        words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false",
                 date: "a date such as 2026-09-30"}  # fmt: skip
        raise ValueError(f"{where}: must be {words[hint]}, got {value!r}")
    return float(value) if hint is float else value


def _name(item: Any, number: int) -> str:
    return str(item.get("name", number)) if isinstance(item, dict) else str(number)


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
