"""Columns of a lake: each published number comes back, in a column whose type follows from the table of metrics."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.messages import Message, encode
from agent.core.metrics import by_name, rounded
from agent.core.state_reasons import NOTHING_RECEIVED
from agent.delivery.files.lake.columns import RowMessage, number_type, table_of, united
from drivers.reading import Quality


def messages(kind: str, *values: dict[str, Any]) -> list[RowMessage]:
    coded = (encode(Message("pump-1", kind, 1_790_000_000_000 + n, each), f"7-{n}") for n, each in enumerate(values))
    return [msgspec.json.decode(text, type=RowMessage) for text in coded]


def column(kind: str, name: str, *values: Any) -> pa.ChunkedArray:
    return table_of(kind, messages(kind, *({name: value} for value in values)))[name]


@given(
    st.floats(1e-30, 1e9) | st.just(0.0),
    st.sampled_from(["active_power_w", "motor_efficiency_pct", "power_factor"]),
)
def test_a_float32_has_all_published_digits(value: float, name: str) -> None:
    """Seven digits: six of a measured value, and those of an efficiency below 1000 %."""
    published = rounded(by_name("telemetry")[name], value)
    if name.endswith("pct") and abs(value) >= 1000:
        return
    [found] = column("telemetry", name, float(published or 0)).to_pylist()
    assert float(f"{found:.7g}") == published


@pytest.mark.parametrize(("kind", "name", "value"), [
    ("telemetry", "energy_counted_import_wh", 2**53 - 1),
    ("telemetry", "energy_import_kwh", 123456789.123),
    ("telemetry", "status_word", 2**32 - 1),
    ("telemetry", "active_power_w", 2**24 + 1),  # a register of a large plant, as an integer
    ("savings", "adjusted_baseline_energy_wh", 123_456_789_013),
    ("event", "event_start_ms", 1_790_000_000_123),
    ("health", "polls", 2**40 + 1),
    ("telemetry", "signal_unknown_m3_h", 123456.789012),
])  # fmt: skip
def test_a_number_that_needs_more_than_24_bits_is_exact(kind: str, name: str, value: float) -> None:
    assert column(kind, name, value, None).to_pylist() == [value, None]


def test_types_follow_from_the_table_of_metrics() -> None:
    assert number_type("telemetry", "energy_counted_import_wh") == pa.int64()
    assert number_type("telemetry", "active_power_w") == pa.float32()
    assert number_type("telemetry", "motor_efficiency_pct_u") == pa.float32()
    assert number_type("pq3s", "thd_u_l1_pct") == pa.float32()
    assert number_type("savings", "saved_energy_wh") == pa.float64()


def test_texts_series_and_what_is_missing() -> None:
    table = table_of("telemetry", messages("telemetry", {"fault_text": "no fault", "harmonic_u_l1_v": [0.5, None, 2.0]},
                                           {"active_power_w": None, "fault_text": "欠压"}))  # fmt: skip
    assert table["fault_text"].to_pylist() == ["no fault", "欠压"]
    assert table["harmonic_u_l1_v"].to_pylist() == [[0.5, None, 2.0], None]
    assert table["active_power_w"].to_pylist() == [None, None]
    assert "frequency_hz" not in table.column_names, "a metric that no message names"


def test_methods_flags_and_reasons_are_those_of_the_message() -> None:
    full = Message("pump-1", "telemetry", 1, {"motor_efficiency_pct": 96.1, "x": "a"}, {"motor_efficiency_pct": 0.8},
                   {"motor_efficiency_pct": "M5"}, {"x": Quality.STALE}, Quality.SIMULATED,
                   reasons={"x": [NOTHING_RECEIVED()]})  # fmt: skip
    payloads = [encode(full, "7-1"), encode(Message("pump-1", "telemetry", 2, {"x": "b"}), "7-2")]
    first, second = table_of("telemetry", [msgspec.json.decode(text, type=RowMessage) for text in payloads]).to_pylist()
    sent = json.loads(payloads[0])
    assert {name: json.loads(first[name]) for name in "mfr"} == {name: sent[name] for name in "mfr"}
    assert [second[name] for name in "mfr"] == [None, None, None]
    assert first["motor_efficiency_pct_u"] == pytest.approx(0.8, rel=6e-8)  # 24 bits


def test_tables_with_other_types_are_united_without_loss() -> None:
    parts = [
        table_of("telemetry", messages("telemetry", {"active_power_w": 1.5, "model_code": 7})),
        table_of("telemetry", messages("telemetry", {"active_power_w": 2**24 + 1, "model_code": "PM5"})),
        table_of("telemetry", messages("telemetry", {"frequency_hz": 50.0})),
    ]
    whole = united(parts)
    assert whole["active_power_w"].to_pylist() == [1.5, 2**24 + 1, None]
    assert whole["model_code"].to_pylist() == ["7", "PM5", None]
    assert whole["frequency_hz"].to_pylist() == [None, None, 50.0]


@pytest.mark.parametrize("value", [["a"], {"a": 1}, 2**70, [[1.0]]])
def test_a_value_of_another_program_is_stored(value: Any) -> None:
    [found] = column("telemetry", "active_power_w", value).to_pylist()
    assert (json.loads(found) if isinstance(found, str) else found) == value
