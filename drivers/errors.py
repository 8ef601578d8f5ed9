"""Exceptions of this package.

    DriverError
    ├── LinkError                 failure of the bus
    │   ├── LinkTimeout           no response within the time-out
    │   │   └── LinkResting       not sent: the response to an earlier request of the same shape may still arrive
    │   ├── LinkClosed            port or connection lost; it is opened again
    │   │   └── LinkDown          port or connection cannot be opened: the bus fails, not a device on it
    │   └── LinkBusy              another master is active on the bus: nothing is sent
    ├── FrameError                a response was corrupt or did not match its request and was discarded
    ├── DeviceRefused             the device sent a Modbus exception response
    ├── ProfileError              a register map is invalid
    └── FileError                 a recording cannot be read

`retry` is true if a repeated request may succeed without a change of the configuration or the installation.
"""

from __future__ import annotations


class DriverError(Exception):
    """Base class of all exceptions of this package."""

    retry = False


class LinkError(DriverError):
    """The bus failed."""

    retry = True


class LinkTimeout(LinkError):
    """No response within the time-out."""


class LinkResting(LinkTimeout):
    """Not sent: the response to an earlier request of the same shape may still arrive."""


class LinkClosed(LinkError):
    """Port or connection lost."""


class LinkDown(LinkClosed):
    """Port or connection cannot be opened."""


class LinkBusy(LinkError):
    """Another master is active on the bus; nothing is sent."""


class FrameError(DriverError):
    """A response was corrupt or did not match its request."""

    retry = True


class DeviceRefused(DriverError):
    """The device sent a Modbus exception response.

    code: exception code. A gateway sends 0x0A and 0x0B if the device does not respond to it.
    """

    def __init__(self, code: int, about: str) -> None:
        super().__init__(f"{about}: exception 0x{code:02X} ({EXCEPTION_NAMES.get(code, 'unknown')})")
        self.code = code
        self.retry = code in (0x05, 0x06, 0x0A, 0x0B)


class ProfileError(DriverError):
    """A register map is invalid; one problem per line, each with file, place and key."""


class FileError(DriverError):
    """A recording cannot be read; the message names the file, the reason and the correction."""


EXCEPTION_NAMES = {
    0x01: "illegal function",
    0x02: "illegal data address",
    0x03: "illegal data value",
    0x04: "device failure",
    0x05: "acknowledge",
    0x06: "device busy",
    0x08: "memory parity error",
    0x0A: "gateway path unavailable",
    0x0B: "gateway target device failed to respond",
}
