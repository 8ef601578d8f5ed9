"""Power of the adjusted baseline, the old plant in the chart over time, from the records of the ledger."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from typing import Any

from anyio.to_thread import run_sync
from msgspec import Struct, field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import Catalogue
from agent.web.base import values
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.base.state_file import StateFileError, state_of
from agent.web.base.values import Absence, PageValue
from agent.web.history.history import asset_of, moment_ms
from agent.web.http.json_response import json_response
from drivers.reasons import Code

STEP_S = 900
SPAN_DAYS_MAX = 62
SPAN_TOO_LONG = Code("page_span_too_long", "`from` must be before `to`, and by at most {days:d} days")
_LATE_MS = 3_600_000  # a record is written after the end of its interval, by a clock that may have been set
_RECORDS = """
select json_extract(body, '$.from_ms'), json_extract(body, '$.length_s'), json_extract(body, '$.adjusted_wh'),
    json_extract(body, '$.energy_wh') + ifnull(json_extract(body, '$.auxiliary_wh'), 0),
    iif(ifnull(json_extract(body, '$.filled_wh'), 0),
        json_extract(body, '$.length_s'), json_extract(body, '$.covered_s'))
from ledger where seq >= ? and kind = 'interval' and json_extract(body, '$.asset') = ? order by seq
"""


class OldPlant(Struct):
    """t_ms: start of each interval of step_s, or of a longer one. old_w: None: not compared.
    saved_kwh: the sum of the differences to the measured energy; its uncertainty is that of a report, None here.
    """

    step_s: int
    saved_kwh: PageValue
    t_ms: list[int] = field(default_factory=list)
    old_w: list[float | None] = field(default_factory=list)


def old_plant_of(web: Web, asset: str, from_ms: int, to_ms: int, catalogue: Catalogue) -> OldPlant:
    """Blocks for up to a second."""
    try:
        found = state_of(web).read(lambda db: dict(_intervals(db, asset, from_ms, to_ms)))
    except StateFileError as error:
        why = Absence(values.NOT_KNOWN.short, error.reason).why(catalogue)
        return OldPlant(STEP_S, PageValue(None, q="bad", why=why))
    compared = {start_ms: item for start_ms, item in sorted(found.items()) if item[0] is not None}
    if not compared:
        return OldPlant(STEP_S, values.unknown(values.NO_BASELINE, catalogue))
    saved_wh = math.fsum(saved for _, saved in compared.values() if saved is not None)
    return OldPlant(
        STEP_S, PageValue(round(saved_wh / 1000, 3)), list(compared), [watts for watts, _ in compared.values()]
    )


def _intervals(
    db: sqlite3.Connection, asset: str, from_ms: int, to_ms: int
) -> Iterator[tuple[int, tuple[float | None, float | None]]]:
    """Start of each quarter of an hour → power of the old plant, W, and saved energy, Wh. Later records replace
    earlier ones; the parts of a longer interval have its mean.
    """
    for start_ms, length_s, adjusted_wh, energy_wh, energy_s in db.execute(_RECORDS, (_first(db, from_ms), asset)):
        if not length_s or start_ms + 1000 * length_s <= from_ms or start_ms >= to_ms:
            continue
        parts = max(1, round(length_s / STEP_S))
        known = adjusted_wh is not None and energy_s
        watts = adjusted_wh * 3600 / energy_s if known else None
        saved = (adjusted_wh - energy_wh) / parts if known and energy_wh is not None else None
        for part in range(parts):
            yield start_ms + 1000 * STEP_S * part, (watts, saved)


def _first(db: sqlite3.Connection, from_ms: int) -> int:
    """The first record that may be of the time after from_ms: the times of the records increase with their numbers."""
    low, high = db.execute("select ifnull(min(seq), 0), ifnull(max(seq), 0) + 1 from ledger").fetchone()
    while low < high:
        middle = (low + high) // 2
        row: Any = db.execute("select t_ms from ledger where seq >= ? order by seq limit 1", (middle,)).fetchone()
        if row is not None and row[0] < from_ms - _LATE_MS:
            low = middle + 1
        else:
            high = middle
    return int(low)


async def _old_plant(request: Request) -> Response:
    web, catalogue, query = web_of(request), catalogue_of(request), request.query_params
    asset, _ = asset_of(request)
    to_ms = moment_ms(query.get("to"), web.now_ms(), catalogue)
    from_ms = moment_ms(query.get("from"), to_ms - 86_400_000, catalogue)
    if not 0 < to_ms - from_ms <= SPAN_DAYS_MAX * 86_400_000:
        raise HTTPException(400, catalogue.reason(SPAN_TOO_LONG(days=SPAN_DAYS_MAX)))
    return json_response(request, await run_sync(old_plant_of, web, asset, from_ms, to_ms, catalogue))


routes = [Route("/api/v1/motors/{id}/old-plant", _old_plant)]
