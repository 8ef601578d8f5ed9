"""Coverage of U95 over seeds. Long form: benchmarks/savings.py, whose figures are in docs/explanation/savings.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from support.independent_plants import WORLDS
from support.retrofit import FLOW, SHIFT, TEMPERATURE
from support.retrofit_cases import (
    CASES,
    Reported,
    by_shift,
    large_retrofit,
    motor_swap,
    needless_shift,
    needless_temperature,
    nothing_saved,
    nothing_saved_with_two_drivers,
    real_retrofit,
    single_intervals,
    swap_with_another_meter,
    two_drivers,
)

from agent.savings.reasons import METER_CHANGED
from benchmarks.savings import asked

SOME, FEW = 10, 8


def test_a_real_retrofit_of_8_percent_is_proven_and_covered() -> None:
    cases = [real_retrofit(seed) for seed in range(SOME)]
    assert all(item.saving.verdict == "proven" for item in cases)
    assert sum(item.covered for item in cases) >= SOME - 3  # if 5 % miss, 4 or more of 10 have a probability of 0.1 %
    assert np.mean([item.relative_u for item in cases]) <= 0.08
    assert 0.06 < np.mean([item.true_wh / item.true_adjusted_wh for item in cases]) < 0.10


def test_the_saving_of_a_single_interval_is_covered() -> None:
    """Of a normal distribution the errors have a root mean square of U95/2; the limits of the meters, of which the
    worst combination counts, increase U95 by a fifth. If correlation increased that of one interval, it were U95/4."""
    found = [pair for seed in range(4) for pair in single_intervals(seed)]
    ratios = np.array([error_wh / u95_wh for error_wh, u95_wh in found])
    assert len(ratios) > 300
    assert np.mean(np.abs(ratios) <= 1) >= 0.93
    assert 0.38 <= np.sqrt(np.mean(ratios**2)) <= 0.55


def test_where_nothing_is_saved_nothing_is_proven() -> None:
    cases = [nothing_saved(seed) for seed in range(SOME)]
    assert sum(item.saving.verdict in ("proven", "provisional") for item in cases) <= 2
    assert all(METER_CHANGED() in item.saving.caveats for item in cases)


def test_a_large_retrofit_is_reported_within_one_percent() -> None:
    cases = [large_retrofit(seed) for seed in range(100, 106)]
    for item in cases:
        assert item.saving.saved_wh == pytest.approx(item.true_wh, rel=0.02)
    errors = [item.saving.saved_wh / item.true_wh - 1 for item in cases]
    assert np.sqrt(np.mean(np.square(errors))) <= 0.01


def test_a_motor_replacement_is_proven_despite_real_phase_errors() -> None:
    cases = [motor_swap(seed) for seed in range(SOME)]
    assert sum(item.covered for item in cases) >= SOME - 3
    assert np.mean([item.relative_u for item in cases]) <= 0.20


def test_a_second_meter_increases_u_of_a_motor_replacement() -> None:
    """U95 is at least a quarter of the saving."""
    for seed in range(4):
        assert swap_with_another_meter(seed).relative_u >= 0.25


@pytest.mark.parametrize(("case", "second"), [(two_drivers, TEMPERATURE), (by_shift, SHIFT)])
def test_a_load_of_two_drivers_is_modelled_by_both(case: Callable[[int], Reported], second: str) -> None:
    cases = [case(seed) for seed in range(FEW)]
    assert all(set(item.baseline.drivers) == {FLOW, second} for item in cases)
    assert all(item.saving.verdict == "proven" for item in cases)
    assert sum(item.covered for item in cases) >= FEW - 2


@pytest.mark.parametrize("case", [needless_temperature, needless_shift])
def test_an_unnecessary_second_driver_is_not_selected(case: Callable[[int], Reported]) -> None:
    assert all(case(seed).baseline.drivers == (FLOW,) for seed in range(FEW))


def test_where_nothing_is_saved_two_drivers_prove_nothing() -> None:
    assert (
        sum(nothing_saved_with_two_drivers(seed).saving.verdict in ("proven", "provisional") for seed in range(SOME))
        <= 2
    )


@pytest.mark.soak
@pytest.mark.parametrize("name", CASES)
def test_u95_covers_in_93_to_97_of_100(name: str) -> None:
    """1000 seeds. The rate is 95 % also where a rectangular distribution dominates: U95 accounts for its shape."""
    cases = [CASES[name](seed) for seed in range(1000)]
    assert 0.93 <= np.mean([item.covered for item in cases]) <= 0.98


def test_the_command_accepts_seeds_and_cases() -> None:
    assert asked([])[1] == list(CASES)
    assert asked(["7", "by shift", "steady"]) == (7, ["by shift", "steady"])
    assert asked(["7", "worlds"]) == (7, list(WORLDS))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--help"], "by pumps"),
        (["1", "worlsd"], "did you mean 'worlds'?"),
        (["1", "real retrofitt"], "did you mean 'real retrofit'?"),
        (["0"], "at least 1"),
        (["many"], "invalid int value: 'many'"),
    ],
)
def test_the_command_lists_its_cases(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        asked(words)
    assert ended.value.code == (0 if words == ["--help"] else 2)
    assert text in "".join(capsys.readouterr())
