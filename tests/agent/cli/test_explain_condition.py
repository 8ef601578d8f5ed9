"""`magwatt explain` on the condition: three verdicts, findings with their figures, healthy only while it is current."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.alarm_messages import DEMAGNETIZED, condition, fault

from agent.analysis.condition.faults import FAULTS
from agent.cli import explain_source
from agent.cli.broker_source import BrokerSource
from agent.cli.condition_words import CONDITIONS
from agent.cli.explain_condition import condition_text
from agent.config.model import Mqtt
from agent.core.text import _, use
from agent.delivery.mqtt.follower import FollowedMessage, Follower


def test_findings_come_first_with_index_limit_trend_evidence_and_advice() -> None:
    lines = condition_text(DEMAGNETIZED, current=True).splitlines()
    assert _(CONDITIONS["finding"]) in lines[0]
    found, index, why, advice, clear, unseen, reason = lines[1:]
    assert _(FAULTS["demagnetization"].title) in found
    for part in ("-9.2 ± 2.4 %", "-5", "-1.1 %"):
        assert part in index
    assert DEMAGNETIZED["faults"]["demagnetization"]["why"]["text"] in why
    assert advice.strip().startswith("1. ")
    assert _(FAULTS["phase_loss"].title) in clear
    assert _(FAULTS["eccentricity"].title) in unseen
    assert reason.strip() == "no record is long enough"


@pytest.mark.parametrize(
    ("word", "current", "shown"),
    [("healthy", True, "healthy"), ("healthy", False, "unknown"), ("finding", False, "finding"),
     ("fine", True, "unknown")],
)  # fmt: skip
def test_healthy_is_said_only_of_the_present(word: str, current: bool, shown: str) -> None:
    assert _(CONDITIONS[shown]) in condition_text(condition(word), current)


def test_terminals_are_never_called_clear_of_voltage() -> None:
    body = condition("healthy", live_terminals=fault("clear"), stall=fault("clear"))
    text = condition_text(body, current=True)
    assert _(FAULTS["stall"].title) in text
    assert _(FAULTS["live_terminals"].title) not in text


@pytest.mark.text
def test_a_clear_rotor_names_what_that_does_not_exclude() -> None:
    text = condition_text(condition("healthy", broken_rotor_bar=fault("clear")), current=True)
    assert FAULTS["broken_rotor_bar"].unless
    assert FAULTS["broken_rotor_bar"].unless in text


def test_faults_with_the_same_reason_are_one_line() -> None:
    other = {"code": "of_a_later_version", "data": {}, "text": "the load is too low"}
    faults = {"bearing": fault("not_observable"), "stall": fault("not_observable", reason=other)}
    lines = condition_text(condition("unknown", **faults, eccentricity=fault("not_observable")), True).splitlines()
    assert [lines[2].strip(), lines[4].strip()] == [other["text"], "no record is long enough"]
    assert _(FAULTS["stall"].title) in lines[1]
    assert all(_(FAULTS[code].title) in lines[3] for code in ("bearing", "eccentricity"))
    assert len(lines) == 5


@pytest.mark.text
def test_in_chinese() -> None:
    english = condition_text(DEMAGNETIZED, current=True)
    use("zh_CN")
    try:
        chinese = condition_text(DEMAGNETIZED | {"faults": DEMAGNETIZED["faults"] | {"later": fault("clear")}}, True)
    finally:
        use(None)
    assert "a title of the agent" in chinese, "of a code that this version does not know"
    kept = {"    " + fault("finding")["why"]["text"], "    " + fault("not_observable")["reason"]["text"]}
    assert not set(english.splitlines()) & set(chinese.splitlines()) - kept


@pytest.mark.parametrize("as_json", [False, True])
def test_it_follows_the_efficiency(
    as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    messages: dict[str, dict[str, Any]] = {"explain": {"t": 1, "k": 2}, "condition": DEMAGNETIZED}
    monkeypatch.setattr(
        Follower, "start", lambda follower: follower.seen.update({"a/gw/m": FollowedMessage("a/gw", "m", messages)})
    )
    monkeypatch.setattr(explain_source, "as_text", lambda *_: "the values")
    source = BrokerSource(Mqtt("127.0.0.1", 1883, False), "#")
    assert explain_source.from_broker(source, "m", 1.0, as_json) == 0
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed) == {"t": 1, "k": 2, "condition": DEMAGNETIZED}
    else:
        assert printed == f"the values\n\n{condition_text(DEMAGNETIZED, current=True)}\n"
