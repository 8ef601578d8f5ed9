"""`magwatt scan`: options, order of the units, frames of another master."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.scan_order import DEVICE_S, FIRST_UNITS, SHORT_S, USUAL, by_likelihood, likely_units
from agent.commissioning.discovery.scan_result import parse_expected, parse_units
from drivers.reasons import InvalidValue, Reason
from drivers.rtu_frames import frames_in
from simulators.bus.frames import rtu, rtu_request


def invoke(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.mark.text
@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["scan"], "either --serial PORT or --tcp"),
        (["scan", "--serial", "/dev/a", "--tcp", "h"], "either --serial PORT or --tcp"),
        (["scan", "--serial", "/dev/not-there", "--line", "19200 8E1"], "/dev/not-there"),
        (["scan", "--serial", "/dev/a", "--line", "19200"], '"19200 8E1"'),
        (["scan", "--serial", "/dev/a", "--line", "19200 7E1"], "8 data bits"),
        (["scan", "--serial", "/dev/a", "--unit-ids", "0-9"], "--unit-ids 0-9: "),
        (["scan", "--serial", "/dev/a", "--unit-ids", "x"], "--unit-ids x: "),
        (["scan", "--tcp", "127.0.0.1:1"], "127.0.0.1:1: "),
        (["scan", "--tcp", "127.0.0.1", "--line", "9600 8N1"], "only valid with --framing rtu"),
        (["scan", "--tcp", "127.0.0.1", "--framing", "rtu"], "--line: missing"),
        (["scan", "--serial", "/dev/a", "--listen", "0"], "--listen"),
        (["scan", "--serial", "/dev/a", "--expect", "0"], "--expect 0: "),
        (["scan", "--serial", "/dev/a", "--expect", "six"], "--expect six: "),
        (
            ["scan", "--serial", "/dev/a", "--unit-ids", "1-9", "--expect", "4,12"],
            "unit identifier 12 is not in --unit-ids 1-9",
        ),
        (["identify", "--serial", "/dev/a", "--unit-id", "1"], "--line: missing"),
        (["identify", "--tcp", "127.0.0.1:1", "--unit-id", "256"], "--unit-id 256: must be 0 to 255"),
        (["identify", "--tcp", "127.0.0.1:1", "--unit-id", "1"], "127.0.0.1:1: "),
    ],
)
def test_invalid_input_is_one_line(words: list[str], text: str) -> None:
    done = invoke(*words)
    assert done.exit_code == 2
    assert text in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("expect", "responded", "missing", "surplus"),
    [
        ("2", {1, 2}, None, None),
        ("2", {1, 2, 3}, None, codes.UNEXPECTED_DEVICES(responded=3, expected=2)),
        ("2", set(), codes.EXPECTED_DEVICES_MISSING(expected=2, responded=0, missing=2), None),
        ("1", set(), codes.EXPECTED_DEVICES_MISSING(expected=1, responded=0, missing=1), None),
        ("4-6", {4, 5, 6}, None, None),
        (
            "4-6", {4, 9}, codes.EXPECTED_UNITS_SILENT(n=2, expected=3, unit_ids=(5, 6)),
            codes.UNEXPECTED_UNITS(unit_ids=(9,)),
        ),
    ],
)  # fmt: skip
def test_expected_devices_are_compared_with_the_found_ones(
    expect: str, responded: set[int], missing: Reason | None, surplus: Reason | None
) -> None:
    expected = parse_expected(expect)
    assert expected.missing(responded) == missing
    assert expected.surplus(responded) == surplus


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_units, "0-9", codes.UNIT_ID_OUT_OF_RANGE()),
        (parse_units, "240-248", codes.UNIT_ID_OUT_OF_RANGE()),
        (parse_units, "9-1", codes.UNIT_ID_OUT_OF_RANGE()),
        (parse_units, "x", codes.UNIT_LIST_EXPECTED()),
        (parse_units, "", codes.UNIT_LIST_EXPECTED()),
        (parse_expected, "0", codes.UNIT_COUNT_OUT_OF_RANGE()),
        (parse_expected, "248", codes.UNIT_COUNT_OUT_OF_RANGE()),
        (parse_expected, "six", codes.UNIT_LIST_EXPECTED()),
    ],
)
def test_invalid_lists_of_units_are_rejected(parse: Callable[[str], object], text: str, reason: Reason) -> None:
    with pytest.raises(InvalidValue) as error:
        parse(text)
    assert error.value.reason == reason


def test_lists_of_units() -> None:
    assert parse_units("1-3,7, 5-6,2") == [1, 2, 3, 7, 5, 6]
    assert parse_units("1-247") == list(range(1, 248))


def test_likely_units_come_first() -> None:
    """Factory settings in the maps: Yaskawa 31, Rockwell 100, Siemens PAC 126, Socomec 5."""
    assert {1, 5, 31, 100, 126} <= set(likely_units())
    order = by_likelihood(range(1, 248))
    assert order[0] == 1
    assert sorted(order) == list(range(1, 248))
    assert max(order.index(unit) for unit in (5, 31, 100, 126)) < 16


def test_even_the_worst_line_takes_less_than_five_minutes() -> None:
    """One device only, at the last unit and the last usual setting: the sum of characters and timeouts."""

    def silent_s(baud: int, bits: int, units: int, wait_s: float) -> float:
        return units * (23 * bits / baud + wait_s)  # request 8, response 7, two inter-frame delays

    usual = [(setting.baud, 10 + (setting.parity != "N")) for setting in USUAL]
    uncommon = [(9600, 11), (19200, 11), (9600, 11), (19200, 11)]
    first = sum(silent_s(*line, 16, 0.15) for line in usual + uncommon)
    rest = sum(silent_s(*line, 231, 0.025) for line in usual)
    last = max(silent_s(*line, 247, 0.15) for line in usual)
    assert 10 + first + rest + last < 300
    assert (FIRST_UNITS, DEVICE_S, SHORT_S) == (16, 0.15, 0.025)


def test_frames_are_found_in_received_bytes() -> None:
    request, response = rtu_request(11, 3, 0, 2), rtu(11, bytes.fromhex("03 04 0001 0002"))
    assert frames_in(b"\xff" + request + response + b"\0\0") == [request, response]
    assert frames_in(rtu(3, b"\x83\x02") + rtu(9, bytes.fromhex("10 0000 0001 02 0007"))) == [
        rtu(3, b"\x83\x02"),
        rtu(9, bytes.fromhex("10 0000 0001 02 0007")),
    ]
    noise = Random(5).randbytes(400)
    assert len(frames_in(noise)) < 2
