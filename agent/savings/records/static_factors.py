"""Static factors: what the plant states about conditions that the model of a baseline takes as unchanged."""

from __future__ import annotations

from collections.abc import Iterable

from agent.config.keys import STATIC_FACTORS
from agent.config.model import Motor
from agent.savings.reasons import (
    LOAD_HAS_DRIVER,
    LOAD_NOT_CONSTANT,
    STATIC_FACTOR,
    STATIC_FACTOR_FORM,
    STATIC_FACTOR_NOT_FROZEN,
    STATIC_FACTOR_TWICE,
)
from agent.savings.records.model import Baseline, StaticFactor
from drivers.reasons import InvalidValue, Reason

CV_CONSTANT_MAX = 0.10  # of the energy of a baseline whose load may be stated as constant


def parsed(text: str) -> tuple[str, str]:
    """Key and statement of KEY=TEXT. Raises InvalidValue."""
    kind, _, statement = (part.strip() for part in text.partition("="))
    if kind not in STATIC_FACTORS or not statement:
        raise InvalidValue(STATIC_FACTOR_FORM, text=text, known=tuple(STATIC_FACTORS))
    return kind, STATIC_FACTORS[kind].convert(statement)


def merged(stated: Iterable[tuple[str, str]], by: str, now_ms: int) -> tuple[StaticFactor, ...]:
    """The factors, each once, in the order of the keys of the configuration.

    stated: kind and statement, from the configuration and from the command.
    Raises InvalidValue if one kind has two statements.
    """
    found: dict[str, str] = {}
    for kind, statement in stated:
        if (first := found.setdefault(kind, statement)) != statement:
            raise InvalidValue(STATIC_FACTOR_TWICE, kind=kind, first=first, second=statement)
    return tuple(StaticFactor(kind, found[kind], by, now_ms) for kind in STATIC_FACTORS if kind in found)


def check_load(baseline: Baseline) -> None:
    """Raises InvalidValue if the load is stated as constant and the baseline shows that it is not.

    The residuals of a model without a driver are the deviations from the mean: its CV(RMSE) is the CV of the energy.
    """
    if not any(factor.kind == "load" for factor in baseline.static_factors):
        return
    if baseline.drivers:
        raise InvalidValue(LOAD_HAS_DRIVER, drivers=baseline.drivers)
    if baseline.cv_rmse > CV_CONSTANT_MAX:
        raise InvalidValue(LOAD_NOT_CONSTANT, cv=baseline.cv_rmse, most=CV_CONSTANT_MAX)


def described(factor: StaticFactor) -> Reason:
    """A factor as one line: what is stated, by whom and when."""
    return STATIC_FACTOR(kind=factor.kind, statement=factor.statement, by=factor.by, stated_ms=factor.stated_ms)


def not_frozen(motor: Motor, baseline: Baseline) -> list[Reason]:
    """The factors of the configuration that are not part of the frozen baseline, and therefore have no effect."""
    frozen = {(factor.kind, factor.statement) for factor in baseline.static_factors}
    return [
        STATIC_FACTOR_NOT_FROZEN(kind=kind, statement=statement, asset=motor.name)
        for kind, statement in motor.static_factors
        if (kind, statement) not in frozen
    ]
