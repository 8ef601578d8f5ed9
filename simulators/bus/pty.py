"""Pseudo-terminals as serial ports."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import pty
import select
import termios
import tty


class Pty:
    """One end is ours, `path` is the port that somebody opens. Raw, 8 bits, no echo, never blocking; closed, it is
    empty and takes nothing.

    hold: keep the other end open too, so that reading ours gives no error while nobody is there. Without it,
    `anybody()` tells whether somebody has opened the port.
    """

    def __init__(self, hold: bool) -> None:
        self.fd, other = pty.openpty()
        tty.setraw(self.fd)
        tty.setraw(other)
        os.set_blocking(self.fd, False)
        self.path = os.ttyname(other)
        self._other: int | None = other
        if not hold:
            os.close(other)
            self._other = None

    def anybody(self) -> bool:
        """Somebody holds the port open."""
        if self.fd < 0:
            return False
        poller = select.poll()
        poller.register(self.fd, 0)
        return not any(event & (select.POLLHUP | select.POLLERR) for _, event in poller.poll(0))

    def read(self) -> bytes:
        """What has come; empty when nothing did."""
        with contextlib.suppress(OSError):
            return os.read(self.fd, 4096)
        return b""

    def write(self, data: bytes) -> int:
        """How many bytes the port took; 0 when it is full or gone. Never waits."""
        with contextlib.suppress(OSError):
            return os.write(self.fd, data)
        return 0

    def unread(self) -> int:
        """Bytes that were written and not yet read; only with hold."""
        waiting = array.array("i", [0])
        if self._other is not None:
            fcntl.ioctl(self._other, termios.FIONREAD, waiting)
        return waiting[0]

    def forget(self) -> None:
        """Drops them, as a port does that is closed."""
        if self._other is not None:
            termios.tcflush(self._other, termios.TCIFLUSH)

    def close(self) -> None:
        for fd in (self.fd, self._other):
            if fd is not None:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self.fd, self._other = -1, None  # the numbers are soon another file's
