"""Old keys of the configuration: one problem each, with the new key."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import reasons as codes
from agent.config.renamed_keys import RENAMED
from tests.support.config_text import problems

# Every renamed key with its new name and a valid value; complete, so that all checks of the file run.
PLANT = """\
[site]
id = "mill-2"
gateway = "gw-07"
assume_clock_synchronized = true

[store]
state_dir = "state"
commit_interval = "1s"
min_free_space = "5%"
spool_retention = "90d"

[ledger]
checkpoint_file = "checkpoints.jsonl"

[mqtt]
url = "mqtt://127.0.0.1"
outputs = ["homeassistant"]
backfill_rate = 50

[bus.b]
serial = "/dev/ttyUSB0"
line = "19200 8E1"
poll_interval = "1s"
inter_request_delay = "10ms"
listen_before_start = "2s"

[meter.m]
bus = "b"
unit_id = 1
profile = "schneider/pm5000"
measuring_point = "drive-input"
ct = "400/5"
ratio_applied_by = "meter"
class = "0.5"
allocation = "rated-power"
power_factor_compensation = false

[drive.d]
bus = "b"
unit_id = 2
profile = "yaskawa/ga800"
fed_by = "m"
comm_loss = "not used"

[motor.p]
kind = "pm"
kw = 55
rpm = 1500
poles = 8
volts = 380
fed_by = "d"
replaced_motor = { kind = "induction", kw = 55 }
periods = { baseline = 2026-09-01, reporting = 2026-09-20 }

[motor.p.waveform]
serial = "/dev/ttyUSB1"
measuring_point = "drive-input"

[signal.register]
bus = "b"
unit_id = 3
address = 1
type = "u16"
unit_of_measure = "m3/h"
motor = "p"

[signal.topic]
topic = "mill/line-3"
unit_of_measure = "t/h"
motor = "p"
expected_interval = "60s"
"""
HEADERS = {
    "bus": ["bus.b"],
    "meter": ["meter.m"],
    "drive": ["drive.d"],
    "motor": ["motor.p"],
    "motor.waveform": ["motor.p.waveform"],
    "signal": ["signal.register", "signal.topic"],
}
OLD_KEYS = [(kind, old, new) for kind, renamed in RENAMED.items() for old, new in renamed.items()]


def with_old_key(text: str, header: str, old: str, new: str) -> str:
    """The text with the new key of that table under its old name."""
    before, start, rest = text.partition(f"[{header}]\n")
    table, gap, after = rest.partition("\n\n")
    assert start, header
    lines = [f"{old}{line.removeprefix(new)}" if line.startswith(f"{new} = ") else line for line in table.split("\n")]
    return before + start + "\n".join(lines) + gap + after


@pytest.mark.parametrize(("kind", "old", "new"), OLD_KEYS)
def test_an_old_key_is_one_problem_that_names_the_new_key(tmp_path: Path, kind: str, old: str, new: str) -> None:
    headers = [header for header in HEADERS.get(kind, [kind]) if with_old_key(PLANT, header, old, new) != PLANT]
    assert headers
    for header in headers:
        (problem,) = problems(tmp_path, with_old_key(PLANT, header, old, new))
        assert (problem.key, problem.reason.code) == (f"{header}.{old}", codes.CONFIG_KEY_RENAMED)
        assert problem.reason.data["new"] == new
        assert problem.reason.data["value"]
        assert f"{new} = {problem.reason.data['value']}" in str(problem)


def test_all_old_keys_together_are_one_problem_each(tmp_path: Path) -> None:
    text = PLANT
    for kind, old, new in OLD_KEYS:
        for header in HEADERS.get(kind, [kind]):
            text = with_old_key(text, header, old, new)
    found = problems(tmp_path, text)
    assert {item.reason.code for item in found} == {codes.CONFIG_KEY_RENAMED}, found
    assert len(found) == len(set(found)) == len(OLD_KEYS) + 1  # `of` is in both signals


def test_a_wrong_value_under_an_old_key_is_another_problem(tmp_path: Path) -> None:
    text = with_old_key(PLANT, "bus.b", "every", "poll_interval").replace('every = "1s"', 'every = "1 sec"')
    renamed, wrong = sorted(problems(tmp_path, text), key=lambda item: item.key)
    assert renamed.key == "bus.b.every"
    assert renamed.reason == codes.CONFIG_KEY_RENAMED(new="poll_interval", value='"1 sec"')
    assert (wrong.key, wrong.value, wrong.reason) == ("bus.b.poll_interval", '"1 sec"', codes.DURATION_EXPECTED())


def test_an_old_key_with_its_new_one_is_the_only_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, PLANT.replace("poll_interval =", 'every = "5 sec"\npoll_interval ='))
    assert problem.key == "bus.b.every"
    assert problem.reason == codes.CONFIG_KEY_RENAMED(new="poll_interval", value='"5 sec"')


@pytest.mark.parametrize("text", ["bus = 1", "[bus]\nb = 2", "[motor]\np = { waveform = 3 }"])
def test_a_value_instead_of_a_table_is_a_problem(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, f"{text}\n")
