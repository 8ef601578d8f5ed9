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
    """A pseudo-terminal: `fd` is this end, `path` is the port for the other program.

    Raw mode, 8 bits, no echo, non-blocking. After `close`, reads return no bytes and writes accept none.

    hold: True keeps the other end open too, so that reads do not fail while no program has opened the port. False lets
        `is_opened()` report whether a program has opened it.
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

    def is_opened(self) -> bool:
        """Return True if a program has the port open; valid only without `hold`."""
        if self.fd < 0:
            return False
        poller = select.poll()
        poller.register(self.fd, 0)
        return not any(event & (select.POLLHUP | select.POLLERR) for _, event in poller.poll(0))

    def read(self) -> bytes:
        """Return the received bytes; empty if none have arrived."""
        with contextlib.suppress(OSError):
            return os.read(self.fd, 4096)
        return b""

    def write(self, data: bytes) -> int:
        """Return the number of bytes accepted; 0 if the port is full or closed. Does not block."""
        with contextlib.suppress(OSError):
            return os.write(self.fd, data)
        return 0

    def unread(self) -> int:
        """Return the number of bytes written but not yet read; valid only with `hold`."""
        waiting = array.array("i", [0])
        if self._other is not None:
            fcntl.ioctl(self._other, termios.FIONREAD, waiting)
        return waiting[0]

    def discard_unread(self) -> None:
        """Discard the unread bytes, as a port does when it is closed."""
        if self._other is not None:
            termios.tcflush(self._other, termios.TCIFLUSH)

    def close(self) -> None:
        for fd in (self.fd, self._other):
            if fd is not None:
                with contextlib.suppress(OSError):
                    os.close(fd)
        self.fd, self._other = -1, None  # the operating system reuses the numbers for other files
