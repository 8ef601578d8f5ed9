"""S6: a month of counters with rollovers, a reset and gaps; the agent runs in a separate process that SIGKILL ends."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from support.basics import program

DAY_S, DOWN_S, SLOW_S = 86_400.0, 300.0, 660.0
LIMIT = 5e-4  # of the true energy
LOST_WH = 20.0  # two digits of the register; the energy before the first reading is not checked


def one_life(state: Path, from_s: float, to_s: float, kill_s: float | None) -> list[tuple[float, int, float]]:
    """Rows (seconds, counted Wh, true Wh) that were committed before the process ended or was killed at kill_s."""
    rows, stderr_file = list[tuple[float, int, float]](), state / "stderr"
    with stderr_file.open("w") as trouble:
        killed = [] if kill_s is None else [str(kill_s)]
        process = subprocess.Popen(
            program("month_of_counting", str(state), str(from_s), str(to_s), *killed), stdout=subprocess.PIPE,
            stderr=trouble, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        at_s, counted, true = line.split()
        rows.append((float(at_s), int(counted), float(true)))
    process.stdout.close()
    assert process.wait(60) == (0 if kill_s is None else -9), stderr_file.read_text()[-2000:]
    return rows


@pytest.mark.parametrize(
    ("days", "kills"), [(1.0, (0.4,)), pytest.param(30.0, (4.1, 15.7, 22.05), marks=pytest.mark.soak)]
)
def test_nothing_is_lost_and_nothing_counted_twice(tmp_path: Path, days: float, kills: tuple[float, ...]) -> None:
    """The plant continues while the agent is off for 300 s each time."""
    from_s, rows = 0.0, list[tuple[float, int, float]]()
    for kill in (*kills, None):
        kill_s = None if kill is None else kill * DAY_S
        rows += one_life(tmp_path, from_s, days * DAY_S, kill_s)
        from_s = DOWN_S + (kill_s or 0.0)
    first_s, first_counted, first_true = rows[0]
    assert first_s < 120
    last_s, counted, true = rows[-1]
    assert last_s > days * DAY_S - 300
    assert all(before[1] <= after[1] for before, after in pairwise(rows)), "it only rises"
    true_wh = true - first_true
    print(
        f"{days:g} days, {len(kills)} kills: {counted - first_counted} Wh counted of {true_wh:.0f} Wh, {len(rows)} rows"
    )
    assert abs(counted - first_counted - true_wh) <= LIMIT * true_wh + LOST_WH
    behind = max(abs(row[1] - first_counted - (row[2] - first_true)) for row in rows[20:] if row[0] < 2 * DAY_S)
    assert behind <= 52_000 * SLOW_S / 3600 + LOST_WH, "the register is a slow one: every tenth poll"
