"""Identity and accuracy classes of the meter of an interval."""

from __future__ import annotations

from agent.config.model import Meter

UNKNOWN = "?"


def meter_classes(meter: Meter | None) -> tuple[str, str]:
    """Accuracy classes of a meter and of its current transformers (empty without them); class 2 without a meter."""
    if meter is None:
        return "2", ""
    return meter.accuracy_class, (meter.ct_class or "1") if meter.ct else ""


def identity(meter: Meter, serial: object) -> str:
    """Name, serial number and transformer ratios of a meter in one text; "?" for an unknown number."""
    number = serial or meter.serial_number or UNKNOWN
    ratios = [f"{a:g}/{b:g}" for a, b in filter(None, (meter.ct, meter.vt))]
    return " ".join([meter.name, str(number), *ratios])


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
