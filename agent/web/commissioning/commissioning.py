"""GET /commissioning: is everything wired and identified correctly? Per motor the steps, their evidence, the wiring."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable, Mapping
from typing import Any

import anyio
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.config.model import Config
from agent.config.topology import Asset, assets
from agent.core.text import N_, Catalogue
from agent.delivery.followed_messages import FollowedMessage
from agent.web.base.context import Web, catalogue_of, web_of
from agent.web.commissioning import commissioning_reasons as codes
from agent.web.commissioning.commissioning_evidence import (
    STEPS,
    StepEvidence,
    StoredEvidence,
    state_of,
    stored_evidence,
)
from agent.web.commissioning.wiring_advice import advice
from agent.web.commissioning.wiring_picture import Angles, WiringMistake, angles_of, mistake_of
from agent.web.http.json_response import json_response
from agent.web.http.times import rfc3339
from drivers.reasons import Reason, reason_of

REREAD_S = 10.0  # the files are read again after this time
STEP_NAMES = {
    "nameplate": N_("nameplate"), "devices": N_("devices"), "wiring": N_("wiring"), "registers": N_("registers"),
    "displays": N_("displays"),
}  # fmt: skip
_WHOLE_LOADS = frozenset(("wiring_leading_load", "wiring_regenerating", "wiring_compensated_load"))


class LiveWiring(Struct, frozen=True):
    """What a running agent reports about the wiring of one motor.

    faults: that fit the readings; empty: none, or not known.
    angles: between voltage and current of the terminals 1 to 3; None: unknown.
    evidence: of the step "wiring"; None: without a meter of this motor.
    """

    faults: tuple[Reason, ...]
    angles: Angles | None
    evidence: StepEvidence | None


class _Cache(Struct):
    stored: StoredEvidence
    config: Config
    read_s: float


async def _commissioning(request: Request) -> Response:
    web, catalogue = web_of(request), catalogue_of(request)
    if web.config is None:
        return json_response(request, {"t": rfc3339(web.now_ms()), "configured": False, "motors": []})
    cache: _Cache | None = getattr(request.app.state, "commissioning", None)
    if cache is None or cache.config is not web.config or time.monotonic() - cache.read_s > REREAD_S:
        stored = await anyio.to_thread.run_sync(stored_evidence, web.config)
        cache = request.app.state.commissioning = _Cache(stored, web.config, time.monotonic())
    return json_response(request, answer(web, web.config, cache.stored, catalogue))


routes = [Route("/api/v1/commissioning", _commissioning)]


def answer(web: Web, config: Config, stored: StoredEvidence, catalogue: Catalogue) -> dict[str, Any]:
    motors = [_motor(web, config, asset, stored, catalogue) for asset in assets(config)]
    return {"t": rfc3339(web.now_ms()), "configured": True, "motors": motors}


def _motor(web: Web, config: Config, asset: Asset, stored: StoredEvidence, _: Catalogue) -> dict[str, Any]:
    followed = web.follower.seen.get(f"{config.site.root}/{asset.name}")
    live = live_wiring(asset, followed)
    evidence = {name: list(items) for name, items in stored.steps[asset.name].items()}
    if live.evidence is not None:
        evidence["wiring"].append(live.evidence)
    steps = [_step(name, evidence[name], _) for name in STEPS]
    current = next((n for n, step in enumerate(steps, 1) if step["state"] == "failed"), None)
    current = current or next((n for n, step in enumerate(steps, 1) if step["state"] == "open"), None)
    finding = _finding(asset, live, stored.wiring[asset.name], _)
    return {
        "id": asset.name, "name": asset.title, "steps": steps, "step": current,
        "failed": sum(step["state"] == "failed" for step in steps),
        "open": sum(step["state"] == "open" for step in steps), "finding": finding,
        "picture": _as_wired(asset, live) if finding is None else None,
        "live": _phases(followed, live.angles, _wrong_terminals(finding)),
        "record": stored.records.get(asset.name),
        "command": shlex.join(["magwatt", "commission", str(config.path), asset.name]),
    }  # fmt: skip


def _step(name: str, evidence: Iterable[StepEvidence], _: Catalogue) -> dict[str, Any]:
    found = list(evidence)
    return {
        "id": name, "name": _(STEP_NAMES[name]), "state": state_of(found),
        "evidence": [
            {"state": item.state, "text": _.reason(item.reason), "by": item.by,
             "t": None if item.at_ms is None else rfc3339(item.at_ms)}
            for item in found
        ],
    }  # fmt: skip


def live_wiring(asset: Asset, followed: FollowedMessage | None) -> LiveWiring:
    """From the messages `explain` and `telemetry` of a motor."""
    messages: Mapping[str, Mapping[str, Any]] = followed.messages if followed else {}
    angles = angles_of(messages.get("telemetry", {}).get("v", {}))
    explain = messages.get("explain")
    if asset.meter is None or asset.motor is None or asset.shared:
        return LiveWiring((), angles, None)
    if explain is None:
        return LiveWiring((), angles, StepEvidence("open", codes.WIRING_NOT_LIVE()))
    at_ms = explain.get("t")
    faults = tuple(reason_of(item) for item in explain.get("meter_wiring_faults") or () if isinstance(item, dict))
    faults = tuple(fault for fault in faults if fault.code not in _WHOLE_LOADS)
    if faults:
        return LiveWiring(faults, angles, StepEvidence("failed", codes.WIRING_LIVE_FAULT(fault=faults[0]), at_ms=at_ms))
    known = {"ok": ("done", codes.WIRING_FITS()), "unclear": ("open", codes.WIRING_UNCLEAR())}
    state, reason = known.get(str(explain.get("meter_wiring")), ("note", codes.WIRING_NOT_TOLD()))
    return LiveWiring((), angles, StepEvidence(state, reason, at_ms=at_ms))  # type: ignore[arg-type]


def _finding(asset: Asset, live: LiveWiring, checked: list[Reason], _: Catalogue) -> dict[str, Any] | None:
    """The mistake to repair first: of the live check, otherwise of the last self-check; None: there is none."""
    source, faults = ("live", live.faults) if live.faults else ("self-check", tuple(checked))
    if not faults or asset.meter is None:
        return None
    mistakes = [(fault, mistake_of(fault, live.angles)) for fault in faults]
    drawn = next(((fault, mistake) for fault, mistake in mistakes if mistake is not None), None)
    if drawn is None:
        steps = [_.reason(codes.DO_COMPARE_RATIO(meter=asset.meter.name))]
        return {"source": source, "title": _.reason(faults[0]), "text": "", "others": "", "danger": None,
                "steps": steps, "picture": None}  # fmt: skip
    fault, mistake = drawn
    said = advice(mistake, live.angles if source == "live" else None)
    others = tuple(other for other in faults if other is not fault)
    return {
        "source": source, "title": _.reason(said.title), "text": _.reason(said.evidence) if said.evidence else "",
        "others": _.reason(codes.SEVERAL_MISTAKES_FIT(others=others)) if others and source == "live" else "",
        "danger": _.reason(said.danger), "steps": [_.reason(step) for step in said.steps],
        "picture": picture(asset.meter.name, mistake),
    }  # fmt: skip


def _as_wired(asset: Asset, live: LiveWiring) -> dict[str, Any] | None:
    """The picture of a correct wiring, where the values confirm it; None: they do not."""
    confirmed = live.evidence is not None and live.evidence.state == "done"
    return picture(asset.meter.name, WiringMistake("current")) if confirmed and asset.meter else None


def picture(meter: str, mistake: WiringMistake) -> dict[str, Any]:
    """What charts/wiring.js draws."""
    return {
        "meter": meter, "side": mistake.side,
        "wires": [
            {"terminal": wire.terminal, "phase": wire.phase, "own": f"L{number}", "state": wire.state,
             "reversed": wire.reversed}
            for number, wire in enumerate(mistake.wires, 1)
        ],
    }  # fmt: skip


def _wrong_terminals(finding: dict[str, Any] | None) -> set[int]:
    """Numbers of the terminals that are drawn as wrong."""
    if finding is None or finding["picture"] is None:
        return set()
    wires = finding["picture"]["wires"]
    return {number for number, wire in enumerate(wires, 1) if wire["state"] != "ok" or wire["reversed"]}


def _phases(followed: FollowedMessage | None, angles: Angles | None, wrong: set[int]) -> dict[str, Any] | None:
    """The values of each phase; None: the meter gives none."""
    message = followed.messages.get("telemetry") if followed else None
    if followed is None or message is None:
        return None
    values, t_ms = message.get("v", {}), message.get("t")
    rows = [
        {"phase": k, "u_v": values.get(f"voltage_l{k}n_v"), "i_a": values.get(f"current_l{k}_a"),
         "p_w": values.get(f"active_power_l{k}_w"), "phi_deg": round(angles[k - 1], 1) if angles else None,
         "wrong": k in wrong}
        for k in (1, 2, 3)
    ]  # fmt: skip
    if all(row[name] is None for row in rows for name in ("u_v", "i_a", "p_w")):
        return None
    age_s = max(0.0, time.monotonic() - followed.received_s["telemetry"])
    return {
        "t": rfc3339(t_ms) if isinstance(t_ms, int) else None, "age_s": round(age_s, 1),
        "stale": age_s > 3 * max(followed.interval_s, 1.0),
        "judged": bool(wrong) or angles is not None, "rows": rows,
    }  # fmt: skip
