"""Sensors that return impossible or frozen values."""

from __future__ import annotations

from agent.analysis.condition.answers import Answer, Confidence, Severity
from agent.analysis.condition.rows import reasons
from agent.analysis.condition.rows.findings import Findings, Hold, Watch
from agent.analysis.condition.rows.row_reader import RowReader
from agent.analysis.condition.rows.sample import NAMES, Sample

CODE = "sensor_fault"
_BAD_S = 30.0


class Sensors:
    def __init__(self, reader: RowReader, findings: Findings) -> None:
        self._reader, self._findings = reader, findings
        self._watch = Watch(60.0)
        self._hold = Hold(0.0, 60.0, 60.0)

    def on_sample(self, sample: Sample) -> None:
        if any(value is not None for value in sample.values):
            self._watch.looked(sample.t_s)
        bad = [k for k, since_s in self._reader.bad.items() if sample.t_s - since_s >= _BAD_S]
        frozen = self._reader.frozen
        if self._hold.update(sample.t_s, bool(bad or frozen)):
            if bad:
                why = reasons.SENSOR_IMPOSSIBLE(columns=tuple(NAMES[k] for k in bad))
            elif frozen:
                why = reasons.SENSOR_FROZEN(columns=tuple(NAMES[k] for k in sorted(frozen)))
            else:
                return
            self._findings.raise_(CODE, Severity.WARNING, Confidence.LIKELY, sample.t_s, why)
        else:
            self._findings.end(CODE)

    def answers(self) -> list[Answer]:
        return [self._watch.answer(CODE)]
