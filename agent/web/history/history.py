"""Values over time for the charts: at most 2,000 points of mean, minimum and maximum, and why points are missing.

The history is written minute by minute: the running minute, and up to `defer_s` of the last one, is not in it yet.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.config.model import StoreSettings
from agent.config.topology import Asset
from agent.core.kept import NOTHING
from agent.core.metrics import Metric, by_name, kept
from agent.core.text import N_, Catalogue
from agent.delivery.store.history_rows import DIGITS, MINUTE_S, QUARTER_S, SECOND_S, read_rows, read_stats
from agent.delivery.store.interval_stats import Stats, merged
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.reasons import MOTOR_UNKNOWN
from agent.web.base.recent import Spark
from agent.web.base.state_file import StateFileError, state_of
from agent.web.base.values import Why
from agent.web.history.gaps import Gap, known_gaps, unexplained_gaps
from agent.web.http.csv_export import csv_response, wants_csv
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from drivers.reading import Quality
from drivers.reasons import Code

POINTS_MIN, POINTS_MAX, METRICS_MAX = 10, 2000, 8
DEFAULT_MS, SPAN_MS_MAX = 86_400_000, 6 * 366 * 86_400_000
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
LONGEST_POLL_S = 120.0  # a longer time between two values is a gap
SPARK_MINUTES = 60

METRIC_UNKNOWN = Code(
    "page_metric_unknown", "no metric {name:quoted}: docs/reference/metrics.md lists those of the telemetry"
)
METRIC_EXPECTED = Code("page_metric_expected", "`metric` is missing, for example metric=active_power_w")
TOO_MANY_METRICS = Code("page_too_many_metrics", "more than {n_max:d} metrics in one request")
TIME_INVALID = Code(
    "page_time_invalid", "{text:quoted} is not a time: write 2026-11-28T06:00:00Z, or milliseconds since 1970"
)
SPAN_INVALID = Code("page_span_invalid", "`from` must be before `to`, and by at most {years:d} years")
NOT_KEPT = Code(
    "page_metric_not_kept",
    "{name:quoted} is not in the history of 1 min and 15 min: docs/reference/metrics.md lists the metrics that are",
)
POINTS_INVALID = Code("page_points_invalid", "`points` must be a number from 10 to {n_max:d}")


class Series(Struct):
    """One metric.

    t_ms: start of each interval of step_s.
    min, max: null where they are not kept.
    u: expanded uncertainty of the means (k = 2); null where there is none.
    flags: their quality flags, null where there are none.
    why: there is no history at all, or not of this metric.
    """

    metric: str
    unit: str
    step_s: int
    t_ms: list[int]
    mean: list[float]
    min: list[float | None]
    max: list[float | None]
    u: list[float | None]
    flags: list[list[str] | None]
    gaps: list[Gap]
    why: Why | None = None


class SeveralSeries(Struct):
    series: list[Series]


class HistoryRequest(Struct):
    motor: str
    metrics: list[Metric]
    from_ms: int
    to_ms: int
    points: int


def history_of(web: Web, asked: HistoryRequest, catalogue: Catalogue) -> list[Series]:
    """One series for each metric. Blocks for up to a second."""
    keep_s = (web.config.store if web.config else StoreSettings()).history_s
    stored_s, step_s = steps_of(asked.from_ms, asked.to_ms, asked.points, web.now_ms(), keep_s)
    names = [metric.name for metric in asked.metrics]

    def read(db: sqlite3.Connection) -> tuple[dict[str, dict[int, Stats]], list[Gap]]:
        rows = read_rows(db.execute, asked.motor, names, stored_s, asked.from_ms, asked.to_ms)
        stats = combined(rows, names, 1000 * step_s if step_s > stored_s else 1)
        return stats, known_gaps(db.execute, asked.motor, asked.from_ms, asked.to_ms, catalogue)

    try:
        stats, known = state_of(web).read(read)
    except StateFileError as error:
        why = Why(str.__str__(error.reason.code), catalogue(N_("no history")), catalogue.reason(error.reason))
        return [Series(metric.name, metric.unit, step_s, [], [], [], [], [], [], [], why) for metric in asked.metrics]
    return [_series(metric, stats[metric.name], stored_s, step_s, known, catalogue) for metric in asked.metrics]


def steps_of(from_ms: int, to_ms: int, points: int, now_ms: int, keep_s: tuple[float, float, float]) -> tuple[int, int]:
    """The step of the stored values to read, and the step of the points: a multiple of it.

    The stored step is the coarsest that is not coarser than the points; a finer one only where it is not deleted yet.
    """
    wanted_s = (to_ms - from_ms) / 1000 / points
    step_s = next((step for step in STEPS_S if step >= wanted_s), math.ceil(wanted_s / 86400) * 86400)
    stored = [step for step, kept_s in zip((SECOND_S, MINUTE_S, QUARTER_S), keep_s, strict=True)
              if kept_s > 0 and from_ms >= now_ms - 1000 * kept_s]  # fmt: skip
    fine = [step for step in stored if step <= step_s]
    stored_s = max(fine) if fine else min(stored, default=QUARTER_S)
    return stored_s, max(step_s, stored_s)


def last_hours(web: Web, motors: Sequence[str], metric: str = "active_power_w") -> dict[str, Spark]:
    """Motor → minute means of the last hour, kW, up to the running minute. Blocks for some milliseconds a motor.

    The last one or two minutes are None: they are not in the file yet. Raises StateFileError.
    """
    end_ms = web.now_ms() // 60_000 * 60_000
    from_ms = end_ms - SPARK_MINUTES * 60_000

    def read(db: Any) -> dict[str, list[tuple[int, Stats]]]:
        return {motor: read_stats(db.execute, motor, [metric], MINUTE_S, from_ms, end_ms)[metric] for motor in motors}

    found = {}
    for motor, points in state_of(web).read(read).items():
        means = {t_ms: round(stats.mean / 1000, 3) for t_ms, stats in points}
        found[motor] = Spark(60, end_ms, [means.get(from_ms + 60_000 * number) for number in range(SPARK_MINUTES)])
    return found


def last_hour(web: Web, motor: str) -> Spark:
    """As `last_hours`, of one motor."""
    return last_hours(web, [motor])[motor]


def combined(
    rows: Iterable[tuple[int, Mapping[str, Stats]]], metrics: Sequence[str], step_ms: int
) -> dict[str, dict[int, Stats]]:
    """Metric → statistics of coarser intervals by their start. rows: as `read_rows`."""
    found: dict[str, dict[int, Stats]] = {metric: {} for metric in metrics}
    for t_ms, row in rows:
        start_ms = t_ms // step_ms * step_ms
        for metric, stats in row.items():
            known = found[metric]
            known[start_ms] = merged(known[start_ms], stats) if start_ms in known else stats
    return found


def _series(
    metric: Metric, found: dict[int, Stats], stored_s: int, step_s: int, known: list[Gap], catalogue: Catalogue
) -> Series:
    t_ms, stats = list(found), [item.rounded(DIGITS[stored_s]) for item in found.values()]
    longest_ms = round(1000 * (step_s + max(step_s, LONGEST_POLL_S if stored_s == SECOND_S else 0)))
    gaps = [*known, *unexplained_gaps(t_ms, 1000 * step_s, longest_ms, known, catalogue)]
    why = None
    if not stats and stored_s > SECOND_S and kept(metric.name) == NOTHING:
        why = Why(str.__str__(NOT_KEPT), catalogue(N_("not kept")), catalogue.reason(NOT_KEPT(name=metric.name)))
    return Series(
        metric.name, metric.unit, step_s, t_ms, [item.mean for item in stats], [item.minimum for item in stats],
        [item.maximum for item in stats], [item.u for item in stats],
        [Quality(item.flags).names() or None for item in stats], sorted(gaps, key=lambda gap: gap.from_ms), why,
    )  # fmt: skip


def asset_of(request: Request) -> tuple[str, Asset | None]:
    """The motor that an address names. Raises HTTPException 404 if the configuration does not have it."""
    web, name = web_of(request), str(request.path_params["id"])
    if web.config is None:
        return name, None
    found = next((asset for asset in web.assets if asset.name == name), None)
    if found is None:
        raise HTTPException(404, catalogue_of(request).reason(MOTOR_UNKNOWN(name=name)))
    return name, found


def _asked(request: Request) -> HistoryRequest:
    web, catalogue, query = web_of(request), catalogue_of(request), request.query_params
    motor, asset = asset_of(request)
    known = asset.metrics("telemetry") if asset else by_name("telemetry")
    names = list(dict.fromkeys(query.getlist("metric")))
    to_ms = moment_ms(query.get("to"), web.now_ms(), catalogue)
    from_ms = moment_ms(query.get("from"), to_ms - DEFAULT_MS, catalogue)
    points = query.get("points", str(POINTS_MAX))
    wrong = [
        *([METRIC_EXPECTED()] if not names else []),
        *([TOO_MANY_METRICS(n_max=METRICS_MAX)] if len(names) > METRICS_MAX else []),
        *(METRIC_UNKNOWN(name=name) for name in names if name not in known),
        *([] if 0 < to_ms - from_ms <= SPAN_MS_MAX else [SPAN_INVALID(years=6)]),
        *([] if re.fullmatch("[0-9]{2,4}", points) and POINTS_MIN <= int(points) <= POINTS_MAX
          else [POINTS_INVALID(n_max=POINTS_MAX)]),
    ]  # fmt: skip
    if wrong:
        raise HTTPException(400, catalogue.reasons(wrong[:3]))
    return HistoryRequest(motor, [known[name] for name in names], from_ms, to_ms, int(points))


def moment_ms(text: str | None, default_ms: int, catalogue: Catalogue) -> int:
    """UTC ms of milliseconds or RFC 3339; a time without zone is UTC. Raises HTTPException 400."""
    if text is None:
        return default_ms
    try:
        if text.lstrip("-").isdigit():
            return int(text[:16])
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # "+" of an address is a space
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(1000 * moment.timestamp())
    except (ValueError, OverflowError):
        raise HTTPException(400, catalogue.reason(TIME_INVALID(text=text[:40]))) from None


async def _history(request: Request) -> Response:
    asked = _asked(request)
    return await run_sync(_answer, request, asked, limiter=request.app.state.one_history)


def _answer(request: Request, asked: HistoryRequest) -> Response:
    """Blocks for up to a second."""
    found = history_of(web_of(request), asked, catalogue_of(request))
    if wants_csv(request):
        return csv_response(_csv_rows(found), f"history-{asked.motor}")
    return json_response(request, found[0] if len(found) == 1 else SeveralSeries(found))


def _csv_rows(found: list[Series]) -> list[dict[str, Any]]:
    return [
        {"metric": series.metric, "unit": series.unit, "time": rfc3339(t_ms), "step_s": series.step_s, "mean": mean,
         "min": low, "max": high, "u": u, "flags": " ".join(flags or ())}
        for series in found
        for t_ms, mean, low, high, u, flags in zip(
            series.t_ms, series.mean, series.min, series.max, series.u, series.flags, strict=True)
    ]  # fmt: skip


routes = [Route("/api/v1/motors/{id}/history", _history)]
