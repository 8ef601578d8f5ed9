"""From stream bytes to pq3s and harmonics: corrupt frames are dropped, counted and flagged; others stay correct."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from msgspec.structs import replace

from agent.analysis.power_quality.channels import WaveformChannels
from agent.analysis.power_quality.waveform_channel import WaveformChannel
from agent.config.model import Motor, WaveformSource
from agent.core.messages import Message, overall_quality
from agent.runtime.pipeline_queue import PipelineQueue
from drivers import ews_protocol
from drivers.ews_stream import Assembler
from drivers.reading import Quality, Waveform

RATE_HZ, U_V, I_A, F_HZ = 10240.0, 230.0, 40.0, 50.0
START_NS = 1_790_000_000_000_000_000
NAMES = ("u1", "u2", "u3", "i1", "i2", "i3")
SCALE, RANGE = {"u": 0.02, "i": 0.005}, {"u": 600.0, "i": 150.0}
HELLO = ews_protocol.Hello(
    RATE_HZ,
    "int16",
    "SN",
    "1",
    tuple(ews_protocol.Channel(name, SCALE[name[0]], 0, 0, RANGE[name[0]]) for name in NAMES),
)


def frames(seconds: float, peak: float = 1.0) -> list[bytes]:
    """A balanced three-phase sine, 30 degrees lagging, with 10 % fifth harmonic in the currents."""
    t = np.arange(int(seconds * RATE_HZ) // 64 * 64) / RATE_HZ
    rows = []
    for number in range(3):
        phase = 2 * np.pi * F_HZ * t - number * 2 * np.pi / 3
        rows.append(math.sqrt(2) * U_V * np.cos(phase))
    for number in range(3):
        phase = 2 * np.pi * F_HZ * t - number * 2 * np.pi / 3
        wave = np.cos(phase - np.pi / 6) + 0.1 * np.cos(5 * phase)
        rows.append(peak * math.sqrt(2) * I_A * wave)
    scale = np.array([channel.scale for channel in HELLO.channels])
    limit = np.array([channel.clipping for channel in HELLO.channels])[:, None]
    counts = np.round(np.clip(np.array(rows), -limit, limit) / scale[:, None]).astype("<i2").T
    found = [ews_protocol.build(ews_protocol.HELLO, ews_protocol.hello_payload(HELLO), sequence=0, calibration=1)]
    for number, start in enumerate(range(0, len(t), 64)):
        payload = counts[start : start + 64].tobytes()
        found.append(
            ews_protocol.build(ews_protocol.SAMPLES, payload, sequence=number + 1, calibration=1, index=start, count=64)
        )
    return found


def play(wire: list[bytes]) -> tuple[list[Message], Assembler, WaveformChannel]:
    out: list[Message] = []
    assembler, lane = Assembler("m", Quality.SIMULATED), WaveformChannel("m", out.append)
    came_ns = START_NS
    for frame in wire:
        parsed = ews_protocol.parse(
            frame[:-1]
        )  # a frame comes when its last sample was taken; a damaged one in its turn
        came_ns = START_NS + round((parsed.index + 64) / RATE_HZ * 1e9) if parsed else came_ns + 6_250_000
        for block in assembler.feed(frame, came_ns):
            lane.on_block(block)
    return out, assembler, lane


def of(messages: list[Message], kind: str) -> list[Message]:
    return [message for message in messages if message.kind == kind]


def test_a_sine_gives_its_closed_form() -> None:
    messages, _, _ = play(frames(7))
    pq, harmonics = of(messages, "pq3s"), of(messages, "harmonics")
    assert len(pq) == len(harmonics) == 2
    v = pq[0].values
    assert v["voltage_l2n_v"] == pytest.approx(U_V, rel=1e-4)  # int16 steps of 0.02 V
    assert v["current_l1_a"] == pytest.approx(I_A * math.sqrt(1.01), rel=1e-4)
    assert v["active_power_w"] == pytest.approx(3 * U_V * I_A * math.cos(math.pi / 6), rel=1e-4)
    assert v["reactive_power_fund_var"] == pytest.approx(3 * U_V * I_A * math.sin(math.pi / 6), rel=1e-3)
    assert v["thd_i_l3_pct"] == pytest.approx(10, abs=0.02)
    assert v["frequency_hz"] == pytest.approx(F_HZ, abs=1e-3)
    assert [v[f"angle_u_l{n}_deg"] for n in (2, 3)] == pytest.approx([-120, 120], abs=0.02)
    assert [v[f"angle_i_l{n}_deg"] for n in (1, 2, 3)] == pytest.approx([-30, -150, 90], abs=0.02)
    assert v["windows"] == 15
    assert harmonics[0].values["harmonic_i_l1_a"][5] == pytest.approx(I_A / 10, rel=2e-3)
    assert len(harmonics[0].values["harmonic_u_l1_v"]) == 51
    assert pq[1].t_ms - pq[0].t_ms == pytest.approx(3000, abs=8)


def test_a_corrupt_frame_is_counted_and_affects_its_window_only() -> None:
    wire = frames(7)
    damaged = bytearray(wire[200])
    damaged[300] ^= 0x11
    wire[200] = bytes(damaged)
    messages, assembler, lane = play(wire)
    assert assembler.decoder.damaged == 1
    assert lane.lost == 64
    first, second = of(messages, "pq3s")[:2]
    assert first.values["windows_left_out"] == 1
    assert Quality.GAP in first.quality
    assert first.values["active_power_w"] == pytest.approx(3 * U_V * I_A * math.cos(math.pi / 6), rel=1e-4)
    assert second.values["windows_left_out"] == 0
    assert Quality.GAP not in second.quality


def test_clipping_reaches_the_message() -> None:
    messages, _, _ = play(frames(4, peak=3.0))  # 170 A peaks into a range of 150 A
    assert Quality.CLIPPED in of(messages, "pq3s")[0].quality


def test_a_stream_of_nothing_is_null_not_zero_percent() -> None:
    messages, _, _ = play(frames(4, peak=0.0))
    v = of(messages, "pq3s")[0].values
    assert v["thd_i_l1_pct"] is None
    assert v["power_factor"] is None
    assert v["angle_i_l2_deg"] is None
    assert v["current_l1_a"] == 0


def test_no_mean_spans_an_outage() -> None:
    """1.9 s at full load, 12 s without data, then half the load: the powers are not mixed, and the gap is flagged."""
    before, after = frames(1.9), frames(4, peak=0.5)
    moved = [after[0]]
    for number, frame in enumerate(after[1:]):
        parsed = ews_protocol.parse(frame[:-1])
        assert parsed is not None
        index = parsed.index + int(14 * RATE_HZ) // 64 * 64
        moved.append(
            ews_protocol.build(
                ews_protocol.SAMPLES, parsed.payload, sequence=1000 + number, calibration=1, index=index, count=64
            )
        )
    messages, _, _ = play([*before, *moved])
    full = 3 * U_V * I_A * math.cos(math.pi / 6)
    for message in of(messages, "pq3s"):
        power = message.values["active_power_w"]
        assert power == pytest.approx(full, rel=1e-3) or power == pytest.approx(full / 2, rel=1e-3)
    assert Quality.GAP in of(messages, "pq3s")[0].quality


def test_one_lossy_window_does_not_make_the_row_bad() -> None:
    wire = frames(4)
    del wire[100]
    messages, _, _ = play(wire)
    first = of(messages, "pq3s")[0]
    assert overall_quality(first.values, first.flags, first.quality) == "uncertain"


def test_a_stream_without_all_phases_has_no_total_power() -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append)
    t = np.arange(int(4 * RATE_HZ)) / RATE_HZ
    samples = np.array([325 * np.cos(2 * np.pi * 50 * t), 50 * np.cos(2 * np.pi * 50 * t)])
    lane.on_block(Waveform("m", 0, 0, RATE_HZ, ("u1", "i1"), samples))
    v = of(out, "pq3s")[0].values
    assert v["active_power_w"] is None
    assert v["voltage_l1n_v"] == pytest.approx(325 / math.sqrt(2), rel=1e-4)
    lane = WaveformChannel("m", out.append)
    out.clear()
    lane.on_block(Waveform("m", 0, 0, RATE_HZ, ("u12", "u23"), samples))
    last = of(out, "pq3s")[0]
    assert overall_quality(last.values, last.flags, last.quality) == "bad"


MOTOR = Motor("m", "m", "induction", 55, 1475, 4, math.sqrt(3) * U_V, "x", 100.0, None, None, None, (), None,
              WaveformSource("", 0, "motor"))  # fmt: skip


def blocks(start_ns: int, seconds: float, level: np.ndarray | None = None) -> Iterator[Waveform]:
    """The sine of `frames` as blocks of 64 ms, whose voltages `level` (one value per sample) may change."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phases = 2 * np.pi * F_HZ * t - np.arange(3)[:, None] * 2 * np.pi / 3
    level = np.ones_like(t) if level is None else level
    samples = np.vstack([math.sqrt(2) * U_V * level * np.cos(phases), math.sqrt(2) * I_A * np.cos(phases - np.pi / 6)])
    for at in range(0, len(t), 656):
        yield Waveform(
            "m",
            start_ns + round(at / RATE_HZ * 1e9),
            at,
            RATE_HZ,
            NAMES,
            np.ascontiguousarray(samples[:, at : at + 656]),
        )


def test_a_dip_arrives_as_an_event_and_marks_its_values() -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append, MOTOR)
    level = np.ones(int(9.2 * RATE_HZ))
    begin, end = int(4.0 * RATE_HZ), int(4.16 * RATE_HZ)  # eight whole cycles
    level[begin:end] = 0.6
    for block in blocks(START_NS, 9.2, level):
        lane.on_block(block)
    (event,) = of(out, "event")
    v = event.values
    assert v["event_kind"] == "dip"
    assert v["event_phases"] == [1, 2, 3]
    assert v["event_extreme_pct"] == pytest.approx(60, abs=0.2)
    assert v["event_extreme_v"] == pytest.approx(0.6 * U_V, abs=0.002 * U_V)
    assert v["event_reference_v"] == pytest.approx(U_V)
    assert v["event_duration_s"] == pytest.approx(0.16, abs=0.02)
    assert v["event_start_ms"] == pytest.approx(START_NS / 1e6 + 4000, abs=20)
    assert event.t_ms == pytest.approx(v["event_start_ms"] + 1000 * v["event_duration_s"], abs=2)
    snapshot = v["snapshot_u_l1_v"]
    assert 200 < len(snapshot) <= 1024
    assert v["snapshot_start_ms"] < v["event_start_ms"]
    assert max(snapshot) == pytest.approx(math.sqrt(2) * U_V, rel=0.02)
    marked = [Quality.PQ_EVENT in message.quality for message in of(out, "pq3s")]
    assert marked == [False, True, False]


@pytest.mark.parametrize("rate_hz", [125.0, 499.0])
def test_a_slow_stream_has_values_but_no_flicker(rate_hz: float, caplog: pytest.LogCaptureFixture) -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append, MOTOR)
    t = np.arange(int(8 * rate_hz)) / rate_hz
    rows = [math.sqrt(2) * U_V * np.cos(2 * np.pi * F_HZ * t - n * 2 * np.pi / 3) for n in range(3)]
    for at in range(0, len(t), 8):
        samples = np.ascontiguousarray(rows)[:, at : at + 8]
        lane.on_block(Waveform("m", START_NS + round(at / rate_hz * 1e9), at, rate_hz, NAMES[:3], samples))
    assert of(out, "pq3s")[0].values["voltage_l1n_v"] == pytest.approx(U_V, rel=1e-3)
    assert len([record for record in caplog.records if "no flicker" in record.message]) == 1


def test_at_a_drives_output_there_are_no_events() -> None:
    out: list[Message] = []
    waveform = WaveformSource("", 0, "drive-output")
    lane = WaveformChannel("m", out.append, replace(MOTOR, waveform=waveform))
    level = np.ones(int(7 * RATE_HZ))
    level[30_000:33_000] = 0.3
    for block in blocks(START_NS, 7, level):
        lane.on_block(block)
    assert not of(out, "event")
    assert of(out, "pq3s")


def test_ten_minute_values_end_and_three_second_values_restart_at_the_tick() -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append, MOTOR)
    tick_s = 1_790_000_400
    level = np.where(np.arange(int(16.2 * RATE_HZ)) < 10.1 * RATE_HZ, 1.0, 0.95)
    for block in blocks(tick_s * 1_000_000_000 - 10_100_000_000, 16.2, level):
        lane.on_block(block)
    (ten,) = of(out, "pq10m")
    assert ten.t_ms == tick_s * 1000
    assert ten.values["voltage_l1n_v"] == pytest.approx(U_V, rel=1e-3)  # nothing from behind the tick but its overlap
    assert ten.values["voltage_l1n_max_v"] == pytest.approx(U_V, rel=1e-4)
    assert ten.values["active_power_w"] == pytest.approx(3 * U_V * I_A * math.cos(math.pi / 6), rel=1e-3)
    assert ten.values["harmonic_u_l2_v"][1] == pytest.approx(U_V, rel=1e-3)
    assert Quality.GAP in ten.quality, "ten seconds are no ten minutes"
    after = [message for message in of(out, "pq3s") if message.t_ms > tick_s * 1000 + 2900]
    assert after[0].t_ms == pytest.approx(tick_s * 1000 + 3000, abs=5)
    assert after[0].values["voltage_l1n_v"] == pytest.approx(0.95 * U_V, rel=1e-4)


@pytest.mark.parametrize("step_s", [-3600, -500, 3600])
def test_a_clock_step_moves_the_times_of_later_values(step_s: int) -> None:
    """12 s after a tick. An earlier tick must not delay the time, and no value mixes data from both sides of it."""
    out: list[Message] = []
    lane = WaveformChannel("m", out.append, MOTOR)
    tick_s = 1_790_000_400
    for block in blocks((tick_s - 4) * 1_000_000_000, 40):
        late = block.index >= 16 * RATE_HZ
        lane.on_block(replace(block, start_ns=block.start_ns + late * step_s * 1_000_000_000))
    ends_s = [message.t_ms / 1000 - tick_s for message in of(out, "pq3s")]
    after = [end_s - step_s for end_s in ends_s if abs(end_s - step_s - 24) < 13]
    assert len(after) >= 7, ends_s
    assert np.diff(after) == pytest.approx(3.0, abs=0.01), ends_s
    assert all(message.values["windows"] <= 15 for message in of(out, "pq3s"))


def test_without_a_second_order_there_is_no_distortion_and_no_k_factor() -> None:
    """150 samples per second carry the fundamental of 50 Hz only: null, not 0 % and 1."""
    out: list[Message] = []
    lane = WaveformChannel("m", out.append)
    t = np.arange(750) / 150.0
    phases = 2 * np.pi * 50.0 * t - np.arange(3)[:, None] * 2 * np.pi / 3
    lane.on_block(Waveform("m", 0, 0, 150.0, NAMES, np.vstack([325 * np.cos(phases), 50 * np.cos(phases - 0.5)])))
    v = of(out, "pq3s")[0].values
    assert v["voltage_l1n_v"] == pytest.approx(325 / math.sqrt(2), rel=1e-3)
    for name in ("thd_u_l1_pct", "thd_i_l2_pct", "k_factor_l3"):
        assert v[name] is None


def test_harmonics_are_uncertain_without_an_anti_aliasing_filter(caplog: pytest.LogCaptureFixture) -> None:
    """PWM of a drive without a filter: rms and power are good, distortion is not; logged once."""
    out: list[Message] = []
    waveform = WaveformSource("", 0, "drive-output")
    lane = WaveformChannel("m", out.append, replace(MOTOR, waveform=waveform))
    t = np.arange(int(7 * RATE_HZ)) / RATE_HZ
    phases = 2 * np.pi * 50.0 * t - np.arange(3)[:, None] * 2 * np.pi / 3
    u = np.where(0.8 * np.sin(phases) > 2 / np.pi * np.arcsin(np.sin(2 * np.pi * 1050.0 * t)), 300.0, -300.0)
    samples = np.vstack([u - u.mean(axis=0), 50 * np.sin(phases - 0.5)])
    lane.on_block(Waveform("m", 0, 0, RATE_HZ, NAMES, samples))
    pq, harmonics = of(out, "pq3s")[0], of(out, "harmonics")[0]
    assert pq.flags["thd_u_l1_pct"] == Quality.UNVERIFIED
    assert "active_power_w" not in pq.flags
    assert "voltage_l1n_v" not in pq.flags
    assert pq.quality == Quality.GOOD
    assert harmonics.flags["harmonic_u_l1_v"] == harmonics.flags["band_u_l3_v"] == Quality.UNVERIFIED
    assert overall_quality(harmonics.values, harmonics.flags, harmonics.quality) == "uncertain"
    assert [record.getMessage().count("PWM of a drive") for record in caplog.records] == [1]


def test_a_frozen_channel_is_null_and_other_channels_are_unaffected() -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append)
    for block in blocks(START_NS, 7):
        block.samples[1] = 123.0
        lane.on_block(block)
    v = of(out, "pq3s")[0]
    assert v.values["voltage_l2n_v"] is None
    assert v.values["active_power_w"] is None
    assert v.values["voltage_l1n_v"] == pytest.approx(U_V, rel=1e-4)
    assert Quality.STALE in v.quality


def test_bands_between_2_and_9_khz_are_published() -> None:
    out: list[Message] = []
    lane = WaveformChannel("m", out.append)
    for block in blocks(START_NS, 4):
        t = (block.index + np.arange(block.samples.shape[1])) / RATE_HZ
        block.samples[0] += 3.0 * math.sqrt(2) * np.cos(2 * np.pi * 3100.0 * t)
        lane.on_block(block)
    v = of(out, "harmonics")[0].values
    assert len(v["band_u_l1_v"]) == 35
    assert v["band_u_l1_v"][5] == pytest.approx(3.0, rel=2e-3)
    assert v["band_u_l1_v"][4] == pytest.approx(0.0, abs=0.01)
    assert v["band_u_l2_v"][13:] == [None] * 22  # 0.45 of the rate is 4608 Hz


def test_blocks_that_a_full_queue_discards_are_missing_samples_and_flag_the_windows() -> None:
    """18 s arrive in one moment; 81 blocks of 0.1 s (4 MB) wait. The blocks that follow are analysed."""
    out: list[Message] = []
    queue, channels = PipelineQueue(), WaveformChannels(out.append)
    t = np.arange(1024 * 240) / RATE_HZ
    rows = np.array([U_V * math.sqrt(2) * np.cos(2 * np.pi * F_HZ * t - n * 2 * np.pi / 3) for n in (0, 1, 2)] * 2)

    def put(first: int, last: int) -> None:
        for index in range(1024 * first, 1024 * last, 1024):
            start_ns = START_NS + round(index / RATE_HZ * 1e9)
            queue.put(Waveform("m", start_ns, index, RATE_HZ, NAMES, rows[:, index : index + 1024].copy()))
        while isinstance(block := queue.get(0), Waveform):
            channels.on_block(block)

    put(0, 180)
    put(180, 240)
    assert channels.lost == (180 - 81) * 1024
    flagged = [Quality.GAP in message.quality for message in of(out, "pq3s")]
    assert flagged[:2] == [False, False]
    assert any(flagged)
    assert flagged[-1:] == [False], "the analysis continues after the gap"
