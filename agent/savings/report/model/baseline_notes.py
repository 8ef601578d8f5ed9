"""What a reader needs to know about the origin of a baseline: frozen late, not the first, not the best model."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.baseline.models import described
from agent.savings.ledger.chain import records
from agent.savings.records.model import Baseline
from agent.savings.report.reasons import BASELINE_FROZEN_LATE, BASELINE_REPLACED, BETTER_MODEL
from drivers.reasons import Reason

WORSE = 1.25  # ratio to the best CV(RMSE) that was tried, from which the choice is worth a remark


def of_baseline(db: sqlite3.Connection, baseline: Baseline, results: Sequence[IntervalResult]) -> list[Reason]:
    """The notes on a baseline. results: the intervals that are compared with it, in order."""
    found = []
    if results and baseline.frozen_ms and baseline.frozen_ms > (first_ms := results[0].start_ms):
        found.append(BASELINE_FROZEN_LATE(frozen_ms=baseline.frozen_ms, first_ms=first_ms))
    for record in records(db, "baseline"):
        body = record.body.get("baseline", {})
        if body.get("asset") == baseline.asset and body.get("hash") != baseline.hash:
            found.append(
                BASELINE_REPLACED(hash=str(body.get("hash"))[:16], frozen_ms=record.t_ms, by=str(body.get("by")))
            )
    tried_shape = {key: value for key, value in baseline.shape.items() if key not in ("off", "lags_s", "windows_s")}
    own_model = described(baseline.kind, tried_shape, baseline.drivers)
    own = next((item.cv_rmse for item in baseline.candidates if item.model == own_model), 0.0)
    best = min(baseline.candidates, key=lambda item: item.cv_rmse, default=None)
    if best is not None and own > WORSE * best.cv_rmse:
        found.append(BETTER_MODEL(model=best.model, best_cv_rmse=best.cv_rmse, cv_rmse=own))
    return found
