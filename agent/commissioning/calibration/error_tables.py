"""Measurement errors of a digital calibration certificate, with their uncertainty, as limits of a device.

Quantities are in D-SI (PTB's XML of quantities), in its earlier (`expandedUnc`) and later versions (`expandedMU`), as a
single value or as a list of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar
from xml.etree.ElementTree import Element

from msgspec import Struct

from agent.commissioning.calibration import reasons as codes
from drivers.reasons import InvalidValue, Reason

DCC, SI = "{https://ptb.de/dcc}", "{https://ptb.de/si}"
ERROR_TYPE = "basic_measurementError"  # reference type of PTB; suffixes refine it
RELATIVE, ANGLE = "relative", "angle"
UNITS = {  # unit of D-SI → kind, factor to a share of 1 or to radians
    r"\one": (RELATIVE, 1.0), r"\percent": (RELATIVE, 1e-2), r"\ppm": (RELATIVE, 1e-6),
    r"\radian": (ANGLE, 1.0), r"\milli\radian": (ANGLE, 1e-3), r"\centi\radian": (ANGLE, 1e-2),
    r"\micro\radian": (ANGLE, 1e-6), r"\degree": (ANGLE, math.pi / 180), r"\arcminute": (ANGLE, math.pi / 10_800),
    r"\arcsecond": (ANGLE, math.pi / 648_000),
}  # fmt: skip
_LIST = "XMLList"
T = TypeVar("T")


class ErrorPoint(Struct, frozen=True):
    """An error at one load point.

    kind: relative | angle.
    error, u95: a share of 1, or radians; u95 is expanded with a coverage factor of at least 2.
    """

    kind: str
    error: float
    u95: float


class ResultErrors(Struct, frozen=True):
    """The errors of one result.

    number: of the result in the certificate, counted from 1. name: its title.
    points: at the load points; empty if they cannot be used.
    unusable: why; None: they can.
    """

    number: int
    name: str
    points: tuple[ErrorPoint, ...] = ()
    unusable: Reason | None = None

    def limit(self, kind: str) -> float | None:
        """Largest error with its uncertainty, a share of 1 or radians; None without errors of this kind."""
        return max((abs(point.error) + point.u95 for point in self.points if point.kind == kind), default=None)


def errors_of(results: Iterable[tuple[str, Element]]) -> Iterator[ResultErrors]:
    """The results that have measurement errors. results: title and element of each."""
    for number, (name, result) in enumerate(results, 1):
        data = result.find(f"{DCC}data")
        quantities = [] if data is None else [item for item in _quantities(data) if _is_error(item)]
        if not quantities:
            continue
        try:
            points = tuple(point for quantity in quantities for point in _points(quantity))
            yield ResultErrors(number, name, points)
        except InvalidValue as error:
            yield ResultErrors(number, name, unusable=error.reason)


def _quantities(data: Element) -> Iterator[Element]:
    """Quantities of the data and of its lists, not those of limits and conditions within a quantity."""
    for child in data:
        if child.tag == f"{DCC}quantity":
            yield child
        elif child.tag == f"{DCC}list":
            yield from _quantities(child)


def _is_error(quantity: Element) -> bool:
    return any(name.startswith(ERROR_TYPE) for name in quantity.get("refType", "").split())


def _points(quantity: Element) -> list[ErrorPoint]:
    """The points of a quantity; of a hybrid, which states the same in several units, in the first known one."""
    hybrid = quantity.find(f"{SI}hybrid")
    forms = [item for item in (quantity if hybrid is None else hybrid) if item.tag.startswith(SI)]
    values = [item for item in forms if item.tag in (f"{SI}real", f"{SI}realListXMLList")]
    if not values:
        raise InvalidValue(codes.FORM_UNKNOWN, form=", ".join(item.tag.removeprefix(SI) for item in forms) or "–")
    known = (item for item in values if all(unit in UNITS for unit in _words(item, "unit")))
    chosen = next(known, values[0])
    errors, units = _numbers(_words(chosen, "value")), _words(chosen, "unit")
    for unit in units:
        if unit not in UNITS:
            raise InvalidValue(codes.UNIT_UNKNOWN, unit=unit)
    spreads = _expanded(chosen)
    return [
        ErrorPoint(UNITS[unit][0], error * UNITS[unit][1], spread * UNITS[unit][1])
        for error, unit, spread in zip(
            errors, _one_each(units, len(errors)), _one_each(spreads, len(errors)), strict=True
        )
    ]


def _expanded(value: Element) -> list[float]:
    """Uncertainty in the unit of the value, at a coverage factor of at least 2. Raises InvalidValue without one."""
    univariate = "measurementUncertaintyUnivariate"
    if standard := _numbers(_words(value, univariate, "standardMU", "valueStandardMU")):
        expanded, factors = standard, [1.0]
    else:
        earlier, later = ("expandedUnc",), (univariate, "expandedMU")
        expanded = _numbers(_words(value, *earlier, "uncertainty") or _words(value, *later, "valueExpandedMU"))
        factors = _numbers(_words(value, *earlier, "coverageFactor") or _words(value, *later, "coverageFactor"))
    if not expanded or not factors:
        raise InvalidValue(codes.UNCERTAINTY_MISSING)
    if min(*expanded, 0.0) < 0 or min(factors) < 1:
        raise InvalidValue(codes.NUMBERS_INVALID)
    return [u * max(1.0, 2 / k) for u, k in zip(expanded, _one_each(factors, len(expanded)), strict=True)]


def _words(parent: Element, *names: str) -> list[str]:
    """The words of an element below others, each with or without the ending of lists; empty without it."""
    found: Element | None = parent
    for name in names:
        if found is None:
            return []
        single = found.find(f"{SI}{name}")
        found = found.find(f"{SI}{name}{_LIST}") if single is None else single
    return [] if found is None else (found.text or "").split()


def _numbers(words: Iterable[str]) -> list[float]:
    try:
        found = [float(word) for word in words]
    except ValueError:
        raise InvalidValue(codes.NUMBERS_INVALID) from None
    if not all(map(math.isfinite, found)):
        raise InvalidValue(codes.NUMBERS_INVALID)
    return found


def _one_each(values: list[T], n: int) -> list[T]:
    """A list with one value holds for all."""
    if len(values) == 1:
        return values * n
    if len(values) != n:
        raise InvalidValue(codes.NUMBERS_INVALID)
    return values
