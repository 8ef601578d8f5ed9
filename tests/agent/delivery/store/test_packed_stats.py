"""The body of a row of the history: what was packed comes back, changed bytes do not."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from agent.core.kept import NOTHING
from agent.core.metrics import by_name, kept
from agent.delivery.store.interval_stats import Stats, joined
from agent.delivery.store.packed_stats import RowLayout, pack, stored_layout, unpack

POWER, LOSSES, VOLTAGE = "active_power_w", "motor_losses_w", "voltage_l12_v"  # range; mean with u; mean
KEPT = [name for name in by_name("telemetry") if kept(name) != NOTHING]


def published(value: float) -> float:
    """Six significant digits, as the publisher sends a measured value."""
    return float(f"{value:.6g}")


def some(seed: int, share: float = 0.7) -> dict[str, Stats]:
    """Statistics of published values of a share of all metrics that are kept."""
    chance, found = random.Random(seed), {}
    for name in KEPT:
        if chance.random() < share:
            values = [
                published(chance.gauss(1, 0.3) * 10 ** chance.randrange(-2, 7)) for _ in range(chance.choice([1, 60]))
            ]
            u = published(chance.random()) if by_name("telemetry")[name].kind == "estimate" else None
            mean, flags = sum(values) / len(values), chance.choice([0, 64, 64 | 4096])
            extremes = (min(values), max(values)) if kept(name) == "range" else (None, None)
            found[name] = Stats(len(values), mean, *extremes, flags, u)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_what_was_packed_comes_back(seed: int) -> None:
    """Published values exactly, means to 2^-24, the rounding of a 32-bit float."""
    stats = some(seed)
    layout = RowLayout(()).widened(stats)
    found = unpack(pack(stats, layout), {layout.number: layout})
    assert found.keys() == stats.keys()
    for name, wanted in stats.items():
        item = found[name]
        assert (item.n, item.flags) == (wanted.n, wanted.flags)
        assert item.mean == pytest.approx(wanted.mean, rel=2**-24)
        shown = item.rounded(7)
        assert (shown.minimum, shown.maximum, shown.u) == (wanted.minimum, wanted.maximum, wanted.u)


def test_one_metric_is_read_without_the_others() -> None:
    stats = some(1, 1.0)
    layout = RowLayout(()).widened(stats)
    body, layouts = pack(stats, layout), {layout.number: layout}
    every = unpack(body, layouts)
    assert all(unpack(body, layouts, [name, "energy_kwh"]) == {name: every[name]} for name in KEPT)


def test_bytes_of_the_documented_form() -> None:
    """Written by hand from the table in the module."""
    columns = b'["active_power_w","active_power_w/min","active_power_w/max","active_power_w/u","frequency_hz"]'
    body = struct.pack("<BBI", 1, 2, zlib.crc32(columns)) + bytes([0b10111])
    body += struct.pack("<II", 60, 64) + struct.pack("<II", 59, 0) + bytes([0b10000])
    body += struct.pack("<4f", 1500.0, 1000.0, 2000.0, 50.0)
    body += struct.pack("<I", zlib.crc32(body))
    layout = stored_layout(columns)
    found = unpack(body, {layout.number: layout})
    assert found == {POWER: Stats(60, 1500.0, 1000.0, 2000.0, 64), "frequency_hz": Stats(59, 50.0, None, None, 0)}
    assert pack(found, layout) == body


def test_a_flipped_bit_anywhere_is_found() -> None:
    stats = some(2)
    layout = RowLayout(()).widened(stats)
    body = pack(stats, layout)
    for number in range(8 * len(body)):
        changed = bytearray(body)
        changed[number // 8] ^= 1 << number % 8
        if changed[0] == body[0]:  # else the row is not taken for a packed one
            assert unpack(bytes(changed), {layout.number: layout}) == {}
    assert all(unpack(body[:length], {layout.number: layout}) == {} for length in range(len(body)))


def test_a_layout_that_is_lost_hides_its_rows_and_a_wider_one_does_not() -> None:
    before = RowLayout(()).widened([POWER])
    body = pack({POWER: Stats(60, 1.0, 0.0, 2.0)}, before)
    after = before.widened([POWER, LOSSES])
    assert after.places[POWER] == before.places[POWER]
    assert after.widened([LOSSES]) is after
    assert unpack(body, {after.number: after}) == {}
    assert unpack(body, {layout.number: layout for layout in (after, before)}) == {POWER: Stats(60, 1.0, 0.0, 2.0)}


def test_only_what_is_kept_gets_a_place() -> None:
    layout = RowLayout(()).widened([POWER, LOSSES, VOLTAGE, "energy_import_kwh", "status_word", "signal_flow_m3_h"])
    assert list(layout.places) == [POWER, LOSSES, VOLTAGE, "signal_flow_m3_h"]
    stats = dict.fromkeys([*layout.places, "status_word"], Stats(60, 3.0, 1.0, 5.0, 0, 0.5))
    found = unpack(pack(stats, layout), {layout.number: layout})
    assert found == {
        POWER: Stats(60, 3.0, 1.0, 5.0, 0, 0.5), LOSSES: Stats(60, 3.0, None, None, 0, 0.5),
        VOLTAGE: Stats(60, 3.0, None, None, 0, 0.5), "signal_flow_m3_h": Stats(60, 3.0, 1.0, 5.0, 0, 0.5),
    }  # fmt: skip


@pytest.mark.parametrize("value", [1e300, -1e300, 1e-300, 0.0])
def test_a_value_beyond_32_bits_does_not_lose_the_others(value: float) -> None:
    layout = RowLayout(()).widened([POWER, LOSSES])
    stats = {POWER: Stats(2, value, value, value), LOSSES: Stats(2, 7.0, None, None)}
    found = unpack(pack(stats, layout), {layout.number: layout})
    assert found[LOSSES].mean == 7.0
    assert found[POWER].mean == pytest.approx(max(min(value, 3.4e38), -3.4e38), rel=2**-24, abs=1e-45)


def test_joining_does_not_depend_on_the_order() -> None:
    chance = random.Random(4)
    parts = []
    for n in range(6):
        mean, low, high, u = (chance.random() for _ in range(4))
        parts.append({"a": Stats(chance.randrange(1, 9), mean, low, 1 + high, 1 << n, u)})
    once = joined(parts)["a"]
    chance.shuffle(parts)
    again = joined([joined(parts[:3]), joined(parts[3:])])["a"]
    assert again == pytest.approx(once)
    total = sum(part["a"].n for part in parts)
    assert once.u == pytest.approx(sum(part["a"].n * part["a"].u for part in parts) / total)
