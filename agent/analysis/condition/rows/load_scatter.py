"""Unsteady load of pumps and fans: cavitation, belt slip, or a load that is unsteady for another reason."""

from __future__ import annotations

from agent.analysis.condition.answers import Answer, Confidence, NotObservable, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.block import Block
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.load_curve import LoadCurve, settled
from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import Sample

UNSTEADY, CAVITATION, BELT = "load_unsteady", "cavitation", "belt_slip"
_TIMES, _LEAST = 3.5, 0.02  # scatter against the learned, and at least: noise of registers stays below
_LOWER = (0.80, 0.98)  # power of a pump that cavitates, of a belt that slips: somewhat lower
_LONG_S = 300.0
_ROWS_MIN = 6
_SMOOTH = 0.25  # of blocks: 40 s


class LoadScatter:
    """scatter: of one row to the next within the block that ended, relative; None: not known."""

    def __init__(self, ratings: Ratings, findings: Findings, curve: LoadCurve) -> None:
        self._ratings, self._findings, self._curve = ratings, findings, curve
        self._watch = Watch(_LONG_S)
        self._hold = Hold(_LONG_S, _LONG_S, 30.0)
        self._before: float | None = None
        self._sum, self._n, self._mean = 0.0, 0, 0.0
        self.scatter: float | None = None
        self._smooth = self._square = 0.0

    @property
    def _relevant(self) -> bool:
        return self._ratings.is_pump or self._ratings.is_fan

    def on_sample(self, sample: Sample) -> None:
        if not self._relevant:
            return
        load = self._curve.load(sample.speed, sample.values) if settled(sample) else None
        if load is not None and self._before is not None:
            step = load - self._before
            self._sum += step * step
            self._n += 1
            self._mean += load
        self._before = load

    def on_block(self, block: Block) -> None:
        if not self._relevant:
            return
        mean = self._mean / self._n if self._n else 0.0
        self.scatter = (self._sum / self._n / 2) ** 0.5 / mean if self._n >= _ROWS_MIN and mean > 0 else None
        self._sum, self._n, self._mean = 0.0, 0, 0.0
        usual = self._curve.usual(block.speed) if block.speed is not None else None
        if self.scatter is None or usual is None or not block.steady or block.speed is None:
            self._watch.blind(block.t_s, reasons.LOAD_NOT_LEARNED())
            return
        if abs(block.speed - usual.speed) > 0.25:
            self._watch.blind(block.t_s, reasons.SPEED_NOT_LEARNED(speed=block.speed))
            return
        self._watch.looked(block.t_s)
        # the noise of a register is constant: a smaller power has more of it
        noise = usual.scatter * max(1.0, usual.load * usual.speed**3 / (mean * block.speed**3))
        self._judge(block, mean / usual.load, noise)

    def _judge(self, block: Block, share: float, usual: float) -> None:
        assert self.scatter is not None
        limit = max(_LEAST, _TIMES * usual)
        self._smooth += _SMOOTH * (share - self._smooth) if self._smooth else share
        self._square += _SMOOTH * (self.scatter**2 - self._square)
        scatter = self._square**0.5
        if not self._hold.update(block.t_s, scatter > limit * (0.7 if self._hold.active else 1.0)):
            for code in (UNSTEADY, CAVITATION, BELT):
                self._findings.end(code)
            return
        code, confidence = UNSTEADY, Confidence.LIKELY
        if _LOWER[0] <= self._smooth <= _LOWER[1]:
            code, confidence = CAVITATION if self._ratings.is_pump else BELT, Confidence.POSSIBLE
        if not any(one in self._findings.active for one in (UNSTEADY, CAVITATION, BELT)):
            why = reasons.LOAD_SCATTERS(scatter=scatter, usual=usual, share=self._smooth)
            self._findings.raise_(code, Severity.WARNING, confidence, block.t_s, why, 100 * scatter, "%", 100 * limit)

    def answers(self) -> list[Answer]:
        if not self._relevant:
            known = self._ratings.application
            reason = reasons.APPLICATION_VARIES() if known else reasons.APPLICATION_UNKNOWN()
            return [NotObservable(code, reason) for code in (UNSTEADY, CAVITATION, BELT)]
        other = NotObservable(BELT if self._ratings.is_pump else CAVITATION, reasons.OTHER_APPLICATION())
        own = CAVITATION if self._ratings.is_pump else BELT
        return [self._watch.answer(UNSTEADY), self._watch.answer(own), other]
