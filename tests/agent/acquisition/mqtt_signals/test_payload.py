"""Payloads: numbers, times as UTC, and a reason for each payload without a usable value."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.acquisition.mqtt_signals import reasons as codes
from agent.acquisition.mqtt_signals.payload import PayloadError, PayloadValue, read_payload
from drivers.reasons import Code, Reason


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"12.5", 12.5), (b" -3 \n", -3), (b"+.5", 0.5), (b"7.", 7.0), (b"1e3", 1000.0), (b"007", 7), (b"true", 1),
     (b"False", 0), (b"\xef\xbb\xbf4", 4)],
)  # fmt: skip
def test_a_bare_number_keeps_its_type(payload: bytes, value: float) -> None:
    found = read_payload(payload, None, None)
    assert found == PayloadValue(value, None)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [({"a": 1.5}, "a", 1.5), ({"a": {"b": {"c": 2}}}, "a.b.c", 2), ({"a.b": 3}, "a.b", 3),
     ({"a.b": {"c": 4}}, "a.b.c", 4), ({"a": [{"v": 5}, {"v": 6}]}, "a.1.v", 6), ([7, 8], "1", 8),
     ({"on": True}, "on", 1), ({"a": {"b": 9}, "b": 1}, "a.b", 9)],
)  # fmt: skip
def test_a_field_is_selected_by_its_path(body: Any, path: str, value: float) -> None:
    assert read_payload(json.dumps(body).encode(), path, None).value == value


@pytest.mark.parametrize(
    ("payload", "path", "reason"),
    [
        (b"", None, codes.PAYLOAD_EMPTY()),
        (b"\xff\xfe1", None, codes.PAYLOAD_NOT_UTF8()),
        (b"12,5", None, codes.PAYLOAD_DECIMAL_COMMA(payload="12,5")),
        (b"abc", None, codes.PAYLOAD_NOT_NUMBER(payload="abc")),
        (b"nan", None, codes.PAYLOAD_NOT_NUMBER(payload="nan")),
        (b"1_000", None, codes.PAYLOAD_NOT_NUMBER(payload="1_000")),
        (b"1e999", None, codes.PAYLOAD_NOT_FINITE()),
        (b"null", None, codes.PAYLOAD_NOT_NUMBER(payload="null")),
        (b'{"a": 1}', None, codes.PAYLOAD_IS_OBJECT()),
        (b"12.5 t/h", None, codes.PAYLOAD_NOT_NUMBER(payload="12.5 t/h")),
        (b"{", "a", codes.PAYLOAD_NOT_JSON(payload="{")),
        (b"[" * 60_000, "a", codes.PAYLOAD_NOT_JSON(payload="[" * 39 + "…")),
        (b'{"b": 1, "c": 2}', "a", codes.PAYLOAD_FIELD_MISSING(field="a", fields="b, c", key="value")),
        (b"5", "a", codes.PAYLOAD_WITHOUT_FIELDS(field="a", key="value")),
        (b"[1]", "1", codes.PAYLOAD_WITHOUT_FIELDS(field="1", key="value")),
        (b'{"a": null}', "a", codes.FIELD_NOT_NUMBER(field="a", value="null")),
        (b'{"a": "12.5"}', "a", codes.FIELD_NOT_NUMBER(field="a", value='"12.5"')),
        (b'{"a": NaN}', "a", codes.FIELD_NOT_FINITE(field="a")),
        (b'{"a": -Infinity}', "a", codes.FIELD_NOT_FINITE(field="a")),
        (b'{"a": ' + b"9" * 400 + b"}", "a", codes.FIELD_NOT_FINITE(field="a")),
        (b'{"a": {"b": 1}}', "a", codes.FIELD_NOT_NUMBER(field="a", value='{"b": 1}')),
    ],
)
def test_a_payload_without_a_number_has_a_reason(payload: bytes, path: str | None, reason: Reason) -> None:
    with pytest.raises(PayloadError) as rejected:
        read_payload(payload, path, None)
    assert rejected.value.reason == reason


def test_the_text_of_a_long_payload_is_short() -> None:
    for payload, path in ((b"x" * 60_000, None), (b'{"a": "' + b"x" * 60_000 + b'"}', "a"), (b"[" * 60_000, "a")):
        with pytest.raises(PayloadError) as rejected:
            read_payload(payload, path, None)
        assert len(str(rejected.value)) < 200


def test_an_unknown_field_does_not_affect_other_fields() -> None:
    """Many publishers write NaN, which JSON does not have."""
    assert read_payload(b'{"tonnes": NaN, "flow": 3.25}', "flow", None).value == 3.25


MOMENT = datetime(2026, 9, 21, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [1_789_992_000_250, MOMENT.isoformat(),
     MOMENT.strftime("%Y-%m-%dT%H:%M:%S.250Z"), MOMENT.astimezone(timezone(timedelta(hours=8))).isoformat()],
)  # fmt: skip
def test_each_time_notation_gives_utc(time: int | str) -> None:
    found = read_payload(json.dumps({"v": 1, "t": time}).encode(), "v", "t")
    assert found.utc_ms == 1_789_992_000_250, "by hand: 20717 days and 12 h"


@pytest.mark.parametrize(
    ("time", "code"),
    [("2026-09-21T12:00:00", codes.FIELD_WITHOUT_ZONE), ("noon", codes.FIELD_NOT_TIME),
     (1789992000, codes.FIELD_IN_SECONDS), (None, codes.FIELD_NOT_TIME), (True, codes.FIELD_NOT_TIME),
     (1e40, codes.FIELD_NOT_TIME), (-1e14, codes.FIELD_BEFORE_1970),
     ("0001-01-01T00:00:00Z", codes.FIELD_BEFORE_1970), ("0001-01-01T00:00:00+08:00", codes.FIELD_BEFORE_1970)],
)  # fmt: skip
def test_a_time_that_cannot_be_used_has_a_reason(time: Any, code: Code) -> None:
    with pytest.raises(PayloadError) as rejected:
        read_payload(json.dumps({"v": 1, "t": time}).encode(), "v", "t")
    assert (rejected.value.reason.code, rejected.value.reason.data["field"]) == (code, "t")


def test_a_missing_time_has_a_reason() -> None:
    with pytest.raises(PayloadError) as rejected:
        read_payload(b'{"v": 1}', "v", "t")
    assert rejected.value.reason == codes.PAYLOAD_FIELD_MISSING(field="t", fields="v", key="time")


@given(st.binary(max_size=200), st.sampled_from([None, "a", "a.b.0"]), st.sampled_from([None, "t"]))
def test_each_payload_is_read_or_rejected(payload: bytes, value: str | None, time: str | None) -> None:
    try:
        found = read_payload(payload, value, time if value else None)
    except PayloadError:
        return
    assert math.isfinite(found.value)


PLAIN = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
DEEP = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abt"), inner))


@given(DEEP)
def test_each_object_is_read_or_rejected(body: Any) -> None:
    try:
        found = read_payload(json.dumps(body).encode(), "a", "t")
    except PayloadError:
        return
    assert math.isfinite(found.value)
    assert found.utc_ms is not None
