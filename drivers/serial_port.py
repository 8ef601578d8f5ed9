"""Properties of serial ports that Linux reports without traffic: stable names, error counters, latency timer."""

from __future__ import annotations

import array
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple

TIOCGICOUNT = 0x545D  # linux/include/uapi/asm-generic/ioctls.h
_COUNTS = 20  # ints of struct serial_icounter_struct
_FRAME, _OVERRUN, _PARITY, _BREAK = 6, 7, 8, 9
BY_ID = Path("/dev/serial/by-id")


class LineErrors(Struct, frozen=True):
    """Number of corrupt characters that the UART received.

    frame: framing errors. overrun: overruns. parity: parity errors. breaks: break conditions.
    """

    frame: int
    overrun: int
    parity: int
    breaks: int

    def __sub__(self, other: LineErrors) -> LineErrors:
        return LineErrors(*(new - old for new, old in zip(astuple(self), astuple(other), strict=True)))


def line_errors(port: str) -> LineErrors | None:
    """Error counters since the kernel driver was loaded; None if there are none (pseudo-terminals, some adapters)."""
    counts = array.array("i", [0] * _COUNTS)
    try:
        fd = os.open(port, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.ioctl(fd, TIOCGICOUNT, counts)
    except OSError:
        return None
    finally:
        os.close(fd)
    return LineErrors(counts[_FRAME], counts[_OVERRUN], counts[_PARITY], counts[_BREAK])


def latency_timer_ms(port: str) -> int | None:
    """Latency timer of an FTDI adapter in ms; None for other ports."""
    name = os.path.basename(os.path.realpath(port))
    try:
        return int(Path(f"/sys/bus/usb-serial/devices/{name}/latency_timer").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def stable_names(port: str | None = None) -> Iterator[str]:
    """Names in /dev/serial/by-id, which do not change when an adapter is replugged.

    port: only names of this port; None: of all ports.
    """
    try:
        links = sorted(BY_ID.iterdir())
    except OSError:
        return
    for link in links:
        if port is None or os.path.realpath(link) == os.path.realpath(port):
            yield str(link)
