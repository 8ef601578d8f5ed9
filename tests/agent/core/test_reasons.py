"""Reasons: codes with data, compared by code, rendered at the edge."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from datetime import timedelta, timezone

import msgspec
import pytest

from agent.core.codec import decode_reason, encode_reason
from drivers import reasons
from drivers.reasons import CODES, Code, CodedError, InvalidValue, Reason, reason_of, render


@pytest.fixture
def codes() -> Iterator[dict[str, Code]]:
    made = {
        "gap": Code("test_gap", "{n:d} {n:row|rows} missing since {start_ms:local}"),
        "range": Code("test_range", "{driver:signal} = {value:g}"),
        "wrapped": Code("test_wrapped", "{energy_wh:kwh} kWh ({share:pct} %): {cause}"),
        "list": Code("test_list", "one of {names:quoted}, {kind:word}"),
        "lines": Code("test_lines", "{causes:lines}"),
    }
    yield made
    for code in made.values():
        del CODES[code]


def test_a_reason_is_compared_by_code_and_data(codes: dict[str, Code]) -> None:
    one, same = codes["range"](driver="signal_q_m3_h", value=3.0), codes["range"](driver="signal_q_m3_h", value=3.0)
    assert one == same
    assert hash(one) == hash(same)
    assert one != codes["range"](driver="signal_q_m3_h", value=4.0)
    assert one.code == "test_range"
    assert {one: 1}[same] == 1


def test_text_follows_the_format_of_each_field(codes: dict[str, Code]) -> None:
    cause = codes["range"](driver="signal_descaler_1_flow_m3_h", value=912.0)
    assert str(cause) == "descaler 1 flow m³/h = 912"
    assert str(codes["wrapped"](energy_wh=-40.0, share=0.126, cause=cause)) == (
        "0.0 kWh (13 %): descaler 1 flow m³/h = 912"
    )
    assert render(codes["list"](names=("a", "b"), kind="bypass")) == "one of 'a', 'b', bypass"
    assert str(codes["wrapped"](energy_wh=None, share=0.5, cause="x")) == "– kWh (50 %): x"


def test_several_reasons_are_shown_one_per_line(codes: dict[str, Code]) -> None:
    causes = tuple(codes["range"](driver="q", value=value) for value in (1.0, 2.0))
    reason = codes["lines"](causes=causes)
    assert render(reason, lambda text: text.replace(", ", "、")) == "q = 1\nq = 2"
    assert reason_of(reason.as_object()) == reason


def test_singular_plural_and_local_time(codes: dict[str, Code]) -> None:
    zone = timezone(timedelta(hours=8))
    assert render(codes["gap"](n=1, start_ms=0), zone=zone) == "1 row missing since 1970-01-01 08:00 +0800"
    assert str(codes["gap"](n=2, start_ms=0)) == "2 rows missing since 1970-01-01 00:00 +0000"


def test_words_and_nested_reasons_are_translated(codes: dict[str, Code]) -> None:
    chinese = {
        "{driver:signal} = {value:g}": "{driver:signal} 为 {value:g}",
        "one of {names:quoted}, {kind:word}": "{kind:word}：{names:quoted}",
        "{energy_wh:kwh} kWh ({share:pct} %): {cause}": "{cause}，{energy_wh:kwh} kWh",
        "bypass": "旁路",
        "{first}, {second}": "{first}、{second}",
    }
    inner = codes["list"](names=("a", "b"), kind="bypass")
    outer = codes["wrapped"](energy_wh=1000.0, share=1.0, cause=inner)
    assert render(outer, lambda text: chinese.get(text, text)) == "旁路：'a'、'b'，1.0 kWh"


@pytest.mark.parametrize(
    "data", [{}, {"driver": "q"}, {"driver": "q", "value": 1.0, "more": 2}, {"driver": "q", "value": "high"}]
)
def test_data_must_fit_the_code(codes: dict[str, Code], data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="test_range"):
        codes["range"](**data)


def test_a_code_is_declared_once(codes: dict[str, Code]) -> None:
    with pytest.raises(ValueError, match="twice"):
        Code("test_range", "another text")
    assert Code("test_range", codes["range"].text) == codes["range"]


def test_positional_fields_are_rejected() -> None:
    with pytest.raises(ValueError, match="plain name"):
        Code("test_positional", "{} and {}")
    assert "test_positional" not in CODES


def test_json_keeps_code_data_and_nested_reasons(codes: dict[str, Code]) -> None:
    cause = codes["range"](driver="q", value=3.0)
    for reason in (
        cause,
        codes["wrapped"](energy_wh=2.0, share=0.5, cause=cause),
        codes["list"](names=("a",), kind="x"),
    ):
        text = msgspec.json.encode(reason, enc_hook=encode_reason)
        assert msgspec.json.decode(text, type=Reason, dec_hook=decode_reason) == reason
        assert reason_of(msgspec.json.decode(text)) == reason
        assert copy.deepcopy(reason) == reason
        assert pickle.loads(pickle.dumps(reason)) == reason


def test_a_code_of_another_version_is_shown_by_its_name() -> None:
    found = reason_of({"code": "code_of_next_year", "data": {"a": 1}})
    assert found == reasons.UNKNOWN(name="code_of_next_year")
    assert reason_of({"code": "unknown", "data": {"wrong": 1}}) == reasons.UNKNOWN(name="unknown")


def test_a_reason_is_immutable(codes: dict[str, Code]) -> None:
    reason = codes["range"](driver="q", value=3.0)
    with pytest.raises(AttributeError):
        reason.code = codes["list"]  # type: ignore[misc]
    with pytest.raises(TypeError):
        reason.data["value"] = 4.0  # type: ignore[index]


def test_an_error_carries_its_reason(codes: dict[str, Code]) -> None:
    error = CodedError(codes["range"], driver="q", value=3.0)
    assert error.reason == codes["range"](driver="q", value=3.0)
    assert str(error) == "q = 3"
    with pytest.raises(ValueError, match="q = 3"):
        raise InvalidValue(error.reason)
