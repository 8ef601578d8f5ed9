"""Exceptions of this package.

    DriverError
    ├── LinkError                 failure of the bus
    │   ├── LinkTimeout           no response within the time-out
    │   │   └── ResponseQuarantined  not sent: the response to an earlier request of the same shape may arrive
    │   ├── LinkClosed            port or connection lost; it is opened again
    │   │   └── ConnectFailed     port or connection cannot be opened: the bus fails, not a device on it
    │   └── ForeignMasterActive   another master is active on the bus: nothing is sent
    ├── FrameError                a response was corrupt or did not match its request and was discarded
    ├── ModbusExceptionResponse   the device sent a Modbus exception response
    │   ├── MeterRejection          a meter of DL/T 645 rejected a request
    │   ├── PlcRejection            a PLC rejected a request
    │   └── NotReadByMaster         the bus is only listened to, and the other master does not read this register
    ├── ProfileError              a register map is invalid
    └── FileError                 a recording cannot be read

Each has a reason: a code of drivers/error_reasons.py, profile_reasons.py or file_reasons.py with its data. `retry` is
true if a repeated request may succeed without a change of the configuration or the installation.
"""

from __future__ import annotations

from drivers.error_reasons import (
    EXCEPTION_UNKNOWN,
    EXCEPTIONS,
    METER_REJECTION,
    METER_REJECTIONS,
    MODBUS_EXCEPTION,
    NOT_READ_BY_MASTER,
    PLC_OUT_OF_RANGE,
    PLC_REJECTION_OTHER,
    PLC_REJECTIONS,
)
from drivers.profile_reasons import PROFILE_INVALID
from drivers.reasons import CodedError, Reason

ILLEGAL_ADDRESS, DEVICE_FAILURE = 0x02, 0x04  # exception codes of Modbus


class DriverError(CodedError):
    """Base class of all exceptions of this package."""

    retry = False


class LinkError(DriverError):
    """The bus failed."""

    retry = True


class LinkTimeout(LinkError):
    """No response within the time-out."""


class ResponseQuarantined(LinkTimeout):
    """Not sent: the response to an earlier request of the same shape may still arrive."""


class LinkClosed(LinkError):
    """Port or connection lost."""


class ConnectFailed(LinkClosed):
    """Port or connection cannot be opened."""


class ForeignMasterActive(LinkError):
    """Another master is active on the bus; nothing is sent."""


class FrameError(DriverError):
    """A response was corrupt or did not match its request."""

    retry = True


class ModbusExceptionResponse(DriverError):
    """The device sent a Modbus exception response.

    code: exception code. A gateway sends 0x0A and 0x0B if the device does not respond to it.
    unit_id, address: those of the request.
    """

    def __init__(self, code: int, unit_id: int, address: int) -> None:
        cause = EXCEPTIONS.get(code, EXCEPTION_UNKNOWN)()
        super().__init__(MODBUS_EXCEPTION, unit_id=unit_id, address=address, exception=code, cause=cause)
        self.code = code
        self.retry = code in (0x05, 0x06, 0x0A, 0x0B)


class MeterRejection(ModbusExceptionResponse):
    """A meter of DL/T 645 rejected a request. code: the exception code of Modbus with the same consequence.

    bits: the error byte. Bit 1: it does not have the data, as an illegal address.
    """

    def __init__(self, bits: int, meter: str, identifier: str) -> None:
        causes = tuple(cause() for n, cause in enumerate(METER_REJECTIONS) if bits >> n & 1)
        DriverError.__init__(self, METER_REJECTION, meter=meter, identifier=identifier, causes=causes)
        self.code = ILLEGAL_ADDRESS if bits & 2 else DEVICE_FAILURE
        self.retry = not bits & 2


class PlcRejection(ModbusExceptionResponse):
    """A PLC rejected a request. code: the exception code of Modbus with the same consequence.

    error: return code of the item, or error class and code of the response. Only an address outside the block concerns
    single values; all other rejections concern the whole device.
    """

    def __init__(self, error: int, place: str) -> None:
        DriverError.__init__(self, PLC_REJECTIONS.get(error, PLC_REJECTION_OTHER), place=place, error=f"{error:02X}H")
        self.code = ILLEGAL_ADDRESS if error == PLC_OUT_OF_RANGE else DEVICE_FAILURE
        self.retry = False


class NotReadByMaster(ModbusExceptionResponse):
    """The other master of a bus that is only listened to does not read this register: as an illegal address."""

    def __init__(self, unit_id: int, address: int) -> None:
        DriverError.__init__(self, NOT_READ_BY_MASTER, unit_id=unit_id, address=address)
        self.code, self.retry = ILLEGAL_ADDRESS, False


class ProfileError(DriverError):
    """A register map is invalid. Its text has one line for each problem."""

    @property
    def problems(self) -> tuple[Reason, ...]:
        """All problems, each with file, place and cause."""
        problems: tuple[Reason, ...] = self.reason.data["problems"] if self.reason.code == PROFILE_INVALID else ()
        return problems or (self.reason,)


class FileError(DriverError):
    """A recording cannot be read, or its channels cannot be assigned."""
