"""The table of registers: complete, without overlaps, and never changed."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from agent.core.metrics import by_name
from agent.delivery.base.metric_types import MetricType, metric_type
from agent.northbound.modbus.register_table import FIELDS, registers

# The lines of the first version. Clients have these addresses: a line that is changed or moved breaks them.
FIRST_LINES, FIRST_SHA256 = 258, "d646e08a886518b00a24fa42e77faf7ba662c39b0dff9bc4463df1762df9f65a"


def test_no_register_was_ever_moved() -> None:
    text = "".join(f"{item.offset},{item.kind},{item.message},{item.metric}\n" for item in registers()[:FIRST_LINES])
    assert hashlib.sha256(text.encode()).hexdigest() == FIRST_SHA256


def test_every_number_of_the_metrics_table_has_a_register() -> None:
    """Where this fails, append the missing lines to registers.csv, from the end of the block on."""
    known = {(item.message, item.metric) for item in registers()}
    end = max(item.offset + item.size for item in registers())
    for message in ("telemetry", "pq3s", "savings"):
        for row in by_name(message).values():
            if metric_type(row) in (MetricType.NUMBER, MetricType.INTEGER):
                wanted = [row.name, *([f"{row.name}_u"] if row.kind == "estimate" else [])]
                assert all((message, name) in known for name in wanted), f"{end},f32,{message},{wanted[-1]}"


def test_registers_do_not_overlap_and_each_names_a_metric() -> None:
    sizes = {"u16": 1, "u32": 2, "f32": 2, "f64": 4, "text": 16}
    spans = sorted((item.offset, item.offset + sizes[item.kind]) for item in (*FIELDS, *registers()))
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert not [span for span in spans if span[0] < 60 < span[1]]
    assert all(item.row.topic == item.message for item in registers())


def test_energies_have_the_digits_of_a_meter() -> None:
    """float32 has 24 bits: from 16.8 MWh on it no longer shows a single Wh."""
    for item in registers():
        if item.row.unit in ("Wh", "kWh") and not item.is_uncertainty and not item.metric.startswith("interval_saved"):
            assert item.kind == "f64", item
