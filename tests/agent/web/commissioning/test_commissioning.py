"""The commissioning view: what counts as evidence of a step, from records, self-checks and live messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import config_text
from support.basics import HandClock

from agent.acquisition.selfcheck_results import save_check
from agent.analysis.efficiency.reasons import WIRING_FAULTS, WIRING_RATIO
from agent.commissioning.selfcheck.reasons import METER_CTS_SWAPPED
from agent.commissioning.wizard.questions import statements
from agent.commissioning.wizard.reasons import DISPLAY_MATCHES
from agent.commissioning.wizard.record import CommissioningRecord, CommissioningStep, write
from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.text import Catalogue, as_object
from agent.delivery.followed_messages import FollowedMessage, MessageFollower
from agent.delivery.store import Store
from agent.web.base.context import Web
from agent.web.commissioning.commissioning import answer
from agent.web.commissioning.commissioning_evidence import FOLDER, stored_evidence
from drivers.reasons import Reason

AT_MS = 1_790_000_000_000
TEXTS = Catalogue("en")
# The powers of each phase of a load of 18° whose currents I1 and I2 are exchanged: 138°, −102° and 18°
EXCHANGED = {
    "active_power_l1_w": -7431.0, "reactive_power_l1_var": 6691.0, "active_power_l2_w": -2079.0,
    "reactive_power_l2_var": -9781.0, "active_power_l3_w": 9511.0, "reactive_power_l3_var": 3090.0,
    "current_l1_a": 43.0, "current_l2_a": 43.0, "current_l3_a": 43.0,
}  # fmt: skip


def plant(folder: Path, ct: str = "400/5") -> Config:
    path = folder / "plant.toml"
    text = [
        config_text.site(), config_text.bus(), config_text.meter(ct=ct, ct_class="0.5"), config_text.motor(),
        config_text.table("store", state_dir="state"),
    ]  # fmt: skip
    path.write_text("\n".join(text), encoding="utf-8")
    return load_config(path)[0]


def record(config: Config, replies: dict[str, str], at_ms: int = AT_MS, by: str = "Li Wei") -> Path:
    """A record as `magwatt commission` writes it. replies: code of a statement → reply; the others are "yes"."""
    asset = assets(config)[0]
    asked = [*(question.statement for question in statements(asset)), DISPLAY_MATCHES()]
    steps = [
        CommissioningStep(statement, replies.get(statement.code, "yes"), "other wires", by, at_ms)  # type: ignore[arg-type]
        for statement in asked
    ]
    made = CommissioningRecord(asset.name, asset.title, "mill-2", "gw-07", config.hash, by, at_ms, "", steps=steps)
    return write(made, config.path.parent / FOLDER)


def check(config: Config, failed: tuple[str, ...] = (), findings: tuple[Reason, ...] = ()) -> None:
    assert config.state_dir is not None
    config.state_dir.mkdir(exist_ok=True)
    store = Store(config.state_dir, HandClock())
    save_check(store, config, "m1", AT_MS, failed=failed, verified=["frequency"], findings=findings)
    store.close()


def shown(config: Config, **messages: dict[str, Any]) -> dict[str, Any]:
    """The motor of the view. messages: kind → message that was received from it."""
    follower = MessageFollower()
    followed = FollowedMessage(config.site.root, "p1", messages, dict.fromkeys(messages, 0.0))
    follower.seen = {f"{config.site.root}/p1": followed} if messages else {}
    (motor,) = answer(Web(follower, config), config, stored_evidence(config), TEXTS)["motors"]
    found: dict[str, Any] = motor
    return found


def states(motor: dict[str, Any]) -> dict[str, str]:
    return {step["id"]: step["state"] for step in motor["steps"]}


def explain(wiring: str, *faults: Reason) -> dict[str, Any]:
    return {"t": AT_MS, "meter_wiring": wiring, "meter_wiring_faults": [as_object(fault) for fault in faults]}


def test_nothing_is_confirmed_without_a_record(tmp_path: Path) -> None:
    motor = shown(plant(tmp_path))
    assert set(states(motor).values()) == {"open"}
    assert motor["step"] == 1
    assert motor["command"] == f"magwatt commission {tmp_path}/plant.toml p1"


def test_a_record_and_a_self_check_confirm_the_steps(tmp_path: Path) -> None:
    config = plant(tmp_path)
    path = record(config, {})
    check(config)
    motor = shown(config, explain=explain("ok"))
    assert states(motor) | {"registers": ""} == {
        "nameplate": "done", "devices": "done", "wiring": "done", "registers": "", "displays": "done"
    }  # fmt: skip
    assert motor["record"] == path.with_suffix(".json").name
    said = motor["steps"][0]["evidence"][0]
    assert (said["by"], said["t"]) == ("Li Wei", "2026-09-21T14:13:20.000Z")
    # The profile has registers that nothing has confirmed: the last step is not done before they are
    assert {item["state"] for item in motor["steps"][3]["evidence"]} == {"done", "open"}


def test_a_reply_no_fails_its_step(tmp_path: Path) -> None:
    config = plant(tmp_path)
    record(config, {"cts_match": "no", "display_matches": "not_checked"})
    motor = shown(config)
    assert states(motor)["devices"] == "failed"
    assert states(motor)["displays"] == "open"
    assert motor["step"] == 2


def test_a_confirmation_ends_with_a_change_of_what_was_confirmed(tmp_path: Path) -> None:
    record(plant(tmp_path), {})
    motor = shown(plant(tmp_path, ct="600/5"))
    assert [item["state"] for item in motor["steps"][1]["evidence"]] == ["done", "open"]  # meter, transformers
    assert states(motor)["nameplate"] == "done"


def test_the_newest_record_of_this_motor_counts(tmp_path: Path) -> None:
    config = plant(tmp_path)
    record(config, {"nameplate_matches": "no"})
    newest = record(config, {}, AT_MS + 60_000)
    other = newest.with_suffix(".json")
    other.with_name(f"p1-spare-{other.name.removeprefix('p1-')}").write_bytes(b"{}")
    assert states(shown(config))["nameplate"] == "done"
    other.write_bytes(b"{broken")
    motor = shown(config)
    assert states(motor)["nameplate"] == "open"
    assert motor["steps"][0]["evidence"][0]["state"] == "note"


@pytest.mark.parametrize("body", [b"[]", b'{"steps": 3}', b'{"steps": [{"statement": {"code": 1}}, 5]}', b"\xff"])
def test_a_damaged_record_confirms_nothing(tmp_path: Path, body: bytes) -> None:
    config = plant(tmp_path)
    record(config, {}).with_suffix(".json").write_bytes(body)
    assert states(shown(config))["nameplate"] == "open"


def test_a_live_mistake_is_drawn_with_its_angles(tmp_path: Path) -> None:
    config = plant(tmp_path)
    record(config, {})
    swapped = WIRING_FAULTS["ct_swapped"](phases="L1-L2")
    motor = shown(config, explain=explain("ct_swapped:L1-L2", swapped), telemetry={"t": AT_MS, "v": EXCHANGED})
    assert states(motor)["wiring"] == "failed"
    assert (motor["step"], motor["picture"]) == (3, None)
    finding = motor["finding"]
    assert finding["source"] == "live"
    assert [(wire["terminal"], wire["phase"]) for wire in finding["picture"]["wires"]] == [
        ("I1", "L2"), ("I2", "L1"), ("I3", "L3")
    ]  # fmt: skip
    assert [(row["phi_deg"], row["wrong"]) for row in motor["live"]["rows"]] == [
        (pytest.approx(138, abs=0.1), True), (pytest.approx(-102, abs=0.1), True), (pytest.approx(18, abs=0.1), False)
    ]  # fmt: skip
    assert finding["danger"]
    assert len(finding["steps"]) == 3


def test_a_mistake_of_the_last_self_check_is_drawn_until_the_next_one(tmp_path: Path) -> None:
    config = plant(tmp_path)
    check(config, ("active_power",), (METER_CTS_SWAPPED(device="m1", phase="L2", other_phase="L3"),))
    motor = shown(config)
    assert (states(motor)["wiring"], states(motor)["registers"]) == ("failed", "failed")
    assert [wire["phase"] for wire in motor["finding"]["picture"]["wires"]] == ["L1", "L3", "L2"]
    check(config)
    assert shown(config)["finding"] is None


def test_a_wrong_ratio_is_a_finding_without_a_picture(tmp_path: Path) -> None:
    finding = shown(plant(tmp_path), explain=explain("ratio:2.00", WIRING_RATIO(ratio=2.0)))["finding"]
    assert (finding["picture"], finding["danger"]) == (None, None)


def test_a_load_that_is_no_mistake_is_not_one(tmp_path: Path) -> None:
    motor = shown(plant(tmp_path), explain=explain("regenerating", WIRING_FAULTS["regenerating"]()))
    assert motor["finding"] is None
    assert states(motor)["wiring"] == "open"
