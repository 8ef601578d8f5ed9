"""What can go wrong between us and a device.

    DriverError
    ├── LinkError                 the wire
    │   ├── LinkTimeout           nobody answered in time
    │   │   └── LinkResting       not asked: the answer to an older request of the same shape may still come
    │   ├── LinkClosed            the port or connection is gone; it will be opened again
    │   │   └── LinkDown          it cannot be opened: the wire itself, not a device on it
    │   └── LinkBusy              somebody else talks on the line: nothing is sent
    ├── FrameError                an answer came, but not the one asked for; it was thrown away
    ├── DeviceRefused             the device answered with a Modbus exception
    ├── ProfileError              a register map that cannot be used (a mistake in a file)
    └── FileError                 a recording that cannot be read (a mistake in a file)

`retry` tells whether asking again may help without anybody changing anything.
"""

from __future__ import annotations


class DriverError(Exception):
    """Root of everything this package raises on purpose."""

    retry = False


class LinkError(DriverError):
    retry = True


class LinkTimeout(LinkError):
    pass


class LinkResting(LinkTimeout):
    pass


class LinkClosed(LinkError):
    pass


class LinkDown(LinkClosed):
    pass


class LinkBusy(LinkError):
    pass


class FrameError(DriverError):
    retry = True


class DeviceRefused(DriverError):
    """A Modbus exception. 0x0A and 0x0B come from a gateway and mean that the device behind it is silent."""

    def __init__(self, code: int, about: str) -> None:
        super().__init__(f"{about}: exception 0x{code:02X} ({EXCEPTION_NAMES.get(code, 'unknown')})")
        self.code = code
        self.retry = code in (0x05, 0x06, 0x0A, 0x0B)


class ProfileError(DriverError):
    pass


class FileError(DriverError):
    pass


EXCEPTION_NAMES = {
    0x01: "illegal function",
    0x02: "illegal data address",
    0x03: "illegal data value",
    0x04: "device failure",
    0x05: "acknowledge",
    0x06: "device busy",
    0x08: "memory parity error",
    0x0A: "gateway path unavailable",
    0x0B: "gateway target silent",
}
