"""U95 of a sum covers the truth in 95 of 100 fleets.

Truth: fleets whose meters, transformers and transmitters have errors that are drawn here; the energies of each
motor are measured with them, and the error of the sum is the sum of these energies less the true ones. Nothing of this
is calculated with the formulas of the code under test, which gets the limits only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from random import Random

import numpy as np
import pytest

from agent.fleet.report.error_sum import Instrument, MotorErrors, SumUncertainty, uncertainty_of_sum
from agent.savings.accounting.saving_errors import SavingErrors

CLASS = 0.005  # limit of the meters
TRIALS = 6_000  # at 95 % the standard deviation of the found coverage is 0.28 %
NOTHING = {"model": 0.0, "scatter": 0.0, "interpolation": 0.0, "gaps": 0.0}


def motor(
    meter: Sequence[float] = (), origins: Sequence[Instrument] = (), drivers: dict[str, float] | None = None,
    quantities: dict[str, str] | None = None, freedom: float = math.inf, place: str = "gw-1", measured: bool = True,
    **normal: float,
) -> MotorErrors:  # fmt: skip
    limits = {"meter_gain": tuple(meter)} if meter else {}
    errors = SavingErrors({**NOTHING, **normal}, freedom, drivers or {}, limits)
    found = {"meter_gain": tuple(origins)} if meter else {}
    return MotorErrors(("site", place), errors, measured, quantities or {}, found, errors.half_width())


class Fleet:
    """Motors with true energies before and after (Wh), the type and laboratory of their meters, and their models.

    same_meter: one meter measures both periods. negative: share of motors that need more energy than before.
    drift, model: limit of the drift, and standard deviation of the error of a model, relative to the energy before.
    """

    def __init__(self, seed: int, n: int, types: int, laboratories: int, same_meter: bool, negative: float,
                 drift: float, model: float = 0.001) -> None:  # fmt: skip
        chance = np.random.default_rng(seed)
        self.before = chance.uniform(20e6, 120e6, n)
        self.after = self.before * np.where(chance.random(n) < negative, 1.15, chance.uniform(0.6, 0.95, n))
        self.type, self.laboratory = chance.integers(types, size=n), chance.integers(laboratories, size=n)
        self.model, self.same, self.drift = model * self.before, same_meter, drift * self.before

    def motors(self) -> list[MotorErrors]:
        found = []
        for k in range(len(self.before)):
            origin = Instrument(f"type {self.type[k]}", f"laboratory {self.laboratory[k]}")
            limits = ((self.before[k] - self.after[k]) * CLASS,) if self.same else (
                self.before[k] * CLASS, -self.after[k] * CLASS)  # fmt: skip
            found.append(motor(limits, [origin] * len(limits), {"flow": self.drift[k]}, {"flow": "m3/h"},
                               model=self.model[k]))  # fmt: skip
        return found

    def error_of_sum(self, chance: np.random.Generator) -> np.ndarray:
        """Of each trial: meters of a type have one error; a fifth of the class is the reference of the laboratory."""

        def of_meters() -> np.ndarray:
            types, laboratories = (chance.uniform(-1, 1, (TRIALS, n.max() + 1)) for n in (self.type, self.laboratory))
            return CLASS * (math.sqrt(1 - 0.04) * types[:, self.type] + 0.2 * laboratories[:, self.laboratory])

        before = of_meters()
        after = before if self.same else of_meters()
        drift = chance.uniform(-1, 1, (TRIALS, 1)) * self.drift  # every transmitter of flow wears in one direction
        models = chance.normal(0, 1, (TRIALS, len(self.before))) * self.model
        adjusted = self.before * (1 + before) + models + drift
        measured = self.after * (1 + after)
        return (adjusted - measured - (self.before - self.after)).sum(axis=1)


FLEETS = {
    "one type of meter": Fleet(1, 30, 1, 1, True, 0.0, 0.0),
    "three types, two laboratories": Fleet(2, 30, 3, 2, True, 0.0, 0.0),
    "large": Fleet(3, 60, 2, 1, True, 0.0, 0.0),
    "models dominate": Fleet(4, 4, 2, 2, True, 0.0, 0.0, model=0.02),
    "drift of all transmitters": Fleet(5, 60, 2, 1, True, 0.0, 0.003),
    "two motors": Fleet(6, 2, 1, 1, True, 0.0, 0.001),
}


@pytest.mark.parametrize("fleet", FLEETS.values(), ids=FLEETS)
def test_u95_covers_the_truth_in_93_to_97_of_100_fleets(fleet: Fleet) -> None:
    errors = np.abs(fleet.error_of_sum(np.random.default_rng(99)))
    found = uncertainty_of_sum(fleet.motors())
    assert 0.93 <= np.mean(errors <= found.u95_wh) <= 0.97
    assert found.independent_wh < found.u95_wh <= found.correlated_wh * 1.001


def test_as_if_independent_the_sum_would_be_too_certain() -> None:
    """The proof above can fail: without common errors U95 would contain the truth in half of the fleets only."""
    fleet = FLEETS["drift of all transmitters"]
    errors = np.abs(fleet.error_of_sum(np.random.default_rng(98)))
    assert np.mean(errors <= uncertainty_of_sum(fleet.motors()).independent_wh) < 0.5


@pytest.mark.parametrize(("same_meter", "negative"), [(True, 0.4), (False, 0.0), (False, 0.4)])
def test_what_is_not_known_to_cancel_is_not_taken_to_cancel(same_meter: bool, negative: float) -> None:
    """Savings of both signs, or another meter after the retrofit: coverage above 95 %, not below."""
    fleet = Fleet(7, 40, 2, 1, same_meter, negative, 0.0)
    errors = np.abs(fleet.error_of_sum(np.random.default_rng(97)))
    assert np.mean(errors <= uncertainty_of_sum(fleet.motors()).u95_wh) >= 0.94


def test_the_sum_of_one_motor_is_that_motor() -> None:
    one = motor((900.0, -700.0), [Instrument("a", "x"), Instrument("a", None)], {"flow": -400.0, "level": 90.0},
                {"flow": "m3/h"}, freedom=23.0, model=300.0, scatter=250.0, gaps=40.0)  # fmt: skip
    found = uncertainty_of_sum([one])
    assert found.u95_wh == pytest.approx(one.u95_wh, rel=1e-9)
    assert found.causes == pytest.approx(one.errors.causes)
    assert found.common_share == pytest.approx(0.0, abs=1e-12)


def test_more_motors_have_more_degrees_of_freedom() -> None:
    """Welch and Satterthwaite: two equal contributions of 5 degrees have 10; t is 2.228 (table of Student's t)."""
    pair = [motor(freedom=5.0, model=100.0), motor(freedom=5.0, scatter=100.0)]
    assert uncertainty_of_sum(pair).u95_wh == pytest.approx(2.228 * math.sqrt(2) * 100, rel=1e-3)


def of_types(limits: Sequence[float], types: Sequence[str | None]) -> SumUncertainty:
    """The sum of motors whose meters have these limits and types."""
    pairs = zip(limits, types, strict=True)
    return uncertainty_of_sum([motor((limit,), [Instrument(name, "x")]) for limit, name in pairs])


@pytest.mark.parametrize("seed", range(5))
def test_an_unknown_type_has_the_largest_variance_that_any_type_would_have(seed: int) -> None:
    chance = Random(seed)
    limits = [chance.choice((1, -1)) * chance.uniform(100, 2000) for _ in range(7)]
    types = [chance.choice(["a", "b", "c", None, None]) for _ in limits]
    found = uncertainty_of_sum(
        [motor((limit,), [Instrument(name, "x")]) for limit, name in zip(limits, types, strict=True)]
    )
    choices = product(*(["a", "b", "c"] if name is None else [name] for name in types))
    most = max(of_types(limits, named).causes["meter_gain"] for named in choices)
    assert found.causes["meter_gain"] == pytest.approx(most, rel=1e-9)


def test_data_that_fail_together_add_linearly_within_a_gateway() -> None:
    found = uncertainty_of_sum([motor(gaps=30.0), motor(gaps=10.0), motor(gaps=30.0, place="gw-2")])
    assert found.causes["gaps"] == pytest.approx(50.0)


def test_an_assumed_baseline_is_common_to_all_that_assume_it() -> None:
    found = uncertainty_of_sum([motor(model=30.0), motor(model=40.0), motor(model=60.0, measured=False),
                                motor(model=60.0, measured=False)])  # fmt: skip
    assert found.causes["model"] == pytest.approx(130.0)


def test_calibrated_drivers_are_independent() -> None:
    limits = {"flow": 100.0 * math.sqrt(3)}
    alone = uncertainty_of_sum([motor(drivers=limits), motor(drivers=limits)])
    common = uncertainty_of_sum([motor(drivers=limits, quantities={"flow": "m3/h"}) for _ in range(2)])
    assert (alone.causes["driver"], common.causes["driver"]) == pytest.approx((100 * math.sqrt(2), 200))


def test_nothing_has_no_uncertainty() -> None:
    assert uncertainty_of_sum([]).u95_wh == 0.0
