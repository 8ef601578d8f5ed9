"""The rms of each phase around an event against its closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent.core.text import Catalogue
from agent.web.power_quality.event_waveform import EventWaveform, event_waveform
from agent.web.power_quality.supply_events import supply_event
from dsp.voltage_tolerance import tolerance_curve

RATE_HZ, START_MS, F_HZ = 2048.0, 1_790_000_000_000, 50.0


def waveform(factors: tuple[float, float, float], kind: str = "dip", f_hz: float = F_HZ, **more: Any) -> EventWaveform:
    """230 V, multiplied by these factors from 100 ms to 300 ms after the start of 400 ms."""
    values: dict[str, Any] = {
        "event_kind": kind, "event_start_ms": START_MS + 100, "event_duration_s": 0.2, "event_reference_v": 230.0,
        "snapshot_start_ms": START_MS, "snapshot_rate_hz": RATE_HZ,
    }  # fmt: skip
    for n, factor in enumerate(factors, 1):
        row = []
        for k in range(round(0.4 * RATE_HZ)):
            size = factor if 0.1 <= k / RATE_HZ < 0.3 else 1.0
            row.append(size * 230.0 * math.sqrt(2) * math.cos(2 * math.pi * (f_hz * k / RATE_HZ - n / 3)))
        values[f"snapshot_u_l{n}_v"] = row
    values |= more
    event = supply_event(START_MS + 300, values, True, tolerance_curve("semi-f47"), Catalogue("en"))
    assert event is not None
    found = event_waveform(event, values, f_hz)
    assert found is not None
    return found


@pytest.mark.parametrize("f_hz", [50.0, 49.3, 60.4])
def test_the_lowest_rms_of_each_phase(f_hz: float) -> None:
    """A cycle is 40.96 samples at 50 Hz; its oldest sample counts in part, within 0.3 %."""
    found = waveform((0.62, 1.0, 0.41), f_hz=f_hz)
    assert found.least_pct == pytest.approx([62.0, 100.0, 41.0], abs=0.3)
    assert (found.begin_ms, found.end_ms) == (START_MS + 100, START_MS + 300)


def test_of_a_swell_the_highest() -> None:
    assert waveform((1.15, 1.0, 1.1), "swell").least_pct == pytest.approx([115.0, 100.0, 110.0], abs=0.5)


def test_the_table_of_cycles_is_flat_before_and_within_the_event() -> None:
    rms = waveform((0.5, 1.0, 1.0)).rms
    ends_ms = [rms.first_ms + k * rms.step_ms - START_MS for k in range(len(rms.u_pct[0]))]
    assert rms.step_ms == pytest.approx(10.0, abs=0.3)
    for end_ms, pct in zip(ends_ms, rms.u_pct[0], strict=True):
        if end_ms <= 100 or end_ms >= 321:
            assert pct == pytest.approx(100.0, abs=0.3)
        elif 121 <= end_ms <= 300:
            assert pct == pytest.approx(50.0, abs=0.3)


def test_a_missing_channel_or_sample_has_no_rms() -> None:
    row = [1.0] * 819
    row[5] = None  # type: ignore[call-overload]
    found = waveform((0.62, 1.0, 1.0), snapshot_u_l2_v=None, snapshot_u_l3_v=row)
    assert found.least_pct[1:] == [None, None]
    assert found.u_v[1] == []
    assert waveform((0.62, 1.0, 1.0), event_reference_v=None).least_pct == [None] * 3


def test_without_samples_there_is_no_waveform() -> None:
    event = supply_event(0, {"event_kind": "dip"}, False, tolerance_curve("semi-f47"), Catalogue("en"))
    assert event is not None
    assert event_waveform(event, {}, None) is None
