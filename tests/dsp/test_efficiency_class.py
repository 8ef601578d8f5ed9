"""Class limits compared with the tables of regulations, and the class reported for a measured motor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp.efficiency_class import at_rated_point, limits, observed, standard_above
from dsp.efficiency_induction import Plate
from dsp.tables import converter_fed, ie_efficiency, poles_of_speed
from dsp.tables.regulations import gb18613, gb30253_converter, gb30253_line_start, nema_premium

KW = (0.75, 1.5, 3, 7.5, 11, 22, 45, 55, 90, 132, 160, 200)


def test_polynomials_reproduce_the_chinese_table() -> None:
    """GB 18613 grades 1, 2, 3 are IE5, IE4, IE3; the table is independent of the polynomials."""
    checked = 0
    for grade, ie_class in ((1, "IE5"), (2, "IE4"), (3, "IE3")):
        for kw in KW:
            for poles in (2, 4, 6, 8):
                assert ie_efficiency(ie_class, kw, poles) == pytest.approx(gb18613(grade, kw, poles), abs=0.00051)
                checked += 1
    assert checked == 144


def test_the_harmonic_rule_reproduces_the_converter_table() -> None:
    """GB 30253 grades 2 and 3 are IE5 and IE4 with the harmonic losses of TS 60034-30-2, within 0.1 points."""
    for grade, ie_class in ((2, "IE5"), (3, "IE4")):
        for kw in KW:
            for rpm in (750, 1000, 1500, 3000):
                limit = converter_fed(ie_efficiency(ie_class, kw, poles_of_speed(rpm)), kw)
                assert limit == pytest.approx(gb30253_converter(grade, kw, rpm), abs=0.0011)


def test_tables_between_rows_and_outside() -> None:
    assert gb18613(2, 50, 4) == pytest.approx((gb18613(2, 45, 4) + gb18613(2, 55, 4)) / 2)
    assert gb30253_converter(1, 315, 60) == gb30253_converter(1, 1000, 60)
    assert gb30253_line_start(3, 7.5, 12) == 0.885
    assert nema_premium(10, 4) == 0.917
    for call in (
        lambda: gb18613(1, 2000, 4), lambda: gb18613(4, 55, 4), lambda: gb30253_converter(1, 55, 430),
        lambda: gb30253_line_start(1, 55, 14), lambda: nema_premium(10, 10), lambda: ie_efficiency("IE6", 55, 4),
        lambda: ie_efficiency("IE3", 55, 10), lambda: ie_efficiency("IE3", 5000, 4),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="no "):
            call()


def test_better_classes_have_lower_losses_and_converters_add_losses() -> None:
    for kw in (0.55, 7.5, 55, 160, 315):
        values = [ie_efficiency(f"IE{n}", kw, 4) for n in range(1, 6)]
        assert values == sorted(values)
        assert converter_fed(values[2], kw) < values[2]
    assert [poles_of_speed(rpm) for rpm in (750, 1000, 1500, 3000)] == [8, 6, 4, 2]


CLASSES = {"IE1": 0.92, "IE2": 0.93, "IE3": 0.94, "IE4": 0.95, "IE5": 0.96}


@pytest.mark.parametrize(
    ("efficiency", "u", "classes"),
    [
        (0.955, 0.003, "IE4"),
        (0.945, 0.008, "IE2…IE4"),
        (0.97, 0.005, "IE5"),
        (0.97, 0.02, "IE4…IE5"),
        (0.90, 0.005, "<IE1"),
        (0.919, 0.005, "<IE1…IE1"),
    ],
)
def test_no_class_better_than_u_permits(efficiency: float, u: float, classes: str) -> None:
    assert observed(efficiency, u, CLASSES) == classes
    assert observed(efficiency, u, {}) == ""


@given(st.floats(0.9, 0.98), st.floats(0.0, 0.03), st.floats(-1, 1))
def test_the_true_class_is_never_excluded(true: float, u: float, part: float) -> None:
    """For any measured value within U of the true value, the true class is among the reported classes."""
    found = observed(true + 0.999 * part * u, u, CLASSES)
    names = ["<IE1", *CLASSES]
    true_class = sum(limit <= true for limit in CLASSES.values())
    low, _, high = found.partition("…")
    assert names.index(low) <= true_class <= names.index(high or low)


def test_limits_of_each_scheme() -> None:
    assert list(limits("IEC", 55, 4, 1475, 400, "induction", False)) == ["IE1", "IE2", "IE3", "IE4", "IE5"]
    assert limits("IEC", 55, 8, 1500, 400, "pm", True)["IE5"] == converter_fed(ie_efficiency("IE5", 55, 4), 55)
    assert limits("GB", 55, 4, 1475, 400, "induction", False)["grade 2"] == gb18613(2, 55, 4)
    assert limits("GB", 55, 8, 1500, 400, "pm", True)["grade 1"] == gb30253_converter(1, 55, 1500)
    assert limits("GB", 55, 8, 750, 400, "pm-line-start", False)["grade 3"] == gb30253_line_start(3, 55, 8)
    assert list(limits("NEMA", 55, 4, 1775, 400, "induction", False)) == ["energy efficient", "premium"]
    assert limits("IEC", 5000, 4, 1490, 400, "induction", False) == {}


@pytest.mark.parametrize(
    ("scheme", "kind", "volts_max", "standard"),
    [
        ("IEC", "induction", 1000, ""),
        ("GB", "induction", 1000, "GB 30254"),
        ("GB", "pm", 1140, "GB 30253"),
        ("GB", "pm-line-start", 1140, "GB 30253"),
        ("NEMA", "induction", 600, "NEMA MG 1"),
    ],
)
def test_no_class_above_the_voltage_of_the_tables(scheme: str, kind: str, volts_max: int, standard: str) -> None:
    """The scopes: GB 30253-2024 has tables a) and c) up to 1140 V, b) and d) for 3, 6 and 10 kV; IEC 60034-30-1 and
    GB 18613 end at 1 kV, NEMA MG 1 table 12-12 at 600 V."""
    assert limits(scheme, 200, 4, 1490, volts_max, kind, False)
    assert standard_above(scheme, volts_max, kind) is None
    for volts in (volts_max + 1, 6000, 10_000):
        assert limits(scheme, 200, 4, 1490, volts, kind, False) == {}
        assert standard in (standard_above(scheme, volts, kind) or "")


def test_a_magnet_motor_of_6_kv_is_not_below_grade_3() -> None:
    """GB 30253-2024: 200 kW, 4 poles, grade 1: 94.6 % at 6 kV, and 97.7 % up to 1140 V."""
    low_voltage = limits("GB", 200, 4, 1500, 660, "pm", True)
    assert observed(0.946, 0.002, low_voltage) == "<grade 3"
    assert observed(0.946, 0.002, limits("GB", 200, 4, 1500, 6000, "pm", True)) == ""


def test_the_rated_point_is_estimated_only_from_nearby_loads() -> None:
    plate = Plate(55_000, 0.946, 400, 97, 1478, 1500, 4)
    at_rated = at_rated_point(0.946, 0.01, plate, 1.0, 1.0)
    assert at_rated is not None
    assert at_rated[0] == pytest.approx(0.946)
    assert at_rated[1] == pytest.approx(0.01)
    below = at_rated_point(0.948, 0.01, plate, 1.0, 0.75)  # part-load value of the catalogue
    assert below is not None
    assert below[0] == pytest.approx(0.946, abs=0.002)
    assert at_rated_point(0.94, 0.01, plate, 1.0, 0.5) is None
    assert at_rated_point(0.94, 0.01, plate, 0.7, 1.0) is None
