"""Savings: the figures of `magwatt report`, which a child process computes, and the month of the plant."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

import agent.savings.reasons
import agent.savings.report.reasons  # noqa: F401 - declares the codes in reports
from agent.config.model import Config
from agent.core.text import N_, Catalogue
from agent.savings.report.reasons import NO_DATA_OF_MOTOR, NO_MOTOR
from agent.web.base.context import Web, catalogue_of, language_of_request, web_of
from agent.web.base.state_file import StateFileError, state_of
from agent.web.base.values import Absence, Why
from agent.web.http.csv_export import csv_response, wants_csv
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from agent.web.savings.month import Month, month_name, no_month
from agent.web.savings.month_sum import month_sum
from agent.web.savings.report_cache import CachedReport, ReportCache
from agent.web.savings.savings_months import bounds_ms, fingerprint, months_with_data, present_month
from drivers.reasons import Code, InvalidValue

WAIT_S = 20.0  # of a request for a report; then the answer is "pending"
MONTH_WAIT_S = 0.5
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_FILES = {"html": "text/html", "csv": "text/csv", "json": "application/json"}
_PICTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,80}-[0-9]{1,2}-(en|zh)\.svg")

NO_CONFIGURATION = Code(
    "page_no_configuration",
    "The savings need the configuration of the plant: start `magwatt web` with --config FILE on the gateway.",
)
MONTH_WITHOUT_DATA = Code("page_month_without_data", "There are no data of {month}.")
MONTH_INVALID = Code("page_month_invalid", "{text:quoted} is not a month: write for example 2026-11")
REPORT_PENDING = Code("page_report_pending", "The report is being computed; it is ready within a minute or two.")


class MonthName(Struct):
    month: str
    name: str


class Months(Struct):
    """Newest first. why: there is none."""

    months: list[MonthName]
    why: Why | None = None


class _Asked(NamedTuple):
    """A month of the state file. fingerprint: of its data; "": there are none. running: it has not ended."""

    month: str
    fingerprint: str
    running: bool = True


_caches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, ReportCache]] = WeakKeyDictionary()


def reports_of(config: Config) -> ReportCache:
    """The reports of a plant, for the running event loop."""
    path = config.path.absolute()
    return _caches.setdefault(asyncio.get_running_loop(), {}).setdefault(path, ReportCache(path))


async def month_summary(web: Web, catalogue: Catalogue) -> Month:
    """The running month of the plant, or the last one with data."""
    if web.config is None:
        return no_month(web, Absence(N_("no configuration"), NO_CONFIGURATION()), catalogue)
    if not web.config.motors:
        return no_month(web, Absence(N_("no motor"), NO_MOTOR()), catalogue)
    try:
        asked = await run_sync(_present, web, web.config)
    except StateFileError as error:
        return no_month(web, Absence(N_("no data"), error.reason), catalogue)
    if not asked.fingerprint:
        return no_month(web, Absence(N_("no data"), NO_DATA_OF_MOTOR()), catalogue)
    found = await reports_of(web.config).report(asked.month, asked.fingerprint, MONTH_WAIT_S)
    if found.folder is None:
        missing = no_month(web, _missing(found), catalogue, "none" if found.failed else "pending")
        missing.month, missing.name = asked.month, month_name(asked.month, catalogue)
        missing.running = asked.running
        return missing
    body = msgspec.json.decode(await run_sync((found.folder / "report.json").read_bytes))
    total = month_sum(body["motors"], catalogue)
    until_ms = max((motor["saving"]["to_ms"] for motor in body["motors"] if motor["saving"]), default=body["made_ms"])
    return Month(
        asked.month, month_name(asked.month, catalogue), total.saved_kwh, total.money, total.verdict,
        catalogue.translate(total.verdict) if total.verdict else catalogue(N_("no saving calculated")),
        rfc3339(until_ms), total.motors, total.of, total.days, "ready", total.saved_kwh.why,
        asked.running,
    )  # fmt: skip


def _present(web: Web, config: Config) -> _Asked:
    """The running month, or without data in it the newest one with data. Raises StateFileError."""

    def read(db: Any) -> _Asked:
        months, present = months_with_data(db, config), present_month(db, config, web.now_ms())
        if not months:
            return _Asked(present, "")
        month = present if present in months else months[0]
        return _Asked(month, fingerprint(db, config, month, web.now_ms()), month == present)

    return state_of(web).read(read)


async def _months(request: Request) -> Response:
    as_csv = wants_csv(request)
    found = await _known_months(web_of(request), catalogue_of(request))
    return csv_response(found.months, "savings") if as_csv else json_response(request, found)


async def _known_months(web: Web, catalogue: Catalogue) -> Months:
    config = web.config
    if config is None:
        return Months([], Absence(N_("no configuration"), NO_CONFIGURATION()).why(catalogue))
    try:
        found = await run_sync(state_of(web).read, lambda db: months_with_data(db, config))
    except StateFileError as error:
        return Months([], Absence(N_("no data"), error.reason).why(catalogue))
    why = None if found else Absence(N_("no data"), NO_DATA_OF_MOTOR() if config.motors else NO_MOTOR()).why(catalogue)
    return Months([MonthName(month, month_name(month, catalogue)) for month in found], why)


async def _month(request: Request) -> Response:
    """The JSON of the report, unchanged, with `state`, `name` and the texts of the report in the reader's language.

    As CSV: the file of `magwatt report`.
    """
    if wants_csv(request):
        return await _report_file(request, "csv")
    catalogue, month = catalogue_of(request), str(request.path_params["month"])
    head = {"month": month, "name": month_name_of(request)}
    found, why = await report_of_request(request, WAIT_S)
    if found.folder is None:
        state = "pending" if why.code == REPORT_PENDING else "none"
        return json_response(request, {**head, "state": state, "why": why, "motors": []})
    folder, language = found.folder, language_of_request(request).partition("_")[0]
    figures, page = await run_sync(lambda: ((folder / "report.json").read_bytes(), (folder / "page.json").read_bytes()))
    report: Mapping[str, msgspec.Raw] = msgspec.json.decode(figures, type=dict[str, msgspec.Raw])
    rendered = msgspec.json.decode(page)
    texts = rendered.pop("texts")[language]
    total = month_sum(msgspec.json.decode(figures)["motors"], catalogue)
    return json_response(request, {
        **report, **head, "state": "ready", "current": found.current, "sum": total, "why": None,
        "rendered": {**rendered, **texts},
    })  # fmt: skip


async def _newest(request: Request) -> Response:
    """To the report of the newest month: a link for a browser without JavaScript."""
    web, catalogue = web_of(request), catalogue_of(request)
    if (config := web.config) is None:
        raise HTTPException(404, catalogue.reason(NO_CONFIGURATION()))
    try:
        months = await run_sync(state_of(web).read, lambda db: months_with_data(db, config))
    except StateFileError as error:
        raise HTTPException(404, catalogue.reason(error.reason)) from None
    if not months:
        raise HTTPException(404, catalogue.reason(NO_DATA_OF_MOTOR()))
    return RedirectResponse(f"/api/v1/savings/{months[0]}/report.html", 302)


async def _file(request: Request) -> Response:
    return await _report_file(request, request.url.path.rpartition(".")[2])


async def _report_file(request: Request, kind: str) -> Response:
    """A file of the report, as `magwatt report` writes it. kind: html, csv or json."""
    language = language_of_request(request).partition("_")[0]
    name = f"report-{language}.html" if kind == "html" else f"report.{kind}"
    return file_response(request, await report_content(request, name), kind)


def file_response(request: Request, content: bytes, kind: str, name: str = "") -> Response:
    """A file of a month. kind: html, csv or json; html is shown unless the request asks for a download.

    name: of the kind of file, "" for the report.
    """
    headers = {"cache-control": "private, no-cache"}
    if kind != "html" or request.query_params.get("download"):
        config = web_of(request).config
        parts = ("magwatt", config.site.id if config else "", str(request.path_params["month"]), name)
        headers["content-disposition"] = f'attachment; filename="{"-".join(filter(None, parts))}.{kind}"'
    if kind == "html":  # a page of its own: its styles are inline, it has no script, and it loads nothing
        headers["content-security-policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    return Response(content, headers=headers, media_type=_FILES[kind])


async def _picture(request: Request) -> Response:
    name = str(request.path_params["picture"])
    if not _PICTURE.fullmatch(name):
        raise HTTPException(404)
    headers = {
        "cache-control": "private, no-cache",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
    return Response(await report_content(request, name), headers=headers, media_type="image/svg+xml")


async def report_content(request: Request, name: str) -> bytes:
    """A file that was computed with the report of the month of an address. Raises HTTPException."""
    month_name_of(request)
    found, why = await report_of_request(request, WAIT_S)
    if found.folder is None:
        raise HTTPException(503 if why.code == REPORT_PENDING else 404, why.long)
    path: Path = found.folder / name
    try:
        return await run_sync(path.read_bytes)
    except FileNotFoundError:
        raise HTTPException(404) from None


def month_name_of(request: Request) -> str:
    """The name of the month. Raises HTTPException 404."""
    catalogue, month = catalogue_of(request), str(request.path_params["month"])
    if not _MONTH.fullmatch(month):
        raise HTTPException(404, catalogue.reason(MONTH_INVALID(text=month[:20])))
    return month_name(month, catalogue)


async def report_of_request(request: Request, wait_s: float) -> tuple[CachedReport, Why]:
    """The report of the month of an address, and why there is none."""
    web, catalogue, month = web_of(request), catalogue_of(request), str(request.path_params["month"])
    config = web.config
    if config is None:
        return _ABSENT, Absence(N_("no configuration"), NO_CONFIGURATION()).why(catalogue)

    def read(db: Any) -> str:
        has_data = month in months_with_data(db, config) and bounds_ms(config, month)
        return fingerprint(db, config, month, web.now_ms()) if has_data else ""

    try:
        data = await run_sync(state_of(web).read, read)
    except (StateFileError, InvalidValue) as error:
        return _ABSENT, Absence(N_("no data"), error.reason).why(catalogue)
    if not data:
        reason = MONTH_WITHOUT_DATA(month=month_name(month, catalogue))
        return _ABSENT, Absence(N_("no data"), reason).why(catalogue)
    found = await reports_of(config).report(month, data, wait_s)
    return found, _missing(found).why(catalogue)


_ABSENT = CachedReport(None, False)


def _missing(found: CachedReport) -> Absence:
    if found.failed is not None:
        return Absence(N_("no report"), found.failed)
    return Absence(N_("being computed"), REPORT_PENDING())


routes = [
    Route("/api/v1/savings", _months),
    Route("/api/v1/savings/newest/report.html", _newest),
    Route("/api/v1/savings/{month}", _month),
    *(Route(f"/api/v1/savings/{{month}}/report.{kind}", _file) for kind in _FILES),
    Route("/api/v1/savings/{month}/{picture}", _picture),
]
