"""The Motor view's endpoint, from messages that the demo published: a balance that closes, reasons, both languages."""

from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.page import ROOT, FedFollower, Page

from agent.analysis.efficiency import explain_reasons
from agent.analysis.efficiency.reasons import DRIVE_SILENT, LOAD_TOO_LOW, MOTOR_OFF
from agent.core.text import Catalogue, as_object
from agent.delivery.followed_messages import FollowedMessage
from agent.web.base.context import Web
from agent.web.base.motors import find
from agent.web.motor.motor import MotorDetail, detail_of, live_detail
from agent.web.motor.waterfall import Step
from drivers.reasons import Reason

RECORDED = json.loads(Path(__file__).with_name("recorded_motors.json").read_text(encoding="utf-8"))
ENGLISH, CHINESE = Catalogue("en"), Catalogue("zh_CN")
ROUNDING_W = 4.0  # seven published powers, each rounded to 1 W
LOSSES = ("motor_losses", "shaft", "motor_load", "motor_input", "drive_losses", "efficiency_pct")
CHINESE_LETTER = re.compile(r"[\u4e00-\u9fff]")


def shown(messages: dict[str, Any], catalogue: Catalogue = ENGLISH, age_s: float = 0.0) -> MotorDetail:
    web = Web(FedFollower())  # type: ignore[arg-type]
    received = dict.fromkeys(messages, time.monotonic() - age_s)
    web.follower.seen[f"{ROOT}/m"] = FollowedMessage(ROOT, "m", messages, received)
    entry = find(web, "m")
    assert entry is not None
    return detail_of(web, entry, catalogue)


def messages(motor: str = "pump-2", **values: Any) -> dict[str, Any]:
    """What the demo published, with other values in the telemetry."""
    found: dict[str, Any] = copy.deepcopy(RECORDED[motor])
    found["telemetry"]["v"] |= values
    return found


def without_estimates(reason: Reason, *names: str) -> dict[str, Any]:
    """As the agent publishes where it cannot estimate these metrics."""
    found = messages(efficiency_unavailable_reason=str.__str__(reason.code))
    row = found["telemetry"]
    row["v"] |= {name: None for name in row["v"] if name.startswith(names) and not name.endswith("_u")}
    row["r"] = {"efficiency_unavailable_reason": [as_object(reason)]}
    return found


def watts(step: Step) -> float:
    assert step.value.v is not None
    return step.value.v


@pytest.mark.parametrize("motor", ["pump-1", "pump-2"])
def test_losses_and_shaft_add_up_to_the_input(motor: str) -> None:
    found = messages(motor)
    first, *losses, last = shown(found).waterfall.steps
    assert watts(first) == pytest.approx(sum(map(watts, losses)) + watts(last), abs=ROUNDING_W)
    assert first.value.u is not None
    meter_w = found["telemetry"]["v"]["active_power_w"]
    assert watts(first) == pytest.approx(meter_w, abs=2 * first.value.u)  # mean of 10 s of a load that moves
    levels = [first.to_w, *(step.to_w for step in losses)]
    assert [step.from_w for step in losses] == levels[:-1]
    assert levels[-1] == pytest.approx(last.to_w, abs=ROUNDING_W)
    shares = [step.share_pct or 0.0 for step in (*losses, last)]
    assert sum(shares) == pytest.approx(100, abs=0.02)


def test_a_motor_on_a_drive_has_the_losses_of_the_drive_first() -> None:
    found = shown(messages())
    assert [step.key for step in found.waterfall.steps] == [
        "input", "drive", "copper", "core", "mechanical", "additional", "shaft",
    ]  # fmt: skip
    assert [step.key for step in shown(messages("pump-1")).waterfall.steps][1] == "copper"
    assert found.efficiencies.keys() == {"system_efficiency_pct", "motor_efficiency_pct", "drive_efficiency_pct"}


def test_the_axis_is_cut_and_contains_every_band() -> None:
    waterfall = shown(messages()).waterfall
    axis = waterfall.axis
    assert axis is not None
    assert axis.cut
    for step in waterfall.steps:
        assert step.low_w is not None
        assert step.high_w is not None
        assert axis.from_w <= step.low_w < step.high_w <= axis.to_w
    assert axis.ticks_w[0] == axis.from_w
    assert len(axis.ticks_w) in range(4, 10)


def test_the_budget_adds_up_and_its_largest_part_is_first() -> None:
    found = shown(messages())
    published = RECORDED["pump-2"]["telemetry"]["v"]
    for budget, metric in zip(found.budgets, ("system_efficiency_pct_u", "motor_efficiency_pct_u"), strict=True):
        assert budget.root_pct == pytest.approx(published[metric], rel=0.03)  # of two intervals of a moving load
        parts = [part.u_pct for part in budget.parts]
        assert parts == sorted(parts, reverse=True)
    assert found.budgets[0].parts[0].key == "drive_losses"
    assert found.improvements


@pytest.mark.text
def test_every_text_is_in_the_language_of_the_reader() -> None:
    found = shown(messages(), CHINESE)
    texts = [
        *(step.name for step in found.waterfall.steps), *(item.label for item in found.quantities), *found.improvements,
        *(part.name for budget in found.budgets for part in budget.parts), *(fact.label for fact in found.nameplate),
        *(fact.label for fact in found.meter), *(method.short for method in found.methods.values()),
    ]  # fmt: skip
    assert [text for text in texts if not CHINESE_LETTER.search(text)] == []


def test_without_an_explanation_the_values_stay() -> None:
    found = messages()
    del found["explain"]
    body = shown(found)
    assert body.waterfall.steps[0].value.v is not None
    assert body.waterfall.steps[0].value.u is None
    assert [budget.root_pct for budget in body.budgets] == [None]
    assert body.budgets[0].why is not None
    assert body.improvements == []
    assert body.explained is None


def test_a_silent_drive_is_the_reason_of_each_loss() -> None:
    body = shown(without_estimates(DRIVE_SILENT(), *LOSSES, "motor_efficiency", "system_efficiency"))
    steps = body.waterfall.steps
    assert {step.value.why.code for step in steps[1:] if step.value.why} == {"drive_silent"}
    assert steps[0].value.v == RECORDED["pump-2"]["telemetry"]["v"]["active_power_w"]
    assert all(step.high_w == steps[0].to_w for step in steps[1:])  # somewhere between nothing and the input
    assert body.efficiencies["system_efficiency_pct"].why is not None


def test_an_unknown_loss_lies_below_the_last_known_level() -> None:
    body = shown(without_estimates(LOAD_TOO_LOW(least=0.1), "motor_losses", "shaft", "motor_load"))
    steps = {step.key: step for step in body.waterfall.steps}
    after_drive = steps["drive"].to_w
    assert after_drive is not None
    assert [steps[key].high_w for key in ("copper", "additional", "shaft")] == [after_drive] * 3
    assert body.waterfall.axis is not None
    assert not body.waterfall.axis.cut


def test_a_braking_motor_is_read_from_the_shaft_to_the_supply() -> None:
    row = RECORDED["pump-2"]["telemetry"]["v"]
    loss_w = row["motor_losses_w"]
    body = shown(messages(shaft_power_w=-20_000, motor_input_power_w=-20_000 + loss_w, active_power_w=-18_000))
    first, *losses, last = body.waterfall.steps
    assert body.waterfall.braking
    assert (first.key, losses[-1].key, last.key) == ("shaft", "drive", "returned")
    assert watts(first) == 20_000
    assert watts(last) == pytest.approx(20_000 - loss_w - row["drive_losses_w"], abs=ROUNDING_W)
    assert sum(map(watts, losses)) + watts(last) == pytest.approx(watts(first), abs=ROUNDING_W)


def test_a_shared_drive_counts_with_the_share_of_the_motor() -> None:
    found = messages()
    source = explain_reasons.CURRENT_FROM_SHARED_DRIVE(drive="vfd-2", share=0.5)
    found["explain"]["inputs"]["current_and_frequency"] = as_object(source)
    steps = {step.key: step for step in shown(found).waterfall.steps}
    assert watts(steps["drive"]) == RECORDED["pump-2"]["telemetry"]["v"]["drive_losses_w"] / 2


@pytest.mark.parametrize("method", ["M7", "M9"])
def test_measured_losses_name_their_method(method: str) -> None:
    found = messages()
    found["telemetry"]["m"]["motor_efficiency_pct"] = method
    for catalogue in (ENGLISH, CHINESE):
        named = shown(found, catalogue).methods["motor_efficiency_pct"]
        assert named.id == method
        assert named.short
        assert named.long


def terminals(found: dict[str, Any], catalogue: Catalogue = ENGLISH, age_s: float = 0.0) -> str:
    return next(item.text for item in shown(found, catalogue, age_s).quantities if item.key == "terminals")


@pytest.mark.parametrize("catalogue", [ENGLISH, CHINESE])
def test_the_terminals_of_a_magnet_motor_are_live_or_unknown(catalogue: Catalogue) -> None:
    live, unknown = catalogue("LIVE"), catalogue("live or unknown")
    assert terminals(messages(), catalogue) == live
    assert terminals(messages(back_emf="unknown"), catalogue) == live  # it turns
    standing = {"motor_speed_rpm": 0, "back_emf": "unknown"}
    assert terminals(messages(**standing), catalogue) == unknown
    assert terminals(messages(), catalogue, age_s=300) == unknown
    flagged = messages()
    flagged["telemetry"]["f"]["back_emf"] = ["STALE"]
    assert terminals(flagged, catalogue) == unknown
    assert "terminals" not in [item.key for item in shown(messages("pump-1")).quantities]


def test_a_motor_that_is_off_and_one_that_is_silent_have_no_efficiency_but_a_reason() -> None:
    off = shown(without_estimates(MOTOR_OFF(), *LOSSES, "motor_efficiency", "system_efficiency"))
    silent = shown(messages(), age_s=300)
    for body, code in ((off, "motor_off"), (silent, "value_no_reply")):
        found = [*body.efficiencies.values(), *(step.value for step in body.waterfall.steps[1:])]
        assert {value.why.code for value in found if value.why} >= {code}
        assert all(value.why for value in found if value.v is None)
    assert silent.waterfall.axis is None


def test_the_old_plant_comes_from_the_last_interval_of_the_savings() -> None:
    found = messages()
    assert shown(found).saved_so_far.energy_kwh.why is not None
    saving = {"savings_verdict": "proven", "interval_saved_wh": 3_000, "interval_adjusted_baseline_wh": 10_000,
              "saved_energy_wh": 5e6, "saved_energy_wh_u": 3e5}  # fmt: skip
    found["savings"] = {"t": time.time_ns() // 1_000_000, "v": saving}
    so_far = shown(found).saved_so_far
    assert (so_far.old_plant_w.v, so_far.share_pct.v) == (40_000, 30)
    assert (so_far.energy_kwh.v, so_far.energy_kwh.u) == (5000, 300)


def test_an_event_of_the_stream_omits_what_does_not_change(page: Page) -> None:
    found = page.json("/api/v1/motors/pump-2")
    assert found["nameplate"]
    assert found["values"]["active_power_w"]["unit"] == "W"
    live = live_detail(page.web, ENGLISH, "pump-2")
    assert live is not None
    assert "nameplate" not in msgspec.json.decode(msgspec.json.encode(live))
    assert live_detail(page.web, ENGLISH, "nobody") is None


def test_a_motor_that_does_not_exist(page: Page) -> None:
    answer = page.get("/api/v1/motors/nobody")
    assert answer.status == 404
    assert "nobody" in json.loads(answer.body)["detail"]
