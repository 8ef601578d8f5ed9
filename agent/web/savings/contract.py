"""What the contracts of a month wait for, and for whom: from the files that come with the report of the month."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from anyio.to_thread import run_sync
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import N_, Catalogue
from agent.web.base.context import catalogue_of, language_of_request, web_of
from agent.web.base.values import Why
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from agent.web.savings.savings import (
    REPORT_PENDING,
    WAIT_S,
    file_response,
    month_name_of,
    report_content,
    report_of_request,
)

STATES = "contract.json"  # of agent/web/savings/contract_files.py
WHOM = {
    "customer": N_("customer"),
    "energy_service_company": N_("energy_service_company"),
    "parties": N_("both parties"),
    "gateway": N_("operator of the gateway"),
}
STATE_TEXTS = {
    "running": N_("the month has not ended"),
    "draft": N_("draft, not issued"),
    "issued": N_("issued; not accepted yet"),
    "settled": N_("settled: accepted by both parties"),
    "corrected": N_("corrected: a later revision replaces this one"),
    "invalid": N_("not valid"),
}


class ContractSignature(Struct):
    """A valid signature. role: code; role_text: in the language of the reader. key: fingerprint. signed: RFC 3339."""

    role: str
    role_text: str
    by: str
    key: str
    signed: str | None


class ContractRevision(Struct):
    """A revision of the month.

    state: issued | accepted | settled | corrected | invalid. id: SHA-256 of the document.
    issued: RFC 3339. reason: why it replaces the one before; "" of the first.
    gross: service fee with VAT, decimal; currency: its name.
    missing: roles without a valid signature. problem: why it is not valid.
    """

    revision: int
    state: str
    state_text: str
    id: str
    issued: str | None
    reason: str
    gross: str
    currency: str
    missing: list[str]
    signatures: list[ContractSignature]
    problem: str | None = None


class ContractWait(Struct):
    """Something that is awaited. whom: customer | energy_service_company | parties | gateway. since: RFC 3339."""

    whom: str
    whom_text: str
    code: str
    text: str
    since: str | None


class ContractInMonth(Struct):
    """state: of the newest revision; without one running | draft. sheet, bundle: path of the API; None: there is none.

    revisions: the newest last.
    """

    contract: str
    version: int
    title: str
    state: str
    state_text: str
    parties: dict[str, str]
    revisions: list[ContractRevision]
    waits: list[ContractWait]
    sheet: str | None
    bundle: str | None


class MonthContracts(Struct):
    """state: ready | pending (the report of the month is being computed) | none. why: there are none, or they cannot be
    used."""

    month: str
    state: str
    contracts: list[ContractInMonth]
    why: Why | None = None


async def _contracts(request: Request) -> Response:
    month = str(request.path_params["month"])
    month_name_of(request)
    found, why = await report_of_request(request, WAIT_S)
    if found.folder is None:
        state = "pending" if why.code == REPORT_PENDING else "none"
        return json_response(request, MonthContracts(month, state, [], why))
    stored = await run_sync(_stored, found.folder / STATES)
    catalogue, now_ms = catalogue_of(request), web_of(request).now_ms()
    language = language_of_request(request).partition("_")[0]
    contracts = [_contract(month, each, catalogue, language, now_ms) for each in stored["contracts"]]
    return json_response(request, MonthContracts(month, "ready", contracts, _problem(stored["problem"], language)))


def _stored(path: Path) -> Any:
    """A report that an earlier version computed has no contracts."""
    if not path.is_file():
        return {"contracts": [], "problem": None}
    return msgspec.json.decode(path.read_bytes())


def _problem(stored: Mapping[str, Any] | None, language: str) -> Why | None:
    if stored is None:
        return None
    return Why(stored["code"], stored["text"][language], stored["text"][language])


def _contract(
    month: str, stored: Mapping[str, Any], catalogue: Catalogue, language: str, now_ms: int
) -> ContractInMonth:  # fmt: skip
    number, state = stored["number"], stored["state"]
    newest = stored["revisions"][-1] if stored["revisions"] else stored
    waits = [
        ContractWait(wait["whom"], catalogue(WHOM[wait["whom"]]), wait["code"], wait["text"][language],
                     rfc3339(wait["since_ms"]))
        for wait in stored["waits"]
        if (wait["from_ms"] or 0) <= now_ms and (wait["until_ms"] is None or now_ms < wait["until_ms"])
    ]  # fmt: skip
    return ContractInMonth(
        stored["contract"], stored["version"], stored["title"], state, _state_text(newest, catalogue),
        stored["parties"], [_revision(each, catalogue, language) for each in stored["revisions"]], waits,
        f"/savings/{month}/sheet-{number}.html" if stored["sheet"] else None,
        f"/savings/{month}/bundle-{number}.json" if stored["bundle"] else None,
    )  # fmt: skip


def _state_text(stored: Mapping[str, Any], catalogue: Catalogue) -> str:
    """Of a revision, or of a contract without one."""
    if stored["state"] != "accepted":
        return catalogue(STATE_TEXTS[stored["state"]])
    [role] = [role for role in WHOM if role not in (*stored["missing"], "parties", "gateway")]
    return catalogue(N_("accepted by {role:word} only"), role=role)


def _revision(stored: Mapping[str, Any], catalogue: Catalogue, language: str) -> ContractRevision:
    problem = stored["problem"]["text"][language] if stored["problem"] else None
    currency = catalogue.known(stored["currency"]) or stored["currency"]
    signatures = [
        ContractSignature(each["role"], catalogue(WHOM[each["role"]]), each["by"], each["key"],
                          rfc3339(each["signed_ms"]))
        for each in stored["signatures"]
    ]  # fmt: skip
    return ContractRevision(
        stored["revision"], stored["state"], _state_text(stored, catalogue), stored["id"],
        rfc3339(stored["issued_ms"]), stored["reason"], stored["gross"], currency, stored["missing"], signatures,
        problem,
    )  # fmt: skip


async def _sheet(request: Request) -> Response:
    language = language_of_request(request).partition("_")[0]
    name = f"sheet-{_number(request)}-{language}.html"
    return file_response(request, await report_content(request, name), "html", "sheet")


async def _bundle(request: Request) -> Response:
    content = await report_content(request, f"bundle-{_number(request)}.json")
    return file_response(request, content, "json", "bundle")


def _number(request: Request) -> int:
    number = str(request.path_params["number"])
    if not (number.isascii() and number.isdigit() and len(number) < 3):
        raise HTTPException(404)
    return int(number)


routes = [
    Route("/api/v1/savings/{month}/contract", _contracts),
    Route("/api/v1/savings/{month}/sheet-{number}.html", _sheet),
    Route("/api/v1/savings/{month}/bundle-{number}.json", _bundle),
]
