"""Means over blocks of ten seconds, for what changes slowly."""

from __future__ import annotations

import math

from msgspec import Struct

from agent.analysis.condition.rows.sample import COLUMNS, INDEX, Sample

BLOCK_S = 10.0
_ROWS_MIN = 5
_SPEED_STEADY = 0.02


class Block(Struct):
    """Ten seconds of rows.

    t_s: time of the last row. means: by column, None with fewer than five values.
    running: the drive drove the motor in each row. run_s: since when, at the first row.
    speed, torque, current: means of the shares of Sample. steady: running, and the speed within 2 %.
    dip: a dip of the supply in one of the rows.
    """

    t_s: float
    means: list[float | None]
    running: bool
    stopped: bool
    run_s: float
    speed: float | None
    torque: float | None
    current: float | None
    steady: bool
    dip: bool

    def mean(self, name: str) -> float | None:
        return self.means[INDEX[name]]


class BlockBuilder:
    def __init__(self) -> None:
        self._end_s = -math.inf
        self._begin(0.0)

    def _begin(self, t_s: float) -> None:
        self._start_s, self._rows = t_s, 0
        self._sums, self._counts = [0.0] * len(COLUMNS), [0] * len(COLUMNS)
        self._shares, self._share_counts = [0.0, 0.0, 0.0], [0, 0, 0]
        self._low, self._high = math.inf, -math.inf
        self._running, self._stopped, self._dip, self._steady = True, True, False, True
        self._run_s = 0.0

    def add(self, sample: Sample) -> Block | None:
        """The block that ended before this sample, if one did."""
        block = None
        if sample.t_s - self._start_s >= BLOCK_S or not self._rows:
            block = self._block() if self._rows >= _ROWS_MIN else None
            self._begin(sample.t_s)
            self._run_s = sample.run_s
        self._rows += 1
        self._end_s = sample.t_s
        sums, counts = self._sums, self._counts
        for k, value in enumerate(sample.values):
            if value is not None:
                sums[k] += value
                counts[k] += 1
        for k, value in enumerate((sample.speed, sample.torque, sample.current)):
            if value is not None:
                self._shares[k] += value
                self._share_counts[k] += 1
        if sample.speed is not None:
            self._low, self._high = min(self._low, sample.speed), max(self._high, sample.speed)
        self._running &= sample.drives is True
        self._stopped &= sample.drives is False
        self._dip |= sample.dip
        return block

    def _block(self) -> Block:
        speed, torque, current = map(_mean, self._shares, self._share_counts)
        steady = self._running and speed is not None and self._high - self._low <= _SPEED_STEADY * speed
        return Block(
            self._end_s, list(map(_mean, self._sums, self._counts)), self._running, self._stopped, self._run_s,
            speed, torque, current, steady, self._dip,
        )  # fmt: skip


def _mean(total: float, count: int) -> float | None:
    return total / count if count >= _ROWS_MIN else None
