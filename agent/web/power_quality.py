"""GET /power-quality, /motors/{id}/power-quality and the waveform of an event: the supply of a motor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.core.text import Catalogue, N_
from agent.delivery.mqtt.follower import FollowedMessage
from agent.web.answer import Answer
from agent.web.context import Web, catalogue_of, web_of
from agent.web.event_waveform import event_waveform
from agent.web.harmonic_answers import harmonic_answer, thd_answer, unbalance_answer
from agent.web.harmonics import Spectrum, largest, spectrum
from agent.web.phasors import Phasors, phasors_of_meter, phasors_of_waveform
from agent.web.supply_events import DAY_MS, SupplyEvent, night_answer, supply_event, worst_event
from agent.web.supply_limits import CHOICES, ShownLimits, default_standard, shown_limits
from dsp.voltage_tolerance import tolerance_curve

DAYS = 30
CURVE = "semi-f47"
STALE_S = 9.0  # three intervals of 3 s
PLACES = {
    "drive-input": N_("at the drive's input"),
    "motor": N_("at the motor's terminals"),
    "drive-output": N_("at the drive's output"),
    "feeder": N_("at the feeder"),
}
NO_DEVICE = N_(
    "A waveform device is missing: it sends samples of three voltages and three currents (EWS/1, at 2.5 kS/s or more), "
    "measured at the drive's input or, without a drive, at the motor; configure it as [motor.{motor}.waveform]."
)
NO_SAMPLES = N_("The waveform device of this motor has sent nothing yet.")
DRIVE_OUTPUT = N_("There are no limits at the output of a drive: its voltage is pulse-width modulated.")
CURVE_SOURCE = N_(
    "what equipment must ride through; from public secondary sources, 80 % up to 10 s and 90 % beyond from memory"
)
NO_CURRENT_LIMIT = N_(
    "No limit of the current is shown: IEC 61000-3-12 needs the short-circuit ratio Rsce, IEEE 519 Isc/IL, and "
    "GB/T 14549 the short-circuit capacity or the share in the contract; none of them is configured."
)


class LimitSet(Struct):
    """The limits of one standard and the answers with them.

    place: text where the standard does not apply inside the plant. rule: which share of the values must comply.
    """

    limits: ShownLimits
    place: str | None
    rule: str
    answers: list[Answer]


def power_quality(web: Web, followed: FollowedMessage, catalogue: Catalogue) -> dict[str, Any]:
    """Everything of the view but the waveform of the last event, see docs/page.md. Blocks for a query of the state."""
    live = supply_now(web, followed, catalogue)
    now_ms = web.now_ms()
    events = supply_events(web, followed, now_ms - DAYS * DAY_MS, catalogue)
    curve = tolerance_curve(CURVE)
    last = max(events, key=lambda event: event.start_ms, default=None)
    worst = worst_event(events)
    return live | {
        "events_answer": night_answer(events, now_ms, catalogue),
        "events": {
            "days": DAYS,
            "list": events,
            "last_ms": last and last.t_ms,
            "worst_ms": worst and worst.t_ms,
            "below": sum(event.below_curve is True for event in events),
            "curve": {
                "title": curve.title, "source": curve.source, "mark": curve.mark,
                "source_text": catalogue(CURVE_SOURCE),
                "steps": [[until_s if math.isfinite(until_s) else None, pct] for until_s, pct in curve.steps],
            },
        },
    }  # fmt: skip


def live_detail(web: Web, catalogue: Catalogue, motor: str) -> dict[str, Any] | None:
    """What a new pq3s, harmonics or event message changes, for the stream; None: nothing was received."""
    followed = _followed(web, motor)
    return None if followed is None else supply_now(web, followed, catalogue)


def supply_now(web: Web, followed: FollowedMessage, catalogue: Catalogue) -> dict[str, Any]:
    """Phasors, harmonics and answers of the newest messages."""
    point = _point(web, followed)
    has_device = point is not None
    message = followed.messages.get("pq3s", {})
    pq3s, harmonics = message.get("v", {}), followed.messages.get("harmonics", {}).get("v", {})
    telemetry = followed.messages.get("telemetry", {})
    from_samples = pq3s.get("angle_i_l1_deg") is not None or pq3s.get("frequency_hz") is not None
    phasors = phasors_of_waveform(pq3s, harmonics) if from_samples else phasors_of_meter(telemetry.get("v", {}))
    u, i = (spectrum(harmonics, pq3s, kind) for kind in "ui")
    t_ms = message.get("t") if from_samples else telemetry.get("t") if phasors else None
    place = point if from_samples else _meter_point(followed)
    sets = _limit_sets(web, followed, point, phasors, u, i, catalogue)
    why = None if u or i else catalogue(NO_SAMPLES) if has_device else catalogue(NO_DEVICE, motor=followed.asset)
    return {
        "id": followed.asset,
        "t_ms": t_ms,
        "event_ms": followed.messages.get("event", {}).get("t"),
        "window_s": 3 if from_samples else None,
        "stale": t_ms is not None and web.now_ms() - t_ms > 1000 * STALE_S and from_samples,
        "has_device": has_device,
        "place": catalogue(PLACES[place]) if place in PLACES else None,
        "phasors": phasors,
        "u": u,
        "i": i,
        "why_no_harmonics": why,
        "why_no_limits": catalogue(DRIVE_OUTPUT) if point == "drive-output" else None,
        "why_no_current_limits": catalogue(NO_CURRENT_LIMIT),
        "standards": sets,
        "standard": next((one.limits.key for one in sets), None),
        "answers": _answers(phasors, u, i, telemetry.get("v", {}), None, catalogue),
    }


def supply_events(web: Web, followed: FollowedMessage, from_ms: int, catalogue: Catalogue) -> list[SupplyEvent]:
    """Events of the supply since from_ms, oldest first."""
    curve = tolerance_curve(CURVE)
    message = followed.messages.get("event")
    if message is None or message["t"] < from_ms:
        return []
    found = supply_event(message["t"], message["v"], "snapshot_start_ms" in message["v"], curve, catalogue)
    return [found] if found else []


def _answers(
    phasors: Phasors | None, u: Spectrum | None, i: Spectrum | None, telemetry: Mapping[str, Any],
    limits: ShownLimits | None, catalogue: Catalogue,
) -> list[Answer]:  # fmt: skip
    u_pct = u.worst_thd_pct if u else largest([telemetry.get(f"thd_u_l{n}_pct") for n in (1, 2, 3)])
    i_pct = i.worst_thd_pct if i else largest([telemetry.get(f"thd_i_l{n}_pct") for n in (1, 2, 3)])
    return [
        harmonic_answer(u, i, limits, catalogue),
        thd_answer(u_pct, i_pct, limits, catalogue),
        unbalance_answer(phasors, limits, catalogue),
    ]


def _limit_sets(
    web: Web, followed: FollowedMessage, point: str | None, phasors: Phasors | None, u: Spectrum | None,
    i: Spectrum | None, catalogue: Catalogue,
) -> list[LimitSet]:  # fmt: skip
    """The default standard first; none at a drive's output."""
    if point == "drive-output":
        return []
    first = default_standard(web.zone)
    telemetry = followed.messages.get("telemetry", {}).get("v", {})
    sets = []
    for key in sorted(CHOICES, key=lambda key: key != first):
        limits = shown_limits(key, _nominal_v(web, followed))
        if limits is not None:
            sets.append(LimitSet(
                limits, None if limits.in_plant else catalogue(N_("for the point of common coupling")),
                _rule(limits, catalogue), _answers(phasors, u, i, telemetry, limits, catalogue),
            ))  # fmt: skip
    return sets


def _rule(limits: ShownLimits, catalogue: Catalogue) -> str:
    interval = f"{limits.interval_s // 60} min" if limits.interval_s >= 60 else f"{limits.interval_s} s"
    return catalogue(
        N_("a limit holds for {percent:g} % of the {interval} values of {days:d} d; the bars are the last 3 s"),
        percent=limits.percent, interval=interval, days=limits.period_s // 86400,
    )  # fmt: skip


def _point(web: Web, followed: FollowedMessage) -> str | None:
    """Where the samples of the motor are taken; None: it has no waveform device."""
    motor = web.config.motors.get(followed.asset) if web.config else None
    if motor is not None:
        return motor.waveform.measuring_point if motor.waveform else None
    found = followed.messages.get("meta", {}).get("motor", {}).get("waveform_measuring_point")
    return found if isinstance(found, str) else "drive-input" if "harmonics" in followed.messages else None


def _meter_point(followed: FollowedMessage) -> str | None:
    found = followed.messages.get("meta", {}).get("meter", {}).get("measuring_point")
    return found if isinstance(found, str) else None


def _nominal_v(web: Web, followed: FollowedMessage) -> float | None:
    """The declared line voltage of the supply; None: not stated."""
    motor = web.config.motors.get(followed.asset) if web.config else None
    if motor is None:
        return None
    if motor.waveform and motor.waveform.supply_v:
        return motor.waveform.supply_v
    return motor.volts if motor.waveform and motor.waveform.measuring_point == "motor" else None


def _followed(web: Web, name: str) -> FollowedMessage | None:
    return next((one for one in tuple(web.follower.seen.values()) if one.asset == name), None)


async def _get(request: Request) -> Response:
    web = web_of(request)
    followed = _followed(web, request.path_params["id"])
    if followed is None:
        return Response(status_code=404)
    return _json(power_quality(web, followed, catalogue_of(request)))


async def _list(request: Request) -> Response:
    """The motors, those with a waveform device first in the order of the configuration; the first one is shown."""
    web = web_of(request)
    seen = {one.asset: one for one in tuple(web.follower.seen.values())}
    order = [*(web.config.motors if web.config else ()), *seen]
    known = [name for name in dict.fromkeys(order) if name in seen]
    motors = [{"id": name, "has_device": _point(web, seen[name]) is not None} for name in known]
    first = next((motor["id"] for motor in motors if motor["has_device"]), None)
    return _json({"motors": motors, "first": first})


async def _waveform(request: Request) -> Response:
    web = web_of(request)
    followed = _followed(web, request.path_params["id"])
    message = followed.messages.get("event") if followed else None
    if followed is None or message is None or message["t"] != request.path_params["t_ms"]:
        return Response(status_code=404)
    event = supply_event(message["t"], message["v"], True, tolerance_curve(CURVE), catalogue_of(request))
    frequency = followed.messages.get("pq3s", {}).get("v", {}).get("frequency_hz")
    found = event and event_waveform(event, message["v"], frequency)
    return Response(status_code=404) if found is None else _json(found)


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")


routes = [
    Route("/api/v1/power-quality", _list),
    Route("/api/v1/motors/{id}/power-quality", _get),
    Route("/api/v1/motors/{id}/events/{t_ms:int}/waveform", _waveform),
]
