"""Identity, accuracy classes and rated current of the meter of an interval."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from agent.config.model import Meter, Motor

UNKNOWN = "?"


class MeterClasses(NamedTuple):
    """What the uncertainty of a meter depends on.

    meter, ct, vt: accuracy class of the meter, of its current and of its voltage transformers; "" without them.
    ct_a: rated primary current of the current transformers, A; None: unknown, or no transformers.
    va_per_a: apparent power per ampere of line current at nominal voltage, VA; None: unknown.
    """

    meter: str = ""
    ct: str = ""
    vt: str = ""
    ct_a: float | None = None
    va_per_a: float | None = None


def nominal_v(meter: Meter, motor: Motor | None) -> float | None:
    """Nominal line voltage at a meter, V: of its voltage transformers, else the rated voltage of the motor; None:
    unknown. A drive can feed a motor of a lower rated voltage than that of the mains: the current is then overestimated
    in this proportion.
    """
    if meter.vt:
        return meter.vt[0]
    return None if motor is None else motor.volts


def meter_classes(meter: Meter | None, motor: Motor | None = None) -> MeterClasses:
    """Classes of a meter at a motor; class 2 without a meter."""
    if meter is None:
        return MeterClasses("2")
    volts = nominal_v(meter, motor)
    phases = 1.0 if meter.wiring == "1P2W" else math.sqrt(3)
    return MeterClasses(
        meter.accuracy_class, meter.ct_class_applied or "", meter.vt_class_applied or "",
        meter.ct[0] if meter.ct else None, None if volts is None else phases * volts,
    )  # fmt: skip


def identity(meter: Meter, serial: object) -> str:
    """Name, serial number and transformer ratios of a meter in one text; "?" for an unknown number."""
    number = serial or meter.serial_number or UNKNOWN
    ratios = [f"{a:g}/{b:g}" for a, b in filter(None, (meter.ct, meter.vt))]
    return " ".join([meter.name, str(number), *ratios])


@lru_cache(maxsize=64)
def ct_primary_a(name: str) -> float | None:
    """Rated primary current of the current transformers in an identity, A; None when it has none."""
    parts = name.split(" | ")[0].split()
    try:
        return float(parts[2].split("/")[0])
    except (IndexError, ValueError):
        return None


@lru_cache(maxsize=256)
def same_meter(one: str, other: str) -> bool:
    """Whether two identities can be the same meter: all parts that both know are equal. With a serial number the name,
    which can be changed, is not compared.
    """
    if not one or not other:
        return True
    a, b = one.split(), other.split()
    if len(a) > 1 and len(b) > 1 and UNKNOWN not in (a[1], b[1]):
        a, b = a[1:], b[1:]
    return all(x == y or UNKNOWN in (x, y) for x, y in zip(a, b, strict=False))
