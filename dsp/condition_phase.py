"""Detects a lost phase in a stream of currents, for every kind of machine and at every frequency.

A phase is lost while the other two exchange current in both directions by turns and it carries none. No sound machine
does that: three sinusoids follow each other, and between two pulses of opposite direction in two arms of a rectifier
lies a pulse of the third. So no period has to be known; zero crossings, starts and the current-free times of a
rectifier do not count. Found within two periods and 10 ms: 50 ms at 50 Hz.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HALF_WAVES = 3  # reversals of the current of the other two: the fourth half wave has begun, within two periods
_CARRIES = 0.06  # a phase carries current above this share of the largest current, amplitude to amplitude
_SWINGS = 0.35  # the other two have a half wave above this share of the largest current
_SUM = 0.25  # without a neutral the three sum to 0; more than this share: a channel is dead, not a phase
_HOLD_S = 0.04  # the largest current is that of so long a time
_STEP_S = 0.01


class PhaseLoss(NamedTuple):
    """A lost phase.

    phase: 0, 1 or 2.
    sample: index of its first sample without current, counted from the first sample pushed.
    found_sample: index at which that was certain.
    """

    phase: int
    sample: int
    found_sample: int


class PhaseLossDetector:
    """Finds the loss of one phase; state of constant size.

    fs_hz: sampling rate.
    floor_a: rms current of the two others below which nothing is judged; 20 % of the rated current is usual.
    `loss` is the first one found; `reset` makes the detector look again. A gap (NaN) restarts it.
    """

    def __init__(self, fs_hz: float, floor_a: float) -> None:
        self._step = max(round(_STEP_S * fs_hz), 1)
        self._peaks = [0.0] * max(round(_HOLD_S / _STEP_S), 1)
        self._floor_a = floor_a
        self._rest: Floats = np.empty((3, 0))
        self._seen = 0
        self._pairs = [_Pair() for _ in range(3)]
        self.loss: PhaseLoss | None = None

    def reset(self) -> None:
        """Forget what was found; the count of samples goes on."""
        self.loss = None
        for pair in self._pairs:
            pair.restart(self._seen)

    def push(self, i_abc: Floats) -> int | None:
        """Take the next samples, shape (3, n), amperes.

        Returns the sample index at which a phase was lost, at the block in which that is found; else None.
        """
        block = np.concatenate((self._rest, i_abc), axis=1)
        steps = block.shape[1] // self._step
        for k in range(steps):
            found = self._judge(block[:, k * self._step : (k + 1) * self._step])
            self._seen += self._step
            if found is not None and self.loss is None:
                self.loss = found
                self._rest = block[:, (k + 1) * self._step :]
                return found.sample
        self._rest = block[:, steps * self._step :]
        return None

    def _judge(self, i_abc: Floats) -> PhaseLoss | None:
        count = i_abc.shape[1]
        size = np.abs(i_abc)
        largest = float(size.max())
        self._peaks = [*self._peaks[1:], largest if largest < np.inf else 0.0]  # a comparison with NaN is False
        if not largest < np.inf:
            for pair in self._pairs:
                pair.restart(self._seen + count)
            return None
        peak = max(self._peaks)
        busy = size > _CARRIES * max(peak, self._floor_a)
        busy |= np.abs(i_abc.sum(axis=0)) > _SUM * peak
        after = np.where(busy.any(axis=1), count - np.argmax(busy[:, ::-1], axis=1), 0)
        for phase, pair in enumerate(self._pairs):
            start = int(after[phase])
            if start:
                pair.restart(self._seen + start)
            if start == count:
                continue
            other = (i_abc[(phase + 1) % 3, start:] - i_abc[(phase + 2) % 3, start:]) / 2
            pair.extend(other, _SWINGS * peak)
            if pair.reversals >= HALF_WAVES and pair.rms >= self._floor_a:
                return PhaseLoss(phase, pair.start, self._seen + count)
        return None


class _Pair:
    """The current that two phases exchange since the third carries none."""

    __slots__ = ("_count", "_sign", "_squares", "reversals", "start")

    def __init__(self) -> None:
        self.restart(0)

    def restart(self, start: int) -> None:
        self.start, self.reversals, self._sign, self._squares, self._count = start, 0, 0, 0.0, 0

    @property
    def rms(self) -> float:
        return float(np.sqrt(self._squares / self._count)) if self._count else 0.0

    def extend(self, current: Floats, swing: float) -> None:
        self._squares += float(current @ current)
        self._count += len(current)
        signs = np.sign(current[np.abs(current) > swing])
        if len(signs) == 0:
            return
        self.reversals += int(np.count_nonzero(np.diff(signs)))
        self.reversals += int(self._sign not in (0, int(signs[0])))
        self._sign = int(signs[-1])
