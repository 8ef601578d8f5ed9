"""The sliding interval: which steps are in its sums, and how much memory they need."""

from __future__ import annotations

import math
import random
import tracemalloc

import pytest

from agent.analysis.efficiency.energy_window import EnergyCell, EnergyWindow
from agent.analysis.efficiency.time_series import TimeSeries

# A float is added at most 30 times within a sum of older steps, then with less than 45 others: each time an error of
# 2**-53 of a sum of numbers that are not negative.
ROUNDING = 80 * 2.0**-53


@pytest.mark.parametrize("seed", range(2))
def test_the_interval_of_a_varying_load_is_the_sum_of_its_steps(seed: int) -> None:
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
        first = len(cells) - round(over.ratio.seconds)
        assert first == 0 or cells[first - 1].end_s <= over.ratio.end_s - 900 + 1e-6, "a quarter of an hour is whole"
        cells = cells[first:]
        assert cells[0].end_s > over.ratio.end_s - 930, "30 s leave together"
        expected = [math.fsum(column) for column in zip(*(cell[1:] for cell in cells), strict=True)]
        assert over.ratio[1:] == pytest.approx(expected, rel=ROUNDING, abs=0)
    assert asked > 1500


def test_a_varying_load_of_a_quarter_of_an_hour_needs_little_memory() -> None:
    """900 single steps needed 0.6 MB for each motor; 10 steps, 31 sums of 30 s and the powers of 15 s need 46 kB."""
    tracemalloc.start()
    window, powers, losses = EnergyWindow(1.0, 1.0, 100.0), TimeSeries(15.0), TimeSeries(15.0)
    for second in range(1000):
        powers.add(second, 30e3 + 9e3 * math.sin(second), 300.0 + second, 5.0, 1e4)
        losses.add(second, *(40.0 + second / (k + 3) for k in range(11)))
        window.advance(powers, losses, add_drive=True)
        window.new_cells()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 60_000
