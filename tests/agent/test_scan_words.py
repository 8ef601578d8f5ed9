"""`magwatt scan`: what is read of its words, in which order units are asked, what is overheard."""

from __future__ import annotations

from random import Random

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.discover.scan_order import DEVICE_S, FIRST_UNITS, HASTY_S, USUAL, in_order, likely_units
from agent.discover.scan_result import parse_expected, parse_units
from drivers.eavesdrop import frames_in
from simulators.bus.frames import rtu, rtu_request


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["scan"], "either --serial PORT or --tcp"),
        (["scan", "--serial", "/dev/a", "--tcp", "h"], "either --serial PORT or --tcp"),
        (["scan", "--serial", "/dev/not-there", "--line", "19200 8E1"], "/dev/not-there is not there"),
        (["scan", "--serial", "/dev/a", "--line", "19200"], '"19200 8E1"'),
        (["scan", "--serial", "/dev/a", "--line", "19200 7E1"], "8 data bits"),
        (["scan", "--serial", "/dev/a", "--unit-ids", "0-9"], "units go from 1 to 247"),
        (["scan", "--serial", "/dev/a", "--unit-ids", "x"], "write units like"),
        (["scan", "--tcp", "127.0.0.1:1"], "127.0.0.1:1: "),
        (["scan", "--tcp", "127.0.0.1", "--line", "9600 8N1"], "only valid with --framing rtu"),
        (["scan", "--tcp", "127.0.0.1", "--framing", "rtu"], "--line: missing"),
        (["scan", "--serial", "/dev/a", "--listen", "0"], "--listen"),
        (["scan", "--serial", "/dev/a", "--expect", "0"], "--expect 0: a line has 1 to 247 devices"),
        (["scan", "--serial", "/dev/a", "--expect", "six"], "--expect six: write units like"),
        (
            ["scan", "--serial", "/dev/a", "--unit-ids", "1-9", "--expect", "4,12"],
            "unit identifier 12 is not in --unit-ids 1-9",
        ),
        (["identify", "--serial", "/dev/a", "--unit-id", "1"], "--line: missing"),
        (["identify", "--tcp", "127.0.0.1:1", "--unit-id", "256"], "--unit-id 256: must be 0 to 255"),
        (["identify", "--tcp", "127.0.0.1:1", "--unit-id", "1"], "127.0.0.1:1: "),
    ],
)
def test_bad_input_is_one_clear_line(words: list[str], told: str) -> None:
    done = invoke(*words)
    assert done.exit_code == 2
    assert told in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("expect", "heard", "missing", "surplus"),
    [
        ("2", {1, 2}, "", ""),
        ("2", {1, 2, 3}, "", "3 answered, 2 expected"),
        ("2", set(), "2 devices expected, 0 answered, 2 missing", ""),
        ("1", set(), "1 device expected, 0 answered, 1 missing", ""),
        ("4-6", {4, 5, 6}, "", ""),
        ("4-6", {4, 9}, "2 of 3 expected units silent: units 5, 6", "unit 9 answered, not among the expected"),
    ],
)
def test_expected_and_heard_are_compared(expect: str, heard: set[int], missing: str, surplus: str) -> None:
    expected = parse_expected(expect)
    assert expected.missing(heard).startswith(missing)
    assert bool(expected.missing(heard)) == bool(missing)
    assert expected.surplus(heard) == surplus


def test_units_are_read_as_people_write_them() -> None:
    assert parse_units("1-3,7, 5-6,2") == [1, 2, 3, 7, 5, 6]
    assert parse_units("1-247") == list(range(1, 248))


def test_likely_units_come_first() -> None:
    """Factory settings that the maps state: Yaskawa 31, Rockwell 100, Siemens PAC 126, Socomec 5."""
    assert {1, 5, 31, 100, 126} <= set(likely_units())
    order = in_order(range(1, 248))
    assert order[0] == 1
    assert sorted(order) == list(range(1, 248))
    assert max(order.index(unit) for unit in (5, 31, 100, 126)) < 16


def test_even_the_worst_line_takes_less_than_five_minutes() -> None:
    """One device only, at the last unit and the last usual setting: characters and time-outs added up by hand."""

    def silent_s(baud: int, bits: int, units: int, wait_s: float) -> float:
        return units * (23 * bits / baud + wait_s)  # 8 to ask, 7 to answer, twice the silence

    usual = [(setting.baud, 10 + (setting.parity != "N")) for setting in USUAL]
    seldom = [(9600, 11), (19200, 11), (9600, 11), (19200, 11)]
    first = sum(silent_s(*line, 16, 0.15) for line in usual + seldom)
    rest = sum(silent_s(*line, 231, 0.025) for line in usual)
    last = max(silent_s(*line, 247, 0.15) for line in usual)
    assert 10 + first + rest + last < 300
    assert (FIRST_UNITS, DEVICE_S, HASTY_S) == (16, 0.15, 0.025)


def test_frames_are_found_in_what_is_overheard() -> None:
    ask, told = rtu_request(11, 3, 0, 2), rtu(11, bytes.fromhex("03 04 0001 0002"))
    assert frames_in(b"\xff" + ask + told + b"\0\0") == [ask, told]
    assert frames_in(rtu(3, b"\x83\x02") + rtu(9, bytes.fromhex("10 0000 0001 02 0007"))) == [
        rtu(3, b"\x83\x02"),
        rtu(9, bytes.fromhex("10 0000 0001 02 0007")),
    ]
    noise = Random(5).randbytes(400)
    assert len(frames_in(noise)) < 2
