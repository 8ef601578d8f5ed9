"""Errors and uncertainties of each form of D-SI; the limits are sums of the written numbers."""

from __future__ import annotations

import math
from xml.etree.ElementTree import fromstring

import pytest
from support.dcc import LOADS, NAMESPACES, quantity, result, single, values, values_1

from agent.commissioning.calibration import reasons as codes
from agent.commissioning.calibration.error_tables import ANGLE, RELATIVE, ResultErrors, errors_of
from drivers.reasons import Code


def read(*quantities: str) -> list[ResultErrors]:
    element = fromstring(f"<r {NAMESPACES}>{result(*quantities)}</r>")[0]  # written here
    return list(errors_of([("Energy", element)]))


def hybrid(*forms: str) -> str:
    return quantity(f"<si:hybrid>{''.join(forms)}</si:hybrid>")


STANDARD = (
    r"<si:real><si:value>0.1</si:value><si:unit>\percent</si:unit><si:measurementUncertaintyUnivariate><si:standardMU>"
    "<si:valueStandardMU>0.02</si:valueStandardMU></si:standardMU></si:measurementUncertaintyUnivariate></si:real>"
)


_MATRIX = (
    r"<si:ellipsoidalRegion><si:covarianceMatrix><si:column><si:covariance><si:value>9</si:value><si:unit>\one</si:unit>"
    "</si:covariance></si:column></si:covarianceMatrix><si:coverageFactor>2.4</si:coverageFactor></si:ellipsoidalRegion>"
)
COVARIANCE = values("0.1", r"\percent").replace("</si:realListXMLList>", f"{_MATRIX}</si:realListXMLList>")


@pytest.mark.parametrize(
    ("form", "limit_pct"),
    [
        (values("0.04 -0.12 0.02", r"\percent", "0.05 0.05 0.2"), 0.22),
        (values("0.04 -0.12 0.02", r"\percent", "0.05"), 0.17),
        (values_1("0.04 -0.12 0.02", r"\percent", "0.05 0.05 0.05"), 0.17),
        (single("-0.0011", r"\one", "0.0004"), 0.15), (single("300", r"\ppm", "200"), 0.05),
        (values("0.001 0.1", r"\one \percent", "0.0005 0.02"), 0.15),
        (values("0.1", r"\percent", "0.05", "1"), 0.2), (values("0.1", r"\percent", "0.05", "1.6"), 0.1625),
        (values("0.1", r"\percent", "0.05", "2.87"), 0.15),  # few degrees of freedom: as stated
        (STANDARD, 0.14),
        (values("0.1", r"\percent", "0.05").replace("</si:realListXMLList>", f"{_MATRIX}</si:realListXMLList>"), 0.15),
    ],
)  # fmt: skip
def test_the_limit_is_the_largest_error_with_its_uncertainty(form: str, limit_pct: float) -> None:
    [found] = read(LOADS, quantity(form))
    assert found.limit(RELATIVE) == pytest.approx(limit_pct / 100, rel=1e-9)
    assert found.limit(ANGLE) is None


def test_errors_of_a_transformer_are_a_ratio_and_an_angle() -> None:
    ratio = quantity(values("0.03 -0.05", r"\percent", "0.01"))
    for unit, per_minute in ((r"\arcminute", 1.0), (r"\milli\radian", 0.2908882), (r"\centi\radian", 0.02908882)):
        angle = quantity(values(f"{per_minute} {-2 * per_minute}", unit, f"{0.5 * per_minute}"))
        [found] = read(ratio, angle)
        assert found.limit(RELATIVE) == pytest.approx(0.0006)
        assert found.limit(ANGLE) == pytest.approx(math.radians(2.5 / 60), rel=1e-6)


def test_a_hybrid_states_the_same_in_several_units() -> None:
    energy, share = values("1.2", r"\watt\hour", "0.5"), values("0.12", r"\percent", "0.05")
    [found] = read(hybrid(energy, share))
    assert found.limit(RELATIVE) == pytest.approx(0.0017)


def test_only_quantities_of_errors_count() -> None:
    assert read(LOADS, quantity(values("0.5", r"\percent", "0.1"), "basic_acceptanceLimitUpper")) == []
    inner = f"<dcc:data>{quantity(values('9', chr(92) + 'percent', '1'))}</dcc:data>"
    nested = quantity(values("0.1", r"\percent", "0.02")).replace("</dcc:quantity>", f"{inner}</dcc:quantity>")
    [found] = read(nested)
    assert found.limit(RELATIVE) == pytest.approx(0.0012)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (values("0.1", r"\percent"), codes.UNCERTAINTY_MISSING),
        (values("0.1", r"\percent", "0.05", ""), codes.UNCERTAINTY_MISSING),
        (values("0.1", r"\watt\hour", "0.05"), codes.UNIT_UNKNOWN), (values("0.1", "%", "0.05"), codes.UNIT_UNKNOWN),
        (values("0.1 0.2 0.3", r"\percent", "0.05 0.05"), codes.NUMBERS_INVALID),
        (values("0.1 0.2 0.3", r"\percent \one", "0.05"), codes.NUMBERS_INVALID),
        (values("0,1", r"\percent", "0.05"), codes.NUMBERS_INVALID),
        (values("NaN", r"\percent", "0.05"), codes.NUMBERS_INVALID),
        (values("0.1", r"\percent", "INF"), codes.NUMBERS_INVALID),
        (values("0.1", r"\percent", "-0.05"), codes.NUMBERS_INVALID),
        (values("0.1", r"\percent", "0.05", "0"), codes.NUMBERS_INVALID),
        ("<dcc:noQuantity/>", codes.FORM_UNKNOWN), ("<si:list><si:realList/></si:list>", codes.FORM_UNKNOWN),
        (COVARIANCE, codes.UNCERTAINTY_MISSING),
    ],
)  # fmt: skip
def test_errors_that_cannot_be_used(form: str, code: Code) -> None:
    [found] = read(LOADS, quantity(form))
    assert found.unusable is not None
    assert found.unusable.code == code
    assert found.limit(RELATIVE) is None
