"""A month is issued by the gateway, signed by two parties on two computers, recorded, and corrected."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support import independent_contract as independent
from support.basics import HandClock
from support.contract_parties import gateway_with_plan, magwatt
from support.independent_bundle import verified
from support.metered_retrofit import utc_ms
from support.savings import save_event

from agent.contract import reasons as codes
from agent.core.text import text_of
from agent.delivery.store import Store
from agent.savings.ledger.signing_key import FILE
from agent.savings.reasons import MAINTENANCE
from agent.savings.records.model import NonRoutineEvent

MONTH = "2024-10"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway with a recorded plan, and the keys of the parties."""
    folder = tmp_path_factory.mktemp("month")
    gateway_with_plan(folder, days=2)
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(made, tmp_path / "copy")


def issue(place: Path, *more: str, code: int = 0) -> Path:
    path = place / f"month{len(list(place.glob('month*')))}.json"
    config = place / "gateway" / "plant.toml"
    magwatt("contract", "issue", "--month", MONTH, "--config", config, "--output", path, *more, code=code)
    return path


def states(place: Path, code: int = 0) -> list[tuple[int, str]]:
    shown = magwatt("contract", "history", "--config", place / "gateway" / "plant.toml", "--json", code=code)
    return [(each["document"]["revision"], each["state"]) for each in json.loads(shown.stdout)["months"]]


def sign_both(place: Path, month: Path) -> None:
    """Each party has only the two files and its key."""
    for name in ("customer", "company"):
        folder = place / f"{name}-{month.stem}"
        folder.mkdir()
        for file in (month, place / "plan.json", place / f"{name}.pem"):
            shutil.copy(file, folder)
        magwatt("contract", "sign", folder / month.name, "--key", folder / f"{name}.pem")
        shutil.copy(folder / month.name, month)


def record(place: Path, month: Path, code: int = 0) -> str:
    return magwatt("contract", "record", month, "--config", place / "gateway" / "plant.toml", code=code).output


def test_two_parties_settle_a_month_and_correct_it(place: Path) -> None:
    """An independent verifier follows each step."""
    config = place / "gateway" / "plant.toml"
    assert verified(bundle_of(place)).state == "none"
    month = issue(place)
    assert (states(place), verified(bundle_of(place)).state) == ([(1, "issued")], "issued")
    magwatt("contract", "show", month, code=1)
    sign_both(place, month)
    magwatt("contract", "show", month)
    record(place, month)
    record(place, month)  # the same once more
    found = verified(bundle_of(place))
    assert (states(place), found.state, found.later) == ([(1, "settled")], "settled", ())
    assert found.amount == json.loads(month.read_text(encoding="utf-8"))["document"]["amount"]
    again = magwatt("contract", "issue", "--month", MONTH, "--config", config, "--output", place / "again.json", code=2)
    settled = codes.MONTH_SETTLED_ALREADY(month=MONTH, revision=1, next=2)
    assert (again.stderr, (place / "again.json").exists()) == (f"{text_of(settled)}\n", False)
    once_more = magwatt("contract", "issue", "--month", MONTH, "--config", config, "--output", month, code=2)
    assert once_more.stderr == again.stderr  # not that the file exists
    second = issue(place, "--reason", "certificate of the meter")
    assert (states(place), verified(bundle_of(place)).state) == ([(1, "settled"), (2, "issued")], "issued")
    sign_both(place, second)
    record(place, second)
    assert (states(place), verified(bundle_of(place)).state) == ([(1, "corrected"), (2, "settled")], "settled")
    magwatt("ledger", "verify", "--config", config)
    record(place, month)  # its signatures are known


def test_each_party_can_be_the_only_one(place: Path) -> None:
    month = issue(place)
    magwatt("contract", "sign", month, "--key", place / "company.pem")
    record(place, month)
    assert states(place) == [(1, "accepted")]
    assert verified(bundle_of(place))[:2] == ("accepted", ("energy_service_company",))


def with_event(place: Path) -> None:
    """An event of three hours on 2 October, which the agent found."""
    begin_ms = utc_ms("2024-10-02 06:00")
    with contextlib.closing(Store(place / "gateway" / "state", HandClock(begin_ms / 1000))) as store:
        span_ms = begin_ms, begin_ms + 3 * 3_600_000
        save_event(store, NonRoutineEvent(0, "fan", "maintenance", *span_ms, MAINTENANCE(), 5.0, "exclude"))


def decide(place: Path, *decision: str) -> None:
    config = place / "gateway" / "plant.toml"
    by = ("--by", "Li Wei", "--reason", "filter changed")
    magwatt("adjustment", "decide", "fan", "1", *decision, *by, "--config", config)


def motor_of(month: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(month.read_text(encoding="utf-8"))["document"]["motor"]["fan"]
    return found


@pytest.mark.text
def test_both_parties_sign_the_decisions_and_a_later_one_is_found(place: Path) -> None:
    with_event(place)
    undecided = issue(place)
    accepted = {each["code"] for each in motor_of(undecided)["assumptions"]}
    assert accepted >= {"event_undecided", "low_coverage", "driver_uncalibrated"}
    decide(place, "--adjust", "12.3455")
    assert verified(bundle_of(place)).later == ("decision 1",)
    month = issue(place, "--reason", "event 1 was decided")
    [named] = motor_of(month)["decisions"]
    assert (named["event"], named["decision"], sum(named["energy_wh"].values())) == (1, "adjust", 12_346)
    assert motor_of(month)["excluded_wh"].keys() < motor_of(undecided)["excluded_wh"].keys()
    sign_both(place, month)
    decide(place, "--keep")
    output = record(place, month, code=1)  # it is recorded, and the later decision is reported
    assert "event 1 of fan was decided after it was issued" in output
    assert states(place, code=1) == [(1, "corrected"), (2, "settled")]
    found = verified(bundle_of(place))
    assert (found.state, found.later) == ("settled", ("decision 1",))


def test_a_decision_or_baseline_that_was_edited_prevents_a_month(place: Path) -> None:
    with_event(place)
    decide(place, "--adjust", "12.3")
    state = place / "gateway" / "state" / "magwatt.sqlite"
    edits = {"savings-event": lambda text: text.replace("12300.0", "99300.0"), "baseline": with_residual}
    for kind, edit in edits.items():
        with contextlib.closing(sqlite3.connect(state)) as db:
            [before] = db.execute("select body from note where kind = ? and name like 'fan%'", (kind,)).fetchone()
            changed = edit(before)
            assert changed != before
            db.execute("update note set body = ? where kind = ? and body = ?", (changed, kind, before))
            db.commit()
            issue(place, code=1)
            assert list(place.glob("month*")) == []
            db.execute("update note set body = ? where kind = ? and body = ?", (before, kind, changed))
            db.commit()
    issue(place)


def with_residual(text: str) -> str:
    """A baseline with another uncertainty."""
    return json.dumps({**json.loads(text), "residual_wh": 1.0})


def test_what_is_signed_is_printed_before_the_passphrase(place: Path) -> None:
    month = issue(place)
    amount = json.loads(month.read_text(encoding="utf-8"))["document"]["amount"]
    refused = magwatt("contract", "sign", month, "--key", place / "customer.pem", text="wrong passphrase", code=2)
    for figure in (amount["gross"], amount["net"], amount["vat"]):
        assert figure in refused.stdout
    assert len(json.loads(month.read_text(encoding="utf-8"))["signatures"]) == 1  # that of the gateway


def bundle_of(place: Path, *more: str) -> dict[str, Any]:
    output = place / "bundle.json"
    config = place / "gateway" / "plant.toml"
    magwatt("ledger", "export", "--month", MONTH, "--config", config, "--output", output, *more)
    found: dict[str, Any] = independent.parsed(output.read_text(encoding="utf-8"))
    return found


def test_a_month_is_not_issued_without_a_plan_or_for_nothing(place: Path, tmp_path: Path) -> None:
    config, month = place / "gateway" / "plant.toml", tmp_path / "month.json"
    for arguments, code in (
        (("--month", "2024-09"), 2),  # before the plan
        (("--month", "2024-11"), 1),  # no data
        (("--month", "2024-13"), 2),
        (("--month", MONTH, "--reason", "meter"), 2),  # nothing to correct
        (("--month", MONTH, "--contract", "EMC-2026-018"), 2),
    ):
        found = magwatt("contract", "issue", *arguments, "--config", config, "--output", month, code=code)
        assert (len(found.stderr.splitlines()), month.exists()) == ((code == 2), False), found.output
    assert states(place) == []
    (place / "gateway" / "state" / FILE).unlink()
    found = magwatt("contract", "issue", "--month", MONTH, "--config", config, "--output", month, code=2)
    assert len(found.stderr.splitlines()) == 1
    assert not (place / "gateway" / "state" / FILE).exists()  # no other key is made


def test_a_motor_without_baseline_is_settled_by_another_formula(tmp_path: Path) -> None:
    """2 days at the agreed 90.5 kW less the measured energy; no interval is in a saving."""
    terms = {"method": "direct_comparison", "formula": "direct_comparison", "reference_kw": "90.5"}
    price = {"price__per_kwh": {"flat": "0.80"}, "settlement__energy_decimals": 3}
    gateway_with_plan(tmp_path, 2, False, **{f"motor__fan__{key}": value for key, value in terms.items()}, **price)
    motor = motor_of(issue(tmp_path))
    [[measured_wh, *compared]] = motor["energies"].values()
    assert (motor["evidence"], compared, motor["recalculated"]) == ("none", [0, 0], [])
    assert motor["excluded_wh"] == {"baseline_missing": measured_wh}
    assert len(motor["excluded"]) == 1
    assert motor["contract_kwh"] == {"": f"{90.5 * 48 - measured_wh / 1000:.3f}"}
    assert verified(bundle_of(tmp_path)).state == "issued"
