"""Faults of a serial line: a fault converts a request into steps, each with bytes and a delay."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from simulators.bus.frames import Ask

STRAY_MAX = 8


class FaultStep(NamedTuple):
    """Bytes to send after a delay.

    data: the bytes; may be empty.
    after_s: delay after the previous step, seconds.
    close: True closes the connection after the data (on a serial line: unplugs the adapter).
    """

    data: bytes = b""
    after_s: float = 0.0
    close: bool = False


Script = Callable[[Ask], list[FaultStep]]


def clean(ask: Ask) -> list[FaultStep]:
    return [FaultStep(ask.frame())]


def late(seconds: float) -> Script:
    return lambda ask: [FaultStep(ask.frame(), seconds)]


def stray_bytes(ask: Ask, count: int) -> bytes:
    """Return noise, zeros, ones, or, as the most difficult case, the first bytes of the correct response, in turn."""
    kind = ask.number % 4
    if kind == 0:
        return ask.frame()[:count]
    if kind == 1:
        return b"\0" * count
    if kind == 2:
        return b"\xff" * count
    return Random(ask.number * 100 + count).randbytes(count)


def stray(count: int) -> Script:
    return lambda ask: [FaultStep(stray_bytes(ask, count) + ask.frame())]


def glitch(ask: Ask) -> list[FaultStep]:
    """The transceiver switches off shortly after the response, so the receiver sees one additional byte."""
    return [FaultStep(ask.frame()), FaultStep(b"\xff" if ask.number % 2 else b"\0", 0.001)]


def damaged(ask: Ask) -> list[FaultStep]:
    """Invert one bit.

    The CRC of RTU detects it; Modbus TCP has no checksum, so there the protocol identifier is changed.
    """
    frame = bytearray(ask.frame())
    frame[4 if ask.transaction is None else 2] ^= 0x10
    return [FaultStep(bytes(frame))]


def truncated(ask: Ask) -> list[FaultStep]:
    return [FaultStep(ask.frame()[:-3])]
