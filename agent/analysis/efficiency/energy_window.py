"""Energies of all parts over one interval: 10 s on a steady load, 15 min to 15.5 min on a varying one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from operator import add
from typing import NamedTuple

from agent.analysis.efficiency.time_series import TimeSeries

LONG_S = 900.0
OLDER_S = 30.0  # of the long interval that leave it together
STEADY_S, SHORTEST_S = 10.0, 0.9
CHANGING_SPREAD = 0.10  # (largest − smallest) / mean of the input power in the short interval


class EnergyCell(NamedTuple):
    """Energies of one interval, J.

    end_s, seconds: end (monotonic) and length.
    in_, terminal_, shaft_: energy in each direction, not negative; plus: towards the shaft, minus: towards the supply.
    drive, copper, core, mechanical, additional: losses.
    u_in, u_drive, u_motor: U (k = 2) of the input, of the drive losses and of all motor losses, from accuracies.
    busy_s: time with power in either direction.
    polled_: U from the finite number of polls (sampling.py), the part that all intervals have in common. var_: variance
        of the independent part, J². in: of the input; drive, motor: of the losses at a given input.
    """

    end_s: float
    seconds: float
    in_plus: float = 0.0
    in_minus: float = 0.0
    terminal_plus: float = 0.0
    terminal_minus: float = 0.0
    shaft_plus: float = 0.0
    shaft_minus: float = 0.0
    drive: float = 0.0
    u_drive: float = 0.0
    copper: float = 0.0
    core: float = 0.0
    mechanical: float = 0.0
    additional: float = 0.0
    u_motor: float = 0.0
    u_in: float = 0.0
    busy_s: float = 0.0
    polled_in: float = 0.0
    polled_drive: float = 0.0
    polled_motor: float = 0.0
    var_in: float = 0.0
    var_drive: float = 0.0
    var_motor: float = 0.0

    @property
    def all_u_in(self) -> float:
        """U (k = 2) of the input, J."""
        return math.hypot(self.u_in, self.polled_in, 2 * math.sqrt(self.var_in))

    @property
    def all_u_drive(self) -> float:
        """U (k = 2) of the drive losses at a given input, J."""
        return math.hypot(self.u_drive, self.polled_drive, 2 * math.sqrt(self.var_drive))

    @property
    def all_u_motor(self) -> float:
        """U (k = 2) of the motor losses at a given input, J."""
        return math.hypot(self.u_motor, self.polled_motor, 2 * math.sqrt(self.var_motor))

    @property
    def motor(self) -> float:
        return self.copper + self.core + self.mechanical + self.additional

    def plus(self, other: EnergyCell) -> EnergyCell:
        return EnergyCell(max(self.end_s, other.end_s), *map(add, self[1:], other[1:]))


class WindowResult(NamedTuple):
    """Energies that the published values are computed from.

    now: the last seconds, for powers.
    ratio: the interval of the efficiencies.
    steady: whether the load is steady.
    complete: False while the interval `ratio` is still shorter than the intended length.
    """

    now: EnergyCell
    ratio: EnergyCell
    steady: bool
    complete: bool


class EnergyWindow:
    """Sums of energies over a sliding interval.

    period_s: polling period. share: this motor's part of the drive. off_w: power below which the motor counts as off.
    """

    def __init__(self, period_s: float, share: float, off_w: float) -> None:
        self._step_s = max(1.0, period_s)
        self._steady_s = max(STEADY_S, 3 * self._step_s)
        self._share, self._off_w = share, off_w
        self._unread: list[EnergyCell] = []
        self.clear()
        self._added_until_s = -math.inf  # end of the energies that were added: none counts twice, also after `clear`

    def advance(self, powers: TimeSeries, losses: TimeSeries, add_drive: bool) -> None:
        """Adds every step that both time series cover and that was not added before.

        powers: (input W, its U in W, *SamplingU).
        losses: (drive, its U, copper, core, mechanical, additional, U of the motor losses), W, then SamplingU of the
            losses of drive and motor at a given power.
        add_drive: the input is measured at the drive output; the losses of the drive are added to it.
        """
        spans = powers.span, losses.span
        if spans[0] is None or spans[1] is None:
            return
        first_s, end_s = max(spans[0][0], spans[1][0]), min(spans[0][1], spans[1][1])
        start_s = max(first_s, self._added_until_s)
        while start_s + self._step_s <= end_s + 1e-6:
            stop_s = min(start_s + self._step_s, end_s)
            cell = self._cell(
                powers.integral(start_s, stop_s), losses.integral(start_s, stop_s), start_s, stop_s, add_drive
            )
            self._add(cell)
            self._unread.append(cell)
            start_s = self._added_until_s = stop_s

    def clear(self) -> None:
        """Starts a new interval after the energies that were added."""
        self._cells: deque[EnergyCell] = deque()  # of the short interval
        self._older: deque[EnergyCell] = deque()  # before it, a sum for each OLDER_S: single ones would need 0.5 MB

    def new_cells(self) -> list[EnergyCell]:
        """Energies since the last call, for counters."""
        found, self._unread = self._unread, []
        return found

    def result(self, powers: TimeSeries, now_s: float, age_max_s: float) -> WindowResult | None:
        """Energies at now_s (monotonic); None when the last step is older than age_max_s."""
        if not self._cells or now_s - self._cells[-1].end_s > age_max_s + self._step_s:
            return None
        newest = powers.span[1] if powers.span else self._cells[-1].end_s
        steady = powers.spread(newest - self._steady_s, newest) <= CHANGING_SPREAD
        now = _total(self._cells)
        if now.seconds < SHORTEST_S:
            return None
        if steady:
            return WindowResult(now, now, True, now.seconds > 0.9 * self._steady_s)
        long = _total((*self._older, now))
        return WindowResult(now, long, False, long.seconds > 0.9 * LONG_S - self._step_s)

    def _add(self, cell: EnergyCell) -> None:
        """Adds the newest step."""
        cells, older = self._cells, self._older
        cells.append(cell)
        while cells[0].end_s <= cell.end_s - self._steady_s + 1e-6:
            oldest = cells.popleft()
            if older and older[-1].end_s // OLDER_S == oldest.end_s // OLDER_S:
                older[-1] = older[-1].plus(oldest)
            else:
                older.append(oldest)
        while older and older[0].end_s <= cell.end_s - LONG_S + 1e-6:
            older.popleft()

    def _cell(
        self, power: tuple[float, ...], loss: tuple[float, ...], start_s: float, stop_s: float, add_drive: bool
    ) -> EnergyCell:
        drive, u_drive, copper, core, mechanical, additional, u_motor, *polled = loss
        polled_drive, var_drive, polled_motor, var_motor = polled
        seconds = stop_s - start_s
        p_in = (power[0] + (drive if add_drive else 0.0)) * self._share
        u_in = power[1] * self._share
        drive, u_drive = drive * self._share, u_drive * self._share
        terminal = p_in - drive
        shaft = terminal - (copper + core + mechanical + additional)
        return EnergyCell(
            stop_s, seconds, max(p_in, 0.0), max(-p_in, 0.0), max(terminal, 0.0), max(-terminal, 0.0),
            max(shaft, 0.0), max(-shaft, 0.0), drive, u_drive, copper, core, mechanical, additional, u_motor, u_in,
            seconds if abs(p_in) > self._off_w * seconds else 0.0, power[2] * self._share, polled_drive * self._share,
            polled_motor, power[3] * self._share**2, var_drive * self._share**2, var_motor,
        )  # fmt: skip


def _total(cells: Iterable[EnergyCell]) -> EnergyCell:
    """Their sum; the end is that of the last."""
    ends_s, *columns = zip(*cells, strict=True)
    return EnergyCell(ends_s[-1], *map(sum, columns))
