"""A second, independent decoder of EWS/1, written from the description of the format: COBS, zlib's CRC, struct."""

from __future__ import annotations

import struct
import zlib
from typing import Any, NamedTuple

import numpy as np

HELLO, SAMPLES = 0, 1


class Frame(NamedTuple):
    kind: int
    flags: int
    sequence: int
    calibration: int
    device_us: int
    index: int
    count: int
    payload: bytes


def decode(stream: bytes) -> list[Frame]:
    """Complete frames, each terminated by a zero byte; a corrupt frame fails the test."""
    frames = []
    for piece in stream.split(b"\0")[:-1]:
        raw, at = bytearray(), 0
        while at < len(piece):
            code = piece[at]
            raw += piece[at + 1 : at + code]
            at += code
            if code < 255 and at < len(piece):
                raw.append(0)
        assert zlib.crc32(raw[:-4]) == struct.unpack("<I", raw[-4:])[0]
        magic, kind, flags, _, sequence, calibration, device_us, index, count, reserved = struct.unpack_from(
            "<4sBBHIIQIHH", raw
        )
        assert (magic, reserved) == (b"EWS1", 0)
        frames.append(Frame(kind, flags, sequence, calibration, device_us, index, count, bytes(raw[32:-4])))
    return frames


def scales(hello: Frame) -> tuple[float, Any]:
    """Samples per second; volts or amperes per count for three voltages and three currents."""
    rate_hz, channels, form, _, _, _ = struct.unpack_from("<dBBH16s8s", hello.payload)
    assert (channels, form) == (6, 0)
    rows = [struct.unpack_from("<BBHffff", hello.payload, 36 + 20 * k) for k in range(6)]
    assert [row[:2] for row in rows] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]
    return rate_hz, np.array([row[3] for row in rows])


def values(frames: list[Frame]) -> Any:
    """Volts and amperes, shape (n, 6)."""
    scale = scales(next(frame for frame in frames if frame.kind == HELLO))[1]
    counts = [np.frombuffer(frame.payload, "<i2").reshape(-1, 6) for frame in frames if frame.kind == SAMPLES]
    return np.concatenate(counts) * scale
