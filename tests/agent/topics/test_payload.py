"""What a payload says: numbers as they stand, times as UTC, and for everything else a reason with a remedy."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.topics.payload import Found, PayloadError, read_payload


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"12.5", 12.5), (b" -3 \n", -3), (b"+.5", 0.5), (b"7.", 7.0), (b"1e3", 1000.0), (b"007", 7), (b"true", 1),
     (b"False", 0), (b"\xef\xbb\xbf4", 4)],
)  # fmt: skip
def test_a_bare_number_is_read_as_it_stands(payload: bytes, value: float) -> None:
    found = read_payload(payload, None, None)
    assert found == Found(value, None)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [({"a": 1.5}, "a", 1.5), ({"a": {"b": {"c": 2}}}, "a.b.c", 2), ({"a.b": 3}, "a.b", 3),
     ({"a.b": {"c": 4}}, "a.b.c", 4), ({"a": [{"v": 5}, {"v": 6}]}, "a.1.v", 6), ([7, 8], "1", 8),
     ({"on": True}, "on", 1), ({"a": {"b": 9}, "b": 1}, "a.b", 9)],
)  # fmt: skip
def test_a_field_is_found_by_its_path(body: Any, path: str, value: float) -> None:
    assert read_payload(json.dumps(body).encode(), path, None).value == value


@pytest.mark.parametrize(
    ("payload", "path", "said"),
    [
        (b"", None, "is empty"), (b"\xff\xfe1", None, "not UTF-8"), (b"12,5", None, "not a comma"),
        (b"abc", None, "is no number (abc)"), (b"nan", None, "is no number"), (b"1_000", None, "is no number"),
        (b"1e999", None, "is not finite"), (b"null", None, "is no number"), (b'{"a": 1}', None, "name its field"),
        (b"12.5 t/h", None, "is no number (12.5 t/h)"), (b"{", "a", "is no JSON"), (b"[" * 60_000, "a", "is no JSON"),
        (b'{"b": 1, "c": 2}', "a", "there are b, c"), (b"5", "a", "has no field 'a'"), (b"[1]", "1", "has no field"),
        (b'{"a": null}', "a", "null"), (b'{"a": "12.5"}', "a", "no number"),
        (b'{"a": NaN}', "a", "not finite"), (b'{"a": -Infinity}', "a", "not finite"),
        (b'{"a": ' + b"9" * 400 + b"}", "a", "not finite"), (b'{"a": {"b": 1}}', "a", "no number"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_with_its_reason(payload: bytes, path: str | None, said: str) -> None:
    with pytest.raises(PayloadError, match="(?s)" + said.replace("(", r"\(").replace(")", r"\)")) as told:
        read_payload(payload, path, None)
    assert ": " in str(told.value), "reason: remedy"
    assert len(str(told.value)) < 200, "however long the payload is"


def test_one_field_that_is_not_known_leaves_the_others_readable() -> None:
    """Many publishers write NaN, which JSON does not have."""
    assert read_payload(b'{"tonnes": NaN, "flow": 3.25}', "flow", None).value == 3.25


MOMENT = datetime(2026, 9, 21, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [1_789_992_000_250, MOMENT.isoformat(),
     MOMENT.strftime("%Y-%m-%dT%H:%M:%S.250Z"), MOMENT.astimezone(timezone(timedelta(hours=8))).isoformat()],
)  # fmt: skip
def test_a_time_is_utc_however_it_is_written(time: int | str) -> None:
    found = read_payload(json.dumps({"v": 1, "t": time}).encode(), "v", "t")
    assert found.utc_ms == 1_789_992_000_250, "by hand: 20717 days and 12 h"


@pytest.mark.parametrize(
    ("time", "said"),
    [("2026-09-21T12:00:00", "of which zone"), ("noon", "has no time"), (1789992000, "in seconds"),
     (None, "has no time"), (True, "has no time"), (1e40, "has no time"), (-1e14, "before 1970"),
     ("0001-01-01T00:00:00Z", "before 1970"), ("0001-01-01T00:00:00+08:00", "before 1970")],
)  # fmt: skip
def test_a_time_that_cannot_be_trusted_is_told(time: Any, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        read_payload(json.dumps({"v": 1, "t": time}).encode(), "v", "t")
    with pytest.raises(PayloadError, match="no field 't'"):
        read_payload(b'{"v": 1}', "v", "t")


@given(st.binary(max_size=200), st.sampled_from([None, "a", "a.b.0"]), st.sampled_from([None, "t"]))
def test_no_payload_does_more_than_be_refused(payload: bytes, value: str | None, time: str | None) -> None:
    try:
        found = read_payload(payload, value, time if value else None)
    except PayloadError:
        return
    assert math.isfinite(found.value)


PLAIN = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
DEEP = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abt"), inner))


@given(DEEP)
def test_no_object_does_more_than_be_refused(body: Any) -> None:
    try:
        found = read_payload(json.dumps(body).encode(), "a", "t")
    except PayloadError:
        return
    assert math.isfinite(found.value)
    assert found.utc_ms is not None
