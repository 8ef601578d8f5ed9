"""Keys of the configuration from a certificate, and what an engineer must check."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support import dcc
from support.config_text import at_input, bus, load_all, site

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.dcc import certificate_of
from agent.commissioning.calibration.proposal import CertificateProposal, propose
from agent.commissioning.calibration.xml_tree import parse_xml
from agent.config.model import Meter
from drivers.reasons import Code, InvalidValue

TODAY = date(2026, 11, 29)
RATIO = dcc.quantity(dcc.values("0.03 -0.05", r"\percent", "0.01"))  # largest: 0.06 %
ANGLE = dcc.quantity(dcc.values("1.2 -2", r"\arcminute", "0.52"))  # largest: 2.52′


def of(xml: str, device: str = "meter", **more: Any) -> CertificateProposal:
    return propose(certificate_of(parse_xml(xml.encode())), device, TODAY, **more)


def configured(folder: Path, *lines: str, **more: object) -> Meter:
    text = site() + bus() + at_input("m", **more) + "".join(f"{line}\n" for line in lines)
    return load_all(folder, text)[0].meters["m"]


def test_the_lines_are_a_configuration(tmp_path: Path) -> None:
    found = of(dcc.certificate())
    assert (found.findings, found.notes) == ((), ())
    meter = configured(tmp_path, *found.lines, class_=None)
    assert meter.accuracy_class == "0.17 %"  # 0.12 + 0.05
    [stated] = meter.certificates
    assert (stated.number, stated.laboratory, stated.serial_number) == ("E2026-0815", "省计量院", "22091734")
    assert (stated.issued, stated.valid_until) == (date(2026, 3, 1), date(2099, 2, 28))


def test_the_lines_of_transformers_are_a_configuration(tmp_path: Path) -> None:
    for device, ratio in (("ct", "150/5"), ("vt", "10000/100")):
        xml = dcc.certificate(dcc.result(RATIO, ANGLE), items=[dcc.item("1"), dcc.item("2"), dcc.item("3")])
        found = of(xml, device)
        assert (found.findings, found.notes) == ((), (codes.ITEMS_OF_TRANSFORMERS(n=3),))
        meter = configured(tmp_path, *found.lines, **{device: ratio})
        assert getattr(meter, f"{device}_class") == "0.06 % 2.6'", "rounded up"
        assert [item.device for item in meter.certificates] == [device]


@pytest.mark.parametrize(
    ("errors", "uncertainty", "limit"),
    [("0.1", "0.0701", "0.171 %"), ("0.1", "0.07", "0.17 %"), ("0.001", "0.002", "0.01 %"), ("2.9", "0.1", "3 %")],
)
def test_limits_are_rounded_up(errors: str, uncertainty: str, limit: str) -> None:
    quantity = dcc.quantity(dcc.values(errors, r"\percent", uncertainty))
    assert of(dcc.certificate(dcc.result(quantity))).lines[0] == f'class = "{limit}"'


def test_a_quotation_mark_stays_within_its_text(tmp_path: Path) -> None:
    name = 'A" }\\ number = "B'
    meter = configured(tmp_path, *of(dcc.certificate(laboratory=name)).lines, class_=None)
    assert meter.certificates[0].laboratory == name


ONE, OTHER = dcc.result(dcc.ERRORS, name="Import"), dcc.result(RATIO, name="Export")


def without_limit(*quantities: str) -> str:
    return dcc.certificate(dcc.result(*quantities))


@pytest.mark.parametrize(
    ("xml", "device", "code"),
    [
        (dcc.certificate(recalibration="2026-11-28"), "meter", codes.EXPIRED),
        (dcc.certificate(recalibration="2026-02-28"), "meter", codes.VALIDITY_BEFORE_ISSUE),
        (dcc.certificate(recalibration=""), "meter", codes.VALIDITY_MISSING),
        (dcc.certificate(items=[dcc.item()]), "meter", codes.SERIAL_NUMBER_MISSING),
        (dcc.certificate(items=[dcc.item("1"), dcc.item("2")]), "meter", codes.SEVERAL_ITEMS),
        (without_limit(dcc.LOADS), "meter", codes.NO_ERRORS),
        (dcc.certificate(ONE, OTHER), "meter", codes.SEVERAL_RESULTS),
        (without_limit(ANGLE), "meter", codes.RESULT_UNUSABLE),
        (without_limit(RATIO), "ct", codes.RESULT_UNUSABLE),
        (without_limit(dcc.quantity(dcc.values("0.1", r"\percent"))), "meter", codes.RESULT_UNUSABLE),
        (without_limit(dcc.quantity(dcc.values("2.9", r"\percent", "0.2"))), "meter", codes.LIMIT_TOO_WIDE),
        (without_limit(RATIO, dcc.quantity(dcc.values("3", r"\degree", "0.1"))), "vt", codes.LIMIT_TOO_WIDE),
    ],
)
def test_what_a_person_must_check(xml: str, device: str, code: Code) -> None:
    found = of(xml, device)
    assert [reason.code for reason in found.findings] == [code]
    of_validity = (codes.EXPIRED, codes.VALIDITY_BEFORE_ISSUE, codes.VALIDITY_MISSING, codes.SERIAL_NUMBER_MISSING)
    assert len(found.lines) == (2 if code in of_validity else 1), "nothing is guessed"


def test_the_last_day_is_valid() -> None:
    assert of(dcc.certificate(recalibration="2026-11-29")).findings == ()


@pytest.mark.parametrize(
    ("chosen", "limit"), [([1], "0.17 %"), ([2], "0.06 %"), ([2, 1], "0.17 %"), ([2, 2], "0.06 %")]
)
def test_chosen_results_count(chosen: Sequence[int], limit: str) -> None:
    found = of(dcc.certificate(ONE, OTHER), chosen=chosen)
    assert (found.lines[0], found.findings) == (f'class = "{limit}"', ())


def test_a_result_that_is_not_there() -> None:
    with pytest.raises(InvalidValue) as error:
        of(dcc.certificate(ONE, OTHER), chosen=[3])
    assert error.value.reason == codes.RESULT_UNKNOWN(number=3, n=2)


def test_a_day_on_the_command_line_replaces_that_of_the_certificate() -> None:
    found = of(dcc.certificate(recalibration=""), valid_until=date(2030, 1, 1))
    assert found.findings == ()
    assert "valid_until = 2030-01-01" in found.lines[1]


@pytest.mark.parametrize(
    ("serial", "accuracy_class", "code"),
    [
        ("22091734", "0.5S", None), ("22091735", "0.5S", codes.OTHER_SERIAL_NUMBER),
        (None, "0.5S", codes.SERIAL_NUMBER_NOT_CONFIGURED), ("22091734", "0.1", codes.LIMIT_EXCEEDS_CLASS),
        ("22091734", "0.2S", None), ("22091734", "0.1 %", None),
    ],
)  # fmt: skip
def test_the_configured_meter_is_compared(
    tmp_path: Path, serial: str | None, accuracy_class: str, code: Code | None
) -> None:
    meter = configured(tmp_path, serial_number=serial, class_=accuracy_class)
    found = of(dcc.certificate(), meter=meter)
    assert [reason.code for reason in found.findings] == ([code] if code else [])
