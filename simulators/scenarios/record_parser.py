"""Conversion of a scenario's TOML file to records. Errors of name or form are one line: key, problem, correction.

simulators/scenarios/checks.py checks whether the values are consistent.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from drivers.file_reasons import DID_YOU_MEAN, KEY_MISSING, KEY_UNKNOWN, TABLE_EXPECTED, nearest
from simulators import reasons as codes
from simulators.reasons import require, wrong
from simulators.scenarios.load_profiles import Conveyor, Flow, Hoist, Roller
from simulators.scenarios.records import LoadRecord, ScenarioRecord

T = TypeVar("T")

_NUMBERS_OF = {"shape": 3, "system": 2}
_MAY_BE_0 = {"idle_s", "rest_s", "empty_kg", "friction_nm", "inertia_kg_m2", "loaded_nm", "viscous_nm_s", "lift_nm"}
_EXPECTED = {
    str: codes.SCENARIO_TEXT, int: codes.SCENARIO_INTEGER, float: codes.SCENARIO_NUMBER, bool: codes.SCENARIO_BOOLEAN,
    date: codes.SCENARIO_DATE,
}  # fmt: skip
Law = Flow | Conveyor | Roller | Hoist
_LOADS: dict[str, type[Law]] = {"flow": Flow, "conveyor": Conveyor, "roller": Roller, "hoist": Hoist}


def scenario_record(raw: Any) -> ScenarioRecord:
    """Return the record of a parsed TOML file. Raises InvalidValue."""
    return _record(ScenarioRecord, raw, "")


def law(load: LoadRecord) -> Law:
    """Return the record of the load's kind. Raises InvalidValue."""
    keys = {key: tuple(value) if isinstance(value, list) else value for key, value in load.keys.items()}
    for key, value in keys.items():
        if key in _NUMBERS_OF:
            how_many = _NUMBERS_OF[key]
            numbers = isinstance(value, tuple) and all(isinstance(x, int | float) for x in value)
            shares = numbers and len(value) == how_many and abs(sum(value) - 1) <= 0.01
            require(shares, f"load.{key}", codes.SHARES_EXPECTED, n=how_many, value=repr(value))
        elif isinstance(value, int | float):
            allowed = value > 0 or (value == 0 and key in _MAY_BE_0)
            require(allowed, f"load.{key}", codes.VALUE_NOT_POSITIVE, value=value)
    return _record(_LOADS[load.kind], keys, "load")


def _record(cls: type[T], raw: Any, where: str) -> T:
    require(isinstance(raw, dict), where, TABLE_EXPECTED)
    names = {item.name: item for item in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = get_type_hints(cls)
    raw = dict(raw)
    if cls is LoadRecord:
        raw = _split_load(raw, where)
    for key in (key for key in raw if key not in names):
        near = nearest(key, names)
        require(not near, _at(where, key), DID_YOU_MEAN, problem=KEY_UNKNOWN(), near=near)
        raise wrong(_at(where, key), codes.SCENARIO_KEY_UNKNOWN, known=tuple(names))
    for name, item in names.items():
        optional = item.default is not dataclasses.MISSING or item.default_factory is not dataclasses.MISSING
        require(optional or name in raw, _at(where, name), KEY_MISSING)
    return cls(**{key: _value(hints[key], value, _at(where, key)) for key, value in raw.items()})


def _split_load(raw: dict[str, Any], where: str) -> dict[str, Any]:
    kind = raw.get("kind")
    require(kind in _LOADS, _at(where, "kind"), codes.SCENARIO_CHOICE, allowed=tuple(_LOADS), value=str(kind))
    own = {"kind", "profile", "wander", "wander_s", "hidden"}
    return {key: raw[key] for key in raw if key in own} | {"keys": {key: raw[key] for key in raw if key not in own}}


def _value(hint: Any, value: Any, where: str) -> Any:
    record: Any = next(filter(dataclasses.is_dataclass, (hint, *get_args(hint))), None)
    if get_origin(hint) is list and record is not None:
        require(isinstance(value, list), where, codes.SCENARIO_TABLES)
        return [_record(record, item, f"{where}.{_name(item, number)}") for number, item in enumerate(value)]
    if record is not None:
        return _record(record, value, where)
    if hint in _EXPECTED:
        fits = isinstance(value, int | float if hint is float else hint) and (type(value) is bool) == (hint is bool)
        require(fits, where, _EXPECTED[hint], value=repr(value))
    return float(value) if hint is float else value


def _name(item: Any, number: int) -> str:
    return str(item.get("name", number)) if isinstance(item, dict) else str(number)


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
