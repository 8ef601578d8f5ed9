"""EWS/1: frames with samples of voltages and currents in a byte stream. Format: docs/reference/ews1.md.

Pure functions and a decoder; ports and sockets are in drivers/ews_stream.py.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from drivers.reading import SAMPLING_RATE_MIN_HZ

HELLO, SAMPLES, EVENT, STATUS = range(4)
FLAG_SYNCHRONISED, FLAG_OVERRUN, FLAG_CLIPPED = 1, 2, 4
FORMATS = ("int16", "int24", "int32", "float32")
RATE_HZ = (SAMPLING_RATE_MIN_HZ, 1e6)  # supported sampling rates; at the highest, the buffers of one stream take 180 MB
FRAME_BYTES_MAX = 16 * 1024

_HEADER = struct.Struct("<4sBBHIIQIHH")
_HELLO = struct.Struct("<dBBH16s8s")
_CHANNEL = struct.Struct("<BBHffff")
_STATUS = struct.Struct("<fII")
_BYTES_PER_SAMPLE = {"int16": 2, "int24": 3, "int32": 4, "float32": 4}
_KINDS = {(0, 1): "u1", (0, 2): "u2", (0, 3): "u3", (0, 12): "u12", (0, 23): "u23", (0, 31): "u31", (0, 0): "un",
          (1, 1): "i1", (1, 2): "i2", (1, 3): "i3", (1, 0): "in"}  # fmt: skip
_CODES = {name: code for code, name in _KINDS.items()}


class Channel(Struct, frozen=True):
    """One channel; value = (count − offset) · scale.

    name: u1 u2 u3 u12 u23 u31 un i1 i2 i3 in, or other and a number.
    scale: V or A per count.
    offset: counts.
    delay_ns: sampling delay of the channel, added to the time of the sample.
    clipping: largest magnitude before clipping, in V or A; NaN: unknown.
    """

    name: str
    scale: float
    offset: float = 0.0
    delay_ns: float = 0.0
    clipping: float = float("nan")


class Hello(Struct, frozen=True):
    """Description of a stream.

    rate_hz: sampling rate.
    format: one of FORMATS.
    serial: serial number of the sender.
    firmware: version of its firmware.
    channels: channels in the order of the samples.
    """

    rate_hz: float
    format: str
    serial: str
    firmware: str
    channels: tuple[Channel, ...]


class EwsFrame(Struct, frozen=True):
    """One frame with a valid CRC.

    type: HELLO, SAMPLES, EVENT or STATUS.
    flags: FLAG_… bits.
    stream: identifier of the stream; changes when the sender restarts.
    sequence: frame number, modulo 2^32.
    calibration: number that links samples to their hello frame.
    device_us: device time of the first sample in us; UTC if FLAG_SYNCHRONISED is set, otherwise since boot.
    index: number of the first sample, modulo 2^32.
    count: number of samples per channel.
    payload: bytes after the header.
    hello: decoded payload of a HELLO frame; None for other types.
    """

    type: int
    flags: int
    stream: int
    sequence: int
    calibration: int
    device_us: int
    index: int
    count: int
    payload: bytes
    hello: Hello | None = None


class EwsDecoder(Struct):
    """Finds the frames in a byte stream that arrives in pieces.

    damaged: number of corrupt frames, which are discarded.
    """

    damaged: int = 0
    _buffer: bytearray = field(default_factory=bytearray)
    _synchronised: bool = False

    def feed(self, data: bytes) -> Iterator[EwsFrame]:
        """The frames completed by `data`. Bytes before the first 0x00 are skipped and not counted."""
        self._buffer += data
        while (end := self._buffer.find(0)) >= 0:
            piece = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            if frame := parse(piece):
                yield frame
            elif piece and self._synchronised:
                self.damaged += 1
            self._synchronised = True
        if len(self._buffer) > FRAME_BYTES_MAX + FRAME_BYTES_MAX // 254 + 2:
            self._buffer.clear()
            self.damaged += 1


def parse(encoded: bytes) -> EwsFrame | None:
    """Decodes one COBS-encoded frame without its 0x00; None if it is corrupt."""
    raw = cobs_decode(encoded)
    if raw is None or not _HEADER.size + 4 <= len(raw) <= FRAME_BYTES_MAX:
        return None
    body = raw[:-4]
    if zlib.crc32(body) != int.from_bytes(raw[-4:], "little"):
        return None
    magic, kind, flags, stream, sequence, calibration, device_us, index, count, _ = _HEADER.unpack_from(body)
    if magic != b"EWS1" or kind > STATUS:
        return None
    payload = body[_HEADER.size :]
    hello = _parse_hello(payload) if kind == HELLO else None
    if kind == HELLO and hello is None:
        return None
    return EwsFrame(kind, flags, stream, sequence, calibration, device_us, index, count, payload, hello)


def unusable(hello: Hello) -> str | None:
    """What a hello frame states that makes its samples unusable, for the log; None: nothing."""
    names = [channel.name for channel in hello.channels]
    if not RATE_HZ[0] <= hello.rate_hz <= RATE_HZ[1]:
        return f"{hello.rate_hz:g} samples per second; {RATE_HZ[0]:g} to {RATE_HZ[1]:g} are supported"
    if not names:
        return "no channels"
    for channel in hello.channels:
        if names.count(channel.name) > 1:
            return f"channel {channel.name} twice"
        if not (channel.scale and math.isfinite(channel.scale) and math.isfinite(channel.offset)):
            return f"an unusable scale or offset of {channel.name}"
    return None


def samples(frame: EwsFrame, hello: Hello) -> NDArray[np.float64] | None:
    """Samples in V and A, shape (channels, n), C order; None if the payload does not match the hello frame."""
    channels = len(hello.channels)
    if len(frame.payload) != frame.count * channels * _BYTES_PER_SAMPLE[hello.format]:
        return None
    counts = _counts(frame.payload, hello.format).reshape(frame.count, channels)
    scale = np.array([channel.scale for channel in hello.channels])
    offset = np.array([channel.offset for channel in hello.channels])
    return np.ascontiguousarray(((counts - offset) * scale).T)


def build(
    kind: int,
    payload: bytes,
    *,
    sequence: int,
    calibration: int,
    stream: int = 1,
    flags: int = 0,
    device_us: int = 0,
    index: int = 0,
    count: int = 0,
) -> bytes:
    """One encoded frame with its terminating 0x00; arguments as the fields of Frame. Raises ValueError if too long."""
    body = _HEADER.pack(
        b"EWS1", kind, flags, stream, sequence & 0xFFFFFFFF, calibration, device_us, index & 0xFFFFFFFF, count, 0
    )
    body += payload
    if len(body) + 4 > FRAME_BYTES_MAX:
        raise ValueError(f"frame of {len(body) + 4} bytes; the maximum is {FRAME_BYTES_MAX}")
    return cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def hello_payload(hello: Hello) -> bytes:
    """The payload of a HELLO frame."""
    head = _HELLO.pack(
        hello.rate_hz,
        len(hello.channels),
        FORMATS.index(hello.format),
        0,
        hello.serial.encode()[:16],
        hello.firmware.encode()[:8],
    )
    rows = [
        _CHANNEL.pack(*_CODES[item.name], 0, item.scale, item.offset, item.delay_ns, item.clipping)
        for item in hello.channels
    ]
    return head + b"".join(rows)


def status_payload(temperature_degc: float, overruns: int, frames_dropped: int) -> bytes:
    """The payload of a STATUS frame."""
    return _STATUS.pack(temperature_degc, overruns, frames_dropped)


def cobs_encode(data: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing: the result has no 0x00 and at most one extra byte per 254 bytes.

    Source: Cheshire and Baker 1999.
    """
    out = bytearray()
    pieces = data.split(b"\0")
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        while len(piece) >= 254:
            out.append(255)
            out += piece[:254]
            piece = piece[254:]
            if not piece and last:
                return bytes(out)
        out.append(len(piece) + 1)
        out += piece
    return bytes(out)


def cobs_decode(data: bytes) -> bytes | None:
    """The inverse of cobs_encode; None if the data is invalid."""
    out = bytearray()
    at, size = 0, len(data)
    while at < size:
        code = data[at]
        end = at + code
        if code == 0 or end > size:
            return None
        out += data[at + 1 : end]
        at = end
        if code < 255 and at < size:
            out.append(0)
    return bytes(out)


def _counts(payload: bytes, form: str) -> NDArray[np.float64]:
    if form == "int24":
        raw = np.frombuffer(payload, np.uint8).reshape(-1, 3).astype(np.int32)
        value = raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16
        return (value - ((value & 0x800000) << 1)).astype(np.float64)
    return np.frombuffer(payload, {"int16": "<i2", "int32": "<i4", "float32": "<f4"}[form]).astype(np.float64)


def _parse_hello(payload: bytes) -> Hello | None:
    if len(payload) < _HELLO.size:
        return None
    rate_hz, channels, form, _, serial, firmware = _HELLO.unpack_from(payload)
    if form >= len(FORMATS) or len(payload) != _HELLO.size + channels * _CHANNEL.size:
        return None
    found = tuple(
        Channel(_KINDS.get((kind, phase), f"other{number}"), *calibration)
        for number, (kind, phase, _, *calibration) in enumerate(_CHANNEL.iter_unpack(payload[_HELLO.size :]), 1)
    )
    texts = [item.split(b"\0")[0].decode("utf-8", "replace") for item in (serial, firmware)]
    return Hello(rate_hz, FORMATS[form], texts[0], texts[1], found)
