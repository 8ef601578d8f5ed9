"""The numbers of the motors: they stay, whatever happens to the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.northbound import ROOT, FedFollower, topics

from agent.northbound.modbus.motor_numbers import MOTORS_MAX, MotorNumbers
from agent.northbound.modbus.units import Units
from drivers.reasons import InvalidValue


def test_a_motor_keeps_its_number_when_others_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "state" / "modbus-motors"
    first = MotorNumbers(path)
    first.add(topics(3))
    first.save()
    later = MotorNumbers(path)
    later.add([f"{ROOT}/fan", f"{ROOT}/pump-3", f"{ROOT}/pump-1"])
    assert list(later) == [(1, f"{ROOT}/pump-1"), (2, f"{ROOT}/pump-2"), (3, f"{ROOT}/pump-3"), (4, f"{ROOT}/fan")]


def test_a_motor_that_appears_gets_the_next_number_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "modbus-motors"
    follower = FedFollower()
    units = Units(MotorNumbers(path), follower)
    follower.listeners.append(units.on_message)
    units.add(topics(1))
    follower.feed_row("fan", active_power_w=1.0)
    assert path.read_text().splitlines() == [f"{ROOT}/pump-1", f"{ROOT}/fan"]
    found = units.read(1, 120, 1)
    assert found == b"\0\2"


def test_a_number_that_cannot_be_stored_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    follower = FedFollower()
    numbers = MotorNumbers(tmp_path / "absent")
    units = Units(numbers, follower)
    numbers.path = tmp_path / "file" / "modbus-motors"
    follower.listeners.append(units.on_message)
    follower.feed_row("fan", active_power_w=1.0)
    assert units.problem is not None
    assert units.problem.code == "north_numbers_unusable"
    assert units.read(101, 0, 1) == 11, "no such unit"


@pytest.mark.parametrize("text", ["a/b\n\n", "a/b\na/b\n", "pump-1\n", "a/\x07\n"])
def test_a_damaged_file_prevents_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "n").write_text(text)
    with pytest.raises(InvalidValue) as failed:
        MotorNumbers(tmp_path / "n")
    assert failed.value.reason.code == "north_numbers_invalid"


def test_there_are_as_many_motors_as_registers() -> None:
    numbers = MotorNumbers(Path("absent"))
    problem = numbers.add(topics(MOTORS_MAX + 1))
    assert problem is not None
    assert problem.code == "north_motors_too_many"
    assert 60 * (len(numbers.topics) + 1) <= 65536
