"""EWS/1: bytes checked against the definition (struct and zlib applied here), and the effect of corrupt bytes."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drivers import ews_protocol
from drivers.ews_stream import Assembler
from drivers.reading import Quality, Waveform

NAMES = ("u1", "u2", "u3", "i1", "i2", "i3")
SCALES = (0.02, 0.02, 0.02, 0.01, 0.01, 0.01)


def greeting(rate_hz: float = 10240.0, form: str = "int16") -> ews_protocol.Hello:
    channels = tuple(
        ews_protocol.Channel(name, scale, 0.0, 0.0, 500.0) for name, scale in zip(NAMES, SCALES, strict=True)
    )
    return ews_protocol.Hello(rate_hz, form, "SN-1", "0.1", channels)


def hello_frame(sequence: int = 0, calibration: int = 5, stream: int = 1) -> bytes:
    return ews_protocol.build(
        ews_protocol.HELLO,
        ews_protocol.hello_payload(greeting()),
        sequence=sequence,
        calibration=calibration,
        stream=stream,
    )


def samples_frame(sequence: int, index: int, counts: np.ndarray, **more: int) -> bytes:
    given_ = {"calibration": 5, "stream": 1, **more}
    return ews_protocol.build(
        ews_protocol.SAMPLES,
        counts.astype("<i2").tobytes(),
        sequence=sequence,
        index=index,
        count=len(counts),
        **given_,
    )


def ramp(start: int, count: int = 64) -> np.ndarray:
    return (np.arange(start, start + count)[:, None] % 3000) * np.arange(1, 7)[None, :]


@given(st.binary(max_size=1200))
def test_cobs_has_no_zero_and_is_reversible(data: bytes) -> None:
    encoded = ews_protocol.cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + 1 + len(data) // 254
    assert ews_protocol.cobs_decode(encoded) == data


@pytest.mark.parametrize(
    ("plain", "encoded"),  # examples from Cheshire and Baker's definition
    [
        (b"\x00", b"\x01\x01"),
        (b"\x00\x00", b"\x01\x01\x01"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255))),
    ],
)
def test_cobs_examples(plain: bytes, encoded: bytes) -> None:
    assert ews_protocol.cobs_encode(plain) == encoded
    assert ews_protocol.cobs_decode(encoded) == plain


def test_the_frame_layout_is_that_of_the_docs() -> None:
    payload = struct.pack("<6h", 1, -2, 3, -4, 5, -6)
    frame = ews_protocol.build(
        ews_protocol.SAMPLES, payload, sequence=7, calibration=9, stream=3, flags=1, device_us=11, index=13, count=1
    )
    assert frame.endswith(b"\0")
    raw = ews_protocol.cobs_decode(frame[:-1])
    assert raw is not None
    expected = b"EWS1" + bytes([1, 1]) + struct.pack("<HIIQIHH", 3, 7, 9, 11, 13, 1, 0) + payload
    assert raw == expected + struct.pack("<I", zlib.crc32(expected))
    assert len(expected) == 32 + 12


def test_the_hello_layout_is_that_of_the_docs() -> None:
    payload = ews_protocol.hello_payload(greeting())
    assert len(payload) == 8 + 1 + 1 + 2 + 16 + 8 + 6 * 20
    assert struct.unpack_from("<dBBH16s8s", payload) == (
        10240.0,
        6,
        0,
        0,
        b"SN-1".ljust(16, b"\0"),
        b"0.1".ljust(8, b"\0"),
    )
    assert struct.unpack_from("<BBH", payload, 36 + 3 * 20) == (1, 1, 0)  # the fourth channel: current of phase 1


@pytest.mark.parametrize("form", ews_protocol.FORMATS)
def test_formats_give_volts_and_amperes(form: str) -> None:
    hello = greeting(form=form)
    counts = np.array([[-8388608 if form == "int24" else -30000, 1, 2, 3, 4, 5]], dtype=np.int64)
    packed = {
        "int16": counts.astype("<i2").tobytes(),
        "int24": b"".join(int(item).to_bytes(3, "little", signed=True) for item in counts[0]),
        "int32": counts.astype("<i4").tobytes(),
        "float32": counts.astype("<f4").tobytes(),
    }[form]
    frame = ews_protocol.EwsFrame(ews_protocol.SAMPLES, 0, 1, 0, 5, 0, 0, 1, packed)
    got = ews_protocol.samples(frame, hello)
    assert got is not None
    assert got[:, 0] == pytest.approx(counts[0] * np.array(SCALES, dtype=np.float32), rel=1e-6)


def test_pieces_of_any_size_give_the_same_frames() -> None:
    wire = hello_frame() + b"".join(samples_frame(1 + n, 64 * n, ramp(64 * n)) for n in range(20))
    whole = list(ews_protocol.EwsDecoder().feed(wire))
    decoder, pieces = ews_protocol.EwsDecoder(), []
    for at in range(0, len(wire), 7):
        pieces += list(decoder.feed(wire[at : at + 7]))
    assert pieces == whole
    assert len(whole) == 21
    assert decoder.damaged == 0


def blocks(wire: bytes, assembler: Assembler | None = None) -> tuple[list[Waveform], Assembler]:
    assembler = assembler or Assembler("m")
    return assembler.feed(wire, 1_000_000_000_000), assembler


def test_no_samples_before_a_matching_hello() -> None:
    got, assembler = blocks(samples_frame(0, 0, ramp(0)) + hello_frame(1) + samples_frame(2, 64, ramp(64)))
    assert [block.samples.shape[1] for block in got] == [64]
    got, assembler = blocks(samples_frame(3, 128, ramp(128), calibration=6), assembler)
    assert got == []


def test_a_corrupt_frame_is_counted_and_only_its_samples_are_missing() -> None:
    frames = [samples_frame(1 + n, 64 * n, ramp(64 * n)) for n in range(10)]
    frames[4] = frames[4][:100] + bytes([frames[4][100] ^ 0x5A or 1]) + frames[4][101:]
    got, assembler = blocks(hello_frame() + b"".join(frames))
    assert assembler.decoder.damaged == 1
    assert [(block.index, block.samples.shape[1]) for block in got] == [(0, 4 * 64), (5 * 64, 5 * 64)]
    expected = (ramp(5 * 64) * np.array(SCALES, dtype=np.float32)).T
    assert got[1].samples[:, :64] == pytest.approx(expected, rel=1e-6)


def test_the_sample_index_wraps_around() -> None:
    start = 2**32 - 64
    got, _ = blocks(
        hello_frame()
        + samples_frame(1, start, ramp(0))
        + samples_frame(2, 0, ramp(64))
        + samples_frame(3, 128, ramp(0))
    )
    assert [block.samples.shape[1] for block in got] == [128, 64]
    assert got[1].index - got[0].index == 192


def test_a_restarted_sender_leaves_a_gap_as_long_as_the_time_that_passed() -> None:
    _, assembler = blocks(hello_frame() + samples_frame(1, 6400, ramp(0)))
    later_ns = 1_000_000_000_000 + 2_000_000_000
    got = assembler.feed(hello_frame(stream=2) + samples_frame(1, 0, ramp(0), stream=2), later_ns)
    assert got[0].index - 64 == pytest.approx(2 * 10240, abs=64)


def test_clipping_and_overrun_flags_arrive() -> None:
    wire = hello_frame() + samples_frame(1, 0, ramp(0), flags=ews_protocol.FLAG_CLIPPED)
    wire += samples_frame(2, 64, ramp(64), flags=ews_protocol.FLAG_OVERRUN)
    got, _ = blocks(wire)
    assert [block.quality for block in got] == [Quality.CLIPPED, Quality.GAP]


def test_noise_never_becomes_samples() -> None:
    """200 flipped bytes and 20 truncations in 2000 frames: decoded frames equal sent frames, all others are counted."""
    chance = random.Random(1)
    frames = [samples_frame(1 + n, 64 * n, ramp(64 * n)) for n in range(2000)]
    wire = bytearray(hello_frame() + b"".join(frames))
    start = len(hello_frame())
    for _ in range(200):
        wire[chance.randrange(start, len(wire))] ^= chance.randrange(1, 256)
    for _ in range(20):
        at = chance.randrange(start, len(wire) - 50)
        del wire[at : at + chance.randrange(1, 50)]
    assembler, total = Assembler("m"), 0
    for at in range(0, len(wire), 4096):
        for block in assembler.feed(bytes(wire[at : at + 4096]), 10**12):
            for column in range(0, block.samples.shape[1], 64):
                expected = (ramp(block.index + column) * np.array(SCALES, dtype=np.float32)).T
                assert np.allclose(block.samples[:, column : column + 64], expected, rtol=1e-6, atol=0)
                total += 64
    assert 1700 * 64 < total < 2000 * 64
    assert block.index + block.samples.shape[1] <= 2000 * 64
    assert assembler.decoder.damaged >= 150


def test_the_clock_drift_of_the_sender_is_measured() -> None:
    assembler = Assembler("m")
    true_hz = 10240 * (1 + 200e-6)  # 200 ppm fast
    assembler.feed(hello_frame(), 0)
    for n in range(3000):
        assembler.feed(samples_frame(1 + n, 64 * n, ramp(0)), round(64 * (n + 1) / true_hz * 1e9))
    rate_hz = assembler.rate_hz()
    assert rate_hz is not None
    assert rate_hz == pytest.approx(true_hz, rel=2e-6)


def test_a_restarted_sender_with_the_same_stream_id_is_recognised() -> None:
    _, assembler = blocks(hello_frame() + samples_frame(1, 640_000, ramp(0)))
    assembler.reopened()
    got = assembler.feed(hello_frame() + samples_frame(1, 0, ramp(0)), 1_000_500_000_000)
    assert [block.samples.shape[1] for block in got] == [64]
    _, assembler = blocks(hello_frame() + samples_frame(1, 640_000, ramp(0)))
    total = 0
    for n in range(40):  # no reconnection: accepted after several consecutive frames with a lower index
        for block in assembler.feed(samples_frame(2 + n, 64 * n, ramp(0)), 1_001_000_000_000):
            total += block.samples.shape[1]
    assert total >= 20 * 64


def test_a_sender_clock_far_from_the_local_clock_is_not_used() -> None:
    for device_us in (1, 4_000_000_000_000_000):
        wire = hello_frame() + samples_frame(1, 0, ramp(0), flags=ews_protocol.FLAG_SYNCHRONISED, device_us=device_us)
        got, _ = blocks(wire)
        assert Quality.CLOCK_UNSYNCHRONIZED in got[0].quality
        assert abs(got[0].start_ns - 1_000_000_000_000) < 1e9
    near_us = 999_999_000
    got, _ = blocks(
        hello_frame() + samples_frame(1, 0, ramp(0), flags=ews_protocol.FLAG_SYNCHRONISED, device_us=near_us)
    )
    assert got[0].start_ns == near_us * 1000
    assert got[0].quality == Quality.GOOD


def test_channels_with_different_sampling_times_are_flagged(caplog: pytest.LogCaptureFixture) -> None:
    skewed = ews_protocol.Hello(
        10240.0, "int16", "SN", "1", (ews_protocol.Channel("u1", 1.0), ews_protocol.Channel("i1", 1.0, 0.0, 20_000.0))
    )
    hello = ews_protocol.build(ews_protocol.HELLO, ews_protocol.hello_payload(skewed), sequence=0, calibration=5)
    frame = ews_protocol.build(ews_protocol.SAMPLES, b"\0" * 256, sequence=1, calibration=5, index=0, count=64)
    got, _ = blocks(hello + hello + frame)
    assert Quality.UNVERIFIED in got[0].quality
    assert len([record for record in caplog.records if "differ by up to" in record.message]) == 1


U1 = ews_protocol.Channel("u1", 0.02)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"rate_hz": 0.0}, "0 samples per second; 100 to 1e+06 are supported"),
        ({"rate_hz": 99.9}, "99.9 samples per second; 100 to 1e+06 are supported"),
        ({"rate_hz": 1e8}, "1e+08 samples per second; 100 to 1e+06 are supported"),
        ({"rate_hz": float("nan")}, "nan samples per second; 100 to 1e+06 are supported"),
        ({"channels": ()}, "no channels"),
        ({"channels": (U1, U1)}, "channel u1 twice"),
        ({"channels": (replace(U1, scale=float("nan")),)}, "an unusable scale or offset of u1"),
        ({"channels": (replace(U1, offset=float("inf")),)}, "an unusable scale or offset of u1"),
        ({"channels": (replace(U1, scale=0.0),)}, "an unusable scale or offset of u1"),
    ],
)
def test_the_samples_of_an_unusable_hello_are_not_used_and_the_cause_is_logged_once(
    changes: dict[str, Any], cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A valid CRC proves the transmission, not the sender: zero channels, for example, make 65535 instants free."""
    hello = replace(greeting(), **changes)
    frame = ews_protocol.build(ews_protocol.HELLO, ews_protocol.hello_payload(hello), sequence=0, calibration=5)
    counts = np.zeros((64, len(hello.channels)), dtype="<i2")
    got, assembler = blocks(3 * (frame + samples_frame(1, 0, counts)))
    assert got == []
    assert assembler.hello is None
    assert [record.message for record in caplog.records] == [
        f"waveform m: the samples are not used, because the hello frame states {cause}"
    ]
    got, _ = blocks(hello_frame() + samples_frame(1, 0, ramp(0)), assembler)
    assert [block.channels for block in got] == [NAMES], "a later valid hello frame counts"
