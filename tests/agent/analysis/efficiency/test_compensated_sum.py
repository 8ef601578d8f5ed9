"""A sliding sum equals the sum of its window to the last bit, after any number of steps."""

from __future__ import annotations

import math
import random
from collections import deque

import pytest

from agent.analysis.efficiency.compensated_sum import CompensatedSums
from agent.analysis.efficiency.energy_window import EnergyCell, EnergyWindow
from agent.analysis.efficiency.time_series import TimeSeries


@pytest.mark.parametrize("steps", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
def test_a_running_sum_is_the_sum_of_the_window(steps: int) -> None:
    """Against math.fsum over the window: numbers of all sizes and signs, windows that empty and fill."""
    chance, sums, held = random.Random(7), CompensatedSums(3), deque[tuple[float, ...]]()
    for step in range(steps):
        row = tuple(chance.choice((-1, 1)) * 10 ** chance.uniform(-30, 30) * chance.random() for _ in range(3))
        sums.add(row)
        held.append(row)
        for _ in range(chance.choice((0, 0, 1, 1, 2, 2)) if held else 0):
            if held:
                sums.remove(held.popleft())
        if len(held) > 200:
            sums.remove(held.popleft())
        if step % (steps // 2000) == 0:
            assert sums.values() == [math.fsum(column) for column in zip(*held, strict=True)] or not held
    while held:
        sums.remove(held.popleft())
    assert sums.values() == [0.0, 0.0, 0.0], "nothing is left of a million numbers"


def test_the_smallest_and_the_largest_float_are_added_exactly() -> None:
    sums = CompensatedSums(2)
    sums.add((5e-324, 1.7976931348623157e308))
    sums.add((1.0, -1.7976931348623157e308))
    sums.remove((1.0, 0.0))
    assert sums.values() == [5e-324, 0.0]


def test_a_nan_that_was_removed_leaves_no_trace() -> None:
    sums = CompensatedSums(1)
    sums.add((2.0,))
    sums.add((math.nan,))
    assert math.isnan(sums.values()[0])
    sums.remove((math.nan,))
    assert sums.values() == [2.0]


@pytest.mark.parametrize("seed", range(2))
def test_the_window_of_a_quarter_of_an_hour_is_the_sum_of_its_cells(seed: int) -> None:
    """A load that cycles for an hour, with steady periods without a query, and a pause: compared with the plain sum."""
    chance, window = random.Random(seed), EnergyWindow(1.0, 1.0, 100.0)
    powers, losses = TimeSeries(15.0), TimeSeries(15.0)
    cells: list[EnergyCell] = []
    asked, power_w = 0, 40e3
    for second in range(3600):
        steady = second % 1000 > 700
        power_w = power_w if steady else chance.uniform(-10e3, 50e3)
        time_s = second + chance.uniform(-0.2, 0.2) + (100.0 if second > 2000 else 0.0)
        powers.add(time_s, power_w, 0.01 * abs(power_w), 5.0, 1e4)
        losses.add(time_s, 500.0, 50.0, *(chance.uniform(0, 300) for _ in range(4)), 40.0, 1.0, 100.0, 2.0, 900.0)
        window.advance(powers, losses, add_drive=False)
        cells += window.new_cells()
        if second == 2800:
            window.clear()
            cells.clear()
        over = window.result(powers, time_s, 4.0)
        if over is None or over.steady:
            continue
        asked += 1
        if asked % 20:
            continue
        assert over.ratio.end_s == cells[-1].end_s
        cells = [cell for cell in cells if cell.end_s > over.ratio.end_s - 900 + 1e-6]
        assert over.ratio[1:] == tuple(math.fsum(column) for column in zip(*(cell[1:] for cell in cells), strict=True))
    assert asked > 1500
