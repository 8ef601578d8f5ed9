"""motor.toml: every key of the contract is read; whatever is wrong is named with line, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.motor_file import MotorFileError, read_motor_file

COMPLETE = """
[motor]
kind = "induction"
at = "line"
kw = 30.0
rpm = 982
hz = 50
poles = 6
volts = 400
amps = 54.8
nm = 292.0
rotor_bars = 44
slots = 9
r1_ohm = 0.21
ls_h = 0.0031
xq_ohm = 2.1
flux_wb = 0.27
emf_v = 318
winding_degc = 90
magnet_degc = 75
winding_class = "F"
carrier_hz = 5000
application = "pump"
dc_link_uf = 620
"""


def read(tmp_path: Path, text: str) -> MachineData:
    path = tmp_path / "motor.toml"
    path.write_text(text, encoding="utf-8")
    return read_motor_file(path)


def test_every_key_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, COMPLETE)
    assert found == MachineData(
        kind="induction", at="line", kw=30, rpm=982, hz=50, poles=6, volts=400, amps=54.8, nm=292, rotor_bars=44,
        slots=9, r1_ohm=0.21, ls_h=0.0031, xq_ohm=2.1, flux_wb=0.27, emf_v=318, winding_degc=90, magnet_degc=75,
        winding_class="F", carrier_hz=5000, application="pump", dc_link_uf=620,
    )  # fmt: skip
    assert None not in [getattr(found, name) for name in MachineData.__struct_fields__]


@pytest.mark.parametrize("text", ["", "# nothing is known\n", "[motor]\n", "[drive]\n"])
def test_every_key_may_be_missing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == MachineData()


def test_a_drive_has_a_table_of_its_own(tmp_path: Path) -> None:
    found = read(tmp_path, '[drive]\nat = "drive_input"\nkw = 7.5\nvolts = 400\ndc_link_uf = 620\n')
    assert found == MachineData(at="drive_input", kw=7.5, volts=400, dc_link_uf=620)


@pytest.mark.parametrize(("at", "kw"), [("drive_input", 22), ("drive_output", 15)])
def test_of_two_tables_that_of_the_recorded_machine_counts(tmp_path: Path, at: str, kw: float) -> None:
    found = read(tmp_path, f'[motor]\nkind = "magnet"\nat = "{at}"\nkw = 15\n[drive]\nkw = 22\ndc_link_uf = 900\n')
    assert (found.kind, found.at, found.kw, found.dc_link_uf) == ("magnet", at, kw, 900)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("[motor]\nkwh = 3\n", 2, "motor.kwh"),
        ("[moter]\nkw = 3\n", 1, "moter"),
        ('[motor]\nkw = "3"\n', 2, "motor.kw"),
        ("[motor]\n\nkw = -3\n", 3, "motor.kw"),
        ("[motor]\nkw = nan\n", 2, "motor.kw"),
        ("[motor]\nkw = true\n", 2, "motor.kw"),
        ("[motor]\npoles = 5\n", 2, "motor.poles"),
        ("[motor]\npoles = 0\n", 2, "motor.poles"),
        ("[motor]\npoles = 4.0\n", 2, "motor.poles"),
        ('[motor]\nkind = "servo"\n', 2, "motor.kind"),
        ('[motor]\nat = "output"\n', 2, "motor.at"),
        ("[motor]\nmagnet_degc = 4000\n", 2, "motor.magnet_degc"),
        ("[motor]\napplication = 1\n", 2, "motor.application"),
        ("[drive]\nrotor_bars = 44\n", 2, "drive.rotor_bars"),
        ('[motor]\nat = "line"\n[drive]\nat = "drive_input"\n', 4, "drive.at"),
        ("motor = 3\n", 1, "motor"),
        ("[motor]\nkw: 3\n", 2, "motor.kw"),
        ("[motor]\nkw = 3\nkw = 4\n", 3, "motor.kw"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_line_and_key(tmp_path: Path, text: str, line: int, key: str) -> None:
    with pytest.raises(MotorFileError) as caught:
        read(tmp_path, text)
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.key) == ("motor.toml", line, key)


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(MotorFileError) as caught:
        read(tmp_path, '[motor]\nkw = 0\nrpm = "fast"\ncolour = "blue"\n')
    assert {problem.key for problem in caught.value.problems} == {"motor.kw", "motor.rpm", "motor.colour"}


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"[motor\n"])
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "motor.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MotorFileError) as caught:
        read_motor_file(path)
    assert len(caught.value.problems) == 1
