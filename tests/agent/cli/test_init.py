"""`magwatt init`: from an unknown line to a configuration that `check` accepts."""

from __future__ import annotations

import os
import pty
import re
import select
import stat
import tomllib
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.basics import ROOT
from support.config_text import load_all
from support.init_session import METER_DATA, noisy_line, scan_on, session, typed

from agent.cli import main
from agent.cli.init_dialogue import discard_typed
from agent.cli.options import WRONG
from agent.commissioning.discovery.scan_result import ScanOptions, ScanResult, Target
from agent.commissioning.init import reasons as codes
from agent.config.loader import load_config
from agent.config.model import Drive, Meter
from agent.core import text
from agent.core.text import text_of, use
from drivers.errors import ConnectFailed
from drivers.serial_line import not_opened
from simulators.endpoints import Endpoints
from simulators.scenarios import load

PORT = "/dev/ttyUSB9"


def devices_of(devices: Iterable[Meter | Drive]) -> set[tuple[object, ...]]:
    """What the labels of the devices state, without their names."""
    return {
        (item.unit_id, item.profile)
        + ((item.measuring_point, item.accuracy_class, item.wiring, item.ct, item.ct_class, item.ratio_applied_by)
           if isinstance(item, Meter) else (item.comm_loss,))
        for item in devices
    }  # fmt: skip


def test_the_noisy_line_becomes_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same devices, motors and connections as in the configuration that the simulator writes."""
    done = session(monkeypatch, tmp_path / "plant.toml", typed(PORT))
    assert done.exit_code == 0, done.output
    config, report = load_config(tmp_path / "plant.toml")
    assert not report.findings
    (tmp_path / "true").mkdir()
    scenario = load("noisy-line")
    truth, _report = load_all(tmp_path / "true", scenario.config_toml(Endpoints(rtu_port=PORT), "mqtt://h", "state"))
    for kind in ("meters", "drives"):
        assert devices_of(getattr(config, kind).values()) == devices_of(getattr(truth, kind).values())
    units = [
        {item.name: item.unit_id for item in (*each.meters.values(), *each.drives.values())} for each in (config, truth)
    ]
    feeds = [
        {(item.name if item.name in each.motors else unit_of[item.name], unit_of.get(item.fed_by or ""))
         for item in (*each.motors.values(), *each.drives.values())}
        for each, unit_of in zip((config, truth), units, strict=True)
    ]  # fmt: skip
    assert feeds[0] == feeds[1]
    plate = attrgetter("name", "kind", "kw", "rpm", "poles", "volts", "amps", "efficiency_class")
    plates = [set(map(plate, each.motors.values())) for each in (config, truth)]
    assert plates[0] == plates[1]
    assert config.buses["line"].line == (38400, 8, "N", 1)


@pytest.mark.parametrize("after", [9, 15, 40])
def test_an_interrupted_dialogue_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Everything that was typed is kept, and the devices that were found; the result is that of one run."""
    lines, file = typed(PORT), tmp_path / "plant.toml"
    done = session(monkeypatch, file, lines[:after])
    assert done.exit_code == 130
    assert not file.exists()
    assert session(monkeypatch, file, lines[after:]).exit_code == 0
    interrupted = file.read_text(encoding="utf-8")
    assert session(monkeypatch, tmp_path / "once.toml", lines).exit_code == 0
    assert interrupted == (tmp_path / "once.toml").read_text(encoding="utf-8")


def test_the_kept_answers_repeat_the_run_without_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session(monkeypatch, tmp_path / "plant.toml", typed(PORT))
    words = ["init", str(tmp_path / "again.toml"), "--answers", str(tmp_path / "plant.answers.toml")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0
    assert (tmp_path / "again.toml").read_bytes() == (tmp_path / "plant.toml").read_bytes()


def test_back_repeats_the_previous_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session(monkeypatch, tmp_path / "plant.toml", ["mill-2", "<", "mill-3", "gw"])
    kept = tomllib.loads((tmp_path / "plant.answers.toml").read_text(encoding="utf-8"))
    assert kept == {"site": {"id": "mill-3", "gateway": "gw"}}


def test_an_existing_configuration_is_not_overwritten_without_asking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, answers = tmp_path / "plant.toml", ROOT / "examples" / "meter.answers.toml"
    file.write_text("mine", encoding="utf-8")
    assert CliRunner().invoke(main, ["init", str(file), "--answers", str(answers)]).exit_code == WRONG
    assert session(monkeypatch, file, [str(tmp_path / "other.toml"), "mill-2"]).exit_code == 130
    assert (tmp_path / "other.answers.toml").exists()
    assert file.read_text(encoding="utf-8") == "mine"
    assert CliRunner().invoke(main, ["init", str(file), "--answers", str(answers), "--overwrite"]).exit_code == 0
    assert file.read_text(encoding="utf-8") != "mine"
    assert not list(tmp_path.glob(".*")), "no unfinished file is left"


def test_a_wrong_answers_file_writes_nothing(tmp_path: Path) -> None:
    """All problems in one call: a wrong value, a missing key, a name that no table has."""
    lines = (ROOT / "examples" / "meter.answers.toml").read_text(encoding="utf-8")
    lines = lines.replace("kw = 37", 'kw = "37,0"').replace('ct = "100/5"\n', "")
    lines = lines.replace('fed_by = "meter-1"', 'fed_by = "meter-7"')
    (tmp_path / "a.toml").write_text(lines, encoding="utf-8")
    done = CliRunner().invoke(main, ["init", str(tmp_path / "plant.toml"), "--answers", str(tmp_path / "a.toml")])
    assert done.exit_code == WRONG
    assert "a.toml:" in done.output
    for key in ("motor.pump-1.kw", "meter.meter-1.ct:", "motor.pump-1.fed_by"):
        assert key in done.output
    assert not (tmp_path / "plant.toml").exists()


def test_the_answers_file_of_the_documentation_has_the_required_keys(tmp_path: Path) -> None:
    """docs/how-to/init.md: it is accepted, and without any of its keys it is not."""
    page = (ROOT / "docs" / "how-to" / "init.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "password").write_text("secret\n", encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    lines = block.replace("/etc/magwatt/secrets/mqtt", str(tmp_path / "password")).splitlines()

    def exit_code(*without: str) -> int:
        answers = tmp_path / "a.toml"
        answers.write_text("\n".join(line for line in lines if line not in without), encoding="utf-8")
        words = ["init", str(tmp_path / "plant.toml"), "--answers", str(answers), "--overwrite"]
        return CliRunner().invoke(main, words).exit_code

    assert exit_code() == 0
    for line in lines:
        assert " = " not in line or exit_code(line) == WRONG, line


def test_a_file_that_is_not_toml_is_rejected_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[motor.pump-1]\nkw = 55\nrpm = 1500,0\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["init", str(tmp_path / "plant.toml"), "--answers", str(tmp_path / "a.toml")])
    assert done.exit_code == WRONG
    assert re.search(r"\b3\b", done.output.rpartition("a.toml:")[2])


def test_a_configuration_with_problems_does_not_replace_the_old_one(tmp_path: Path) -> None:
    """A reference that no table has is only found in the complete configuration."""
    lines = (ROOT / "examples" / "meter-and-drive.answers.toml").read_text(encoding="utf-8")
    lines = lines.replace('fed_by = "meter-11"', 'fed_by = "meter-12"')
    (tmp_path / "a.toml").write_text(lines, encoding="utf-8")
    file = tmp_path / "plant.toml"
    file.write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main, ["init", str(file), "--answers", str(tmp_path / "a.toml"), "--overwrite"])
    assert done.exit_code == WRONG
    line = next(n for n, text in enumerate(lines.splitlines(), 1) if text == 'fed_by = "meter-12"')
    assert f"a.toml:{line}: drive.drive-1.fed_by" in done.output
    assert "plant.toml.new" not in done.output
    assert file.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.toml", "plant.toml"]


def test_nothing_of_an_interrupted_scan_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the scan ends the questions; the next run reports it and scans again."""
    found = scan_on(noisy_line())

    def stopped(*arguments: Any) -> ScanResult:
        result = found(*arguments)
        result.found, result.stopped = result.found[:2], True
        return result

    file, lines = tmp_path / "plant.toml", typed(PORT)
    with monkeypatch.context() as patch:
        patch.setattr("support.init_session.scan_on", lambda line: stopped)
        assert session(patch, file, lines).exit_code == 130
    kept = tomllib.loads((tmp_path / "plant.answers.toml").read_text(encoding="utf-8"))
    assert kept["init"]["bus"]["line"] == {"fc03": True, "expect": "11-14,31,32", "interrupted": True}
    assert kept["bus"] == {"line": {"serial": PORT, "line": ""}}
    assert not {"meter", "drive"} & set(kept)
    again = session(monkeypatch, file, ["yes", *lines[lines.index("11-14,31,32") + 1 :]])
    assert again.exit_code == 0
    assert text_of(codes.SCAN_INTERRUPTED(bus="line")) in again.output
    session(monkeypatch, tmp_path / "once.toml", lines)
    assert file.read_bytes() == (tmp_path / "once.toml").read_bytes()


def test_a_port_that_does_not_exist_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = typed(PORT)
    at = lines.index(PORT)
    lines = (*lines[:at], "/dev/ttyUSB8", *lines[at:])
    assert session(monkeypatch, tmp_path / "plant.toml", lines, absent=["/dev/ttyUSB8"]).exit_code == 0
    assert load_config(tmp_path / "plant.toml")[0].buses["line"].serial == PORT


def test_a_port_that_cannot_be_opened_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other data of the bus are kept; only the warning is confirmed again."""
    found = scan_on(noisy_line())

    def forbidden(target: Target, options: ScanOptions) -> ScanResult:
        if target.serial == PORT:
            return found(target, options)
        raise ConnectFailed(not_opened(target.serial, PermissionError()))

    monkeypatch.setattr("support.init_session.scan_on", lambda line: forbidden)
    lines = typed("/dev/ttyUSB8")
    at = lines.index("11-14,31,32") + 1
    assert session(monkeypatch, tmp_path / "plant.toml", (*lines[:at], PORT, "yes", *lines[at:])).exit_code == 0
    assert load_config(tmp_path / "plant.toml")[0].buses["line"].serial == PORT


def test_back_returns_to_an_earlier_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice back: from the state folder to the time zone and to the gateway."""
    file = tmp_path / "plant.toml"
    session(monkeypatch, file, ["mill-2", "gw", "UTC"])
    session(monkeypatch, file, ["<", "<", "gw-7", "Asia/Tokyo"])
    kept = tomllib.loads((tmp_path / "plant.answers.toml").read_text(encoding="utf-8"))
    assert kept == {"site": {"id": "mill-2", "gateway": "gw-7", "timezone": "Asia/Tokyo"}}


def test_no_keeps_an_existing_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plant.toml").write_text("mine", encoding="utf-8")
    assert session(monkeypatch, Path("plant.toml"), ["no", "mill-2"]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plant.toml"]


def test_what_is_typed_during_a_scan_is_discarded(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as terminal, os.fdopen(master, "wb", buffering=0) as keyboard:
        monkeypatch.setattr("sys.stdin", terminal)
        keyboard.write(b"yes\n")
        assert select.select([terminal], [], [], 1)[0]
        discard_typed()
        assert not select.select([terminal], [], [], 0)[0]


def test_a_typed_password_is_kept_in_a_file_of_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["mill-2", "gw", "UTC", "state", "mqtt://h", "agent", "", "correct horse"]
    done = session(monkeypatch, tmp_path / "plant.toml", lines)
    secret = tmp_path / "secrets" / "mqtt"
    assert secret.read_text(encoding="utf-8") == "correct horse\n"
    assert stat.S_IMODE(os.stat(secret).st_mode) == 0o600
    assert "correct horse" not in done.output
    assert "correct horse" not in (tmp_path / "plant.answers.toml").read_text(encoding="utf-8")


def test_each_text_is_in_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No text of the session is missing in the catalogue, and the configuration is the same except for its comments."""
    before = list(text.missing)
    try:
        done = session(monkeypatch, tmp_path / "plant.toml", typed(PORT), "--lang", "zh")
    finally:
        use(None)
    assert done.exit_code == 0
    assert text.missing == before
    session(monkeypatch, tmp_path / "en.toml", typed(PORT))
    written = [tomllib.loads((tmp_path / name).read_text(encoding="utf-8")) for name in ("plant.toml", "en.toml")]
    assert written[0] == written[1]
    assert "#" in (tmp_path / "plant.toml").read_text(encoding="utf-8")


def test_a_line_without_devices_is_entered_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from support.virtual_line import VirtualLine

    lines = ["mill-2", "gw", "UTC", "state", "none", PORT, "9600 8N1", "yes", "no", "1-3"]  # nothing responds
    lines += ["no", "x", "7 eastron/sdm630", "", "", "motor", *METER_DATA]
    lines += ["pump-1", "induction", "55", "400", "100", "50", "1480", "0.85", "IE2", ""]
    done = session(monkeypatch, tmp_path / "plant.toml", lines, line=VirtualLine({}))
    assert done.exit_code == 0, done.output
    config, _report = load_config(tmp_path / "plant.toml")
    assert [(meter.unit_id, meter.profile) for meter in config.meters.values()] == [(7, "eastron/sdm630")]
    assert config.mqtt is None
