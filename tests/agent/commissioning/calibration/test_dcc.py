"""A digital calibration certificate: what is read of it, and files that are none."""

from __future__ import annotations

import math
from copy import deepcopy
from datetime import date
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from support import dcc

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.dcc import DigitalCertificate, certificate_of, read_dcc
from agent.commissioning.calibration.proposal import propose
from agent.commissioning.calibration.xml_tree import parse_xml
from drivers.reasons import Code, InvalidValue


def read(xml: str, language: str = "en") -> DigitalCertificate:
    return certificate_of(parse_xml(xml.encode()), language)


@pytest.mark.parametrize("version", ["3.0.0", "3.1.2", "3.2.1", "3.3.0", "3.4.0-rc.2"])
def test_number_laboratory_days_and_items(version: str) -> None:
    found = read(dcc.certificate(version=version))
    assert (found.number, found.laboratory) == ("E2026-0815", "省计量院")
    assert (found.issued, found.valid_until) == (date(2026, 3, 1), date(2099, 2, 28))
    assert found.serial_numbers == (("22091734",),), "the number of the customer is no serial number"
    assert [(item.number, item.name, len(item.points)) for item in found.results] == [(1, "Active energy, import", 4)]


def test_what_a_certificate_may_leave_out() -> None:
    found = read(dcc.certificate(issued="", recalibration="", items=[dcc.item()]))
    assert (found.issued, found.valid_until, found.serial_numbers) == (date(2026, 2, 20), None, ((),))
    assert read(dcc.certificate(issued="2026-03-01+08:00")).issued == date(2026, 3, 1)


def test_results_keep_their_numbers() -> None:
    without = dcc.result(dcc.LOADS, name="Loads")
    found = read(dcc.certificate(without, dcc.result(dcc.ERRORS, name="Import"), dcc.result(dcc.ERRORS, name="Export")))
    assert [(item.number, item.name) for item in found.results] == [(2, "Import"), (3, "Export")]


def test_names_are_in_the_language_of_the_reader() -> None:
    name = '<dcc:content lang="de">Amt</dcc:content><dcc:content lang="zh">局</dcc:content>'
    xml = dcc.certificate().replace("<dcc:content>省计量院</dcc:content>", name)
    assert [read(xml, language).laboratory for language in ("zh_CN", "de", "en")] == ["局", "Amt", "Amt"]


def test_texts_are_one_line_without_control_characters() -> None:
    assert read(dcc.certificate(number="E 1\n\t2\x9b31m" + "x" * 500)).number == ("E 1 231m" + "x" * 500)[:199]


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<svg/>", codes.DCC_EXPECTED),
        (dcc.certificate().replace("https://ptb.de/dcc", "https://example.org/dcc"), codes.DCC_EXPECTED),
        (dcc.certificate(version="2.4.0"), codes.DCC_VERSION_UNKNOWN),
        (dcc.certificate(version="4.0.0"), codes.DCC_VERSION_UNKNOWN),
        (dcc.certificate(version="3"), codes.DCC_VERSION_UNKNOWN),
        (dcc.certificate(number=" "), codes.DCC_WITHOUT),
        (dcc.certificate().replace("coreData", "otherData"), codes.DCC_WITHOUT),
        (dcc.certificate(issued="", performed=""), codes.DCC_DATE),
        (dcc.certificate(issued="01.03.2026"), codes.DCC_DATE),
        (dcc.certificate(recalibration="2026-02-30"), codes.DCC_DATE),
    ],
)  # fmt: skip
def test_files_that_are_no_certificate(tmp_path: Path, xml: str, code: Code) -> None:
    (tmp_path / "c.xml").write_text(xml, encoding="utf-8")
    with pytest.raises(InvalidValue) as error:
        read_dcc(tmp_path / "c.xml")
    assert error.value.reason.code == codes.DCC_UNUSABLE
    assert error.value.reason.data["cause"].code == code


WORDS = ["", " ", "NaN", "-1", "1e999", "0", "0,1", "2026-13-01", "9" * 400, r"\kelvin", r"\percent", "1 2", "–"]


def damaged(chance: Random) -> str:
    """A certificate in which an element is removed, repeated or moved, or has another text or other attributes."""
    xml = dcc.certificate(dcc.result(dcc.LOADS, dcc.ERRORS), dcc.result(dcc.ERRORS))
    root = ElementTree.fromstring(xml)  # written here
    parent = chance.choice([item for item in root.iter() if len(item)])
    child = chance.choice(list(parent))
    change = chance.randrange(5)
    if change in (0, 2):
        parent.remove(child)
    if change in (1, 2):
        chance.choice(list(root.iter())).insert(0, deepcopy(child))
    if change == 3:
        child.text = chance.choice(WORDS)
    if change == 4:
        name = chance.choice(("refType", "schemaVersion", "lang"))
        child.attrib = {name: chance.choice((*WORDS, "basic_measurementError"))}
    return ElementTree.tostring(root, encoding="unicode")


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_certificate_is_read_or_rejected_with_a_reason(seed: int) -> None:
    chance = Random(seed)
    for _ in range(10):
        try:
            found = read(damaged(chance))
        except InvalidValue:
            continue
        limits = [item.limit(kind) for item in found.results for kind in ("relative", "angle")]
        assert all(limit is None or math.isfinite(limit) for limit in limits)
        numbers = [item.number for item in found.results]
        propose(found, chance.choice(("meter", "ct")), date(2026, 11, 29), chosen=numbers)
