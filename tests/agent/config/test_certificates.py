"""Calibration certificates in the configuration: their forms, mistakes, and the days that none covers."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from support.config_text import at_input, bus, load_all, problems, site

from agent.config import reasons as codes
from agent.config.certificates import Certificate, Lapse, expired, expiring, lapses, newest_of
from drivers.reasons import Code

BASE = site() + bus() + at_input("m", serial_number="22091734", ct="150/5", ct_class="0.5")


def stated(**keys: str | None) -> str:
    """A table; None omits a key. A trailing underscore is not part of a key."""
    usual: dict[str, str | None] = {
        "number": '"E1"', "laboratory": '"省计量院"', "issued": "2026-03-01", "valid_until": "2032-02-29"
    }  # fmt: skip
    values = {name.rstrip("_"): value for name, value in (usual | keys).items() if value is not None}
    return f"{{ {', '.join(f'{name} = {value}' for name, value in values.items())} }}"


FULL = stated()
NEXT = stated(number='"E2"', issued="2032-02-20", valid_until="2038-02-19")
TEXT = '"2026-03-01"'
E1 = Certificate("meter", "E1", "省计量院", date(2026, 3, 1), date(2032, 2, 29))


def test_a_table_a_list_and_tables_of_their_own(tmp_path: Path) -> None:
    own = "[[meter.m.certificate]]\n" + FULL.strip("{ }").replace(", ", "\n") + "\n"
    for text, numbers in (
        (f"certificate = {FULL}", ["E1"]), (f"certificate = [{NEXT}, {FULL}]", ["E2", "E1"]), (own, ["E1"]),
        (f"certificate = {FULL}\nct_certificate = [{FULL}]", ["E1", "E1"]),
    ):  # fmt: skip
        config, report = load_all(tmp_path, BASE + text + "\n")
        found = config.meters["m"].certificates
        assert [item.number for item in found] == numbers
        assert E1 in found
        assert not [item for item in (*report.findings, *report.notes) if "certificate" in item.key]


def test_the_text_of_earlier_versions_is_a_number_without_dates(tmp_path: Path) -> None:
    config, report = load_all(tmp_path, BASE + 'certificate = "JJG 596, 2024-01-12, No. 4711"\n')
    assert config.meters["m"].certificates == (Certificate("meter", "JJG 596, 2024-01-12, No. 4711"),)
    assert codes.CALIBRATION_UNDATED() in [item.reason for item in report.notes]
    assert list(lapses(config.meters["m"].certificates)) == []


@pytest.mark.parametrize(
    ("text", "key", "code"),
    [
        ("certificate = 4711", "certificate", codes.CALIBRATION_TABLE_EXPECTED),
        ("certificate = []", "certificate", codes.CALIBRATION_TABLE_EXPECTED),
        ('certificate = ["E1"]', "certificate", codes.CALIBRATION_TABLE_EXPECTED),
        ('certificate = ""', "certificate", codes.TEXT_EXPECTED),
        ('ct_certificate = "E1"', "ct_certificate", codes.CALIBRATION_TABLE_EXPECTED),
        (f"vt_certificate = {FULL}", "vt_certificate", codes.CALIBRATION_WITHOUT_TRANSFORMERS),
        (f"certificate = {stated(issued=TEXT)}", "certificate.issued", codes.DATE_EXPECTED),
        (f"certificate = {stated(issued='2026')}", "certificate.issued", codes.DATE_EXPECTED),
        (f"certificate = {stated(issued='2032-03-01')}", "certificate.valid_until", codes.CALIBRATION_DAYS),
        (f"certificate = {stated(number='1')}", "certificate.number", codes.TEXT_EXPECTED),
        (f"certificate = {stated(laboratory=None, labor=TEXT)}", "certificate.labor", "did_you_mean"),
        (f"certificate = {stated(issued=None)}", "certificate.issued", "key_missing"),
        (f"certificate = [{FULL}, {stated(issued='1')}]", "certificate 2.issued", codes.DATE_EXPECTED),
        (f"ct_certificate = {stated(serial_number=TEXT)}", "ct_certificate.serial_number", "did_you_mean"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, key: str, code: Code | str) -> None:
    [found] = problems(tmp_path, f"{BASE}{text}\n")
    assert (found.key, found.reason.code) == (f"meter.m.{key}", code)


@pytest.mark.parametrize(("serial", "count"), [("22091734", 0), ("22091735", 1)])
def test_a_certificate_of_another_meter_is_a_finding(tmp_path: Path, serial: str, count: int) -> None:
    old, new = stated(serial_number='"1"'), stated(serial_number=f'"{serial}"', issued="2031-01-01")
    text = f"certificate = [{old}, {new}]\n"
    found = [item.reason.code for item in load_all(tmp_path, BASE + text)[1].findings]
    assert found.count(codes.CALIBRATION_OF_OTHER_METER) == count


def certificate(number: int, issued: date, days: int, device: str = "meter") -> Certificate:
    return Certificate(device, str(number), "L", issued, issued + timedelta(days))


@pytest.mark.parametrize("seed", range(50))
def test_days_that_no_certificate_covers(seed: int) -> None:
    """By enumeration: a day after the first certificate that is in none of them."""
    rng, first = Random(seed), date(2026, 1, 1)
    given = [
        certificate(n, first + timedelta(rng.randrange(200)), rng.randrange(60)) for n in range(rng.randrange(1, 7))
    ]
    begin = min(item.issued for item in given if item.issued)
    found = list(lapses(given))
    for day in (begin + timedelta(k) for k in range(300)):
        covered = any(item.issued <= day <= item.valid_until for item in given if item.issued and item.valid_until)
        inside = [item for item in found if item.valid_until < day and (item.renewed is None or day < item.renewed)]
        assert len(inside) == (not covered), day
    assert all(a.renewed is not None and a.renewed <= b.valid_until for a, b in pairwise(found))
    by_number = {item.number: item.valid_until for item in given}
    assert all(by_number[item.number] == item.valid_until for item in found)


def test_each_device_has_its_own_days() -> None:
    day = date(2026, 3, 1)
    found = lapses([certificate(1, day, 10), certificate(2, day, 20, "ct"), Certificate("vt", "3")])
    assert list(found) == [
        Lapse("meter", "1", date(2026, 3, 11)), Lapse("ct", "2", date(2026, 3, 21))
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("today", "ended", "soon"),
    [("2026-03-01", 0, 0), ("2031-12-30", 0, 0), ("2031-12-31", 0, 1), ("2032-02-29", 0, 1), ("2032-03-01", 1, 0)],
)
def test_a_certificate_is_announced_sixty_days_before_its_end(today: str, ended: int, soon: int) -> None:
    now = date.fromisoformat(today)
    assert (len(list(expired([E1], now))), len(list(expiring([E1], now)))) == (ended, soon)
    renewed = certificate(2, date(2031, 12, 1), 2000)
    assert [*expired([E1, renewed], now), *expiring([E1, renewed], now)][:1] == (
        [("certificate", codes.CALIBRATION_AHEAD(number="2", issued="2031-12-01"))] if today < "2031-12-01" else []
    )


def test_the_newest_certificate() -> None:
    later = certificate(2, date(2032, 1, 1), 10)
    assert newest_of([E1, later, certificate(3, date(2040, 1, 1), 1, "ct")], "meter") == later
    assert newest_of([E1], "vt") is None
