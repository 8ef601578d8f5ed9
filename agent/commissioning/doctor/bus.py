"""Examines a bus: reads each block of each device several times without retries, and derives the findings."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, field

from agent.acquisition.bus_limits import CORRUPT_MAX
from agent.acquisition.scheduler import BusPoller
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, finding, fine, note
from agent.commissioning.doctor.meter_clock import clock_findings, clock_reading
from drivers.bus_settings import BusSettings
from drivers.dlt645_link import Dlt645Link
from drivers.errors import (
    ForeignMasterActive,
    FrameError,
    LinkClosed,
    LinkTimeout,
    ModbusExceptionResponse,
    PlcRejection,
    ResponseQuarantined,
)
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.modbus_link import ModbusLink
from drivers.profile_link import link_for
from drivers.reading import Reading
from drivers.reasons import Code, Reason, cause_of
from drivers.register_blocks import Block
from drivers.s7_link import S7Link
from drivers.serial_port import LineErrors, latency_timer_ms, line_errors, stable_names

REQUEST_BYTES, METER_REQUEST_BYTES = 8, 20
GATEWAY_EXCEPTIONS = (0x0A, 0x0B)
STRAY_MAX = 0.05  # stray bytes per response
SLOW_SHARE = 0.8  # of the timeout
TIMER_MAX_MS = 2


class DeviceObservation(Struct):
    """Counters of one device.

    name: name in the configuration.
    unit: unit identifier.
    timeout_s: timeout in seconds, without the transmission time.
    requests: number of requests.
    valid: number of valid responses.
    timeouts: number of requests without response.
    invalid: number of those for which invalid bytes were received.
    corrupt: number of corrupt responses.
    exceptions: exception code → number of exception responses.
    rejections: why the PLC rejected requests → number of them; the first one of each reason.
    response_s: response times in seconds, without the transmission time.
    """

    name: str
    unit: int
    timeout_s: float
    requests: int = 0
    valid: int = 0
    timeouts: int = 0
    invalid: int = 0
    corrupt: int = 0
    exceptions: Counter[int] = field(default_factory=Counter)
    rejections: dict[Code, tuple[Reason, int]] = field(default_factory=dict)
    response_s: list[float] = field(default_factory=list)

    @property
    def responses(self) -> int:
        """Number of responses, corrupt ones included."""
        return self.requests - self.timeouts


class BusObservation(Struct):
    """What was received on one bus.

    wire: address and line settings.
    closed: why port or connection could not be opened; None: it was opened.
    busy: the finding that another master is active; None: no other master.
    devices: counters of each device.
    late: number of late responses.
    noise_bytes: received bytes outside of responses, without echoes.
    echoes: number of requests of which the adapter returned an echo.
    errors: errors that the UART counted during the examination; None: it has no counters.
    latency_timer_ms: latency timer of an FTDI adapter; None for other ports.
    stable_name: name of the port that does not depend on the USB socket; empty: none.
    clocks: polls with the clocks of meters, and the time zone of the plant.
    """

    wire: BusSettings
    closed: Reason | str | None = None
    busy: Reason | str | None = None
    devices: list[DeviceObservation] = field(default_factory=list)
    late: int = 0
    noise_bytes: int = 0
    echoes: int = 0
    errors: LineErrors | None = None
    latency_timer_ms: int | None = None
    stable_name: str = ""
    clocks: list[tuple[Reading, str]] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """Number of requests."""
        return sum(device.requests for device in self.devices)

    @property
    def responses(self) -> int:
        """Number of responses, corrupt ones included."""
        return sum(device.responses for device in self.devices)


async def examine_bus(poller: BusPoller, rounds: int) -> BusObservation:
    """Reads every block `rounds` times with one attempt each, and counts. Faults of the bus are results, not errors."""
    link = poller.link
    assert isinstance(link, ModbusLink | Dlt645Link | S7Link), "only a real bus has interference"
    wire = link.wire
    devices = [item.device for item in poller.devices if isinstance(item.device, ModbusDevice)]
    observed = BusObservation(
        wire, devices=[DeviceObservation(item.name, item.unit, item.health.response_time.timeout_s) for item in devices]
    )
    before = line_errors(wire.serial_port) if wire.is_serial else None
    try:
        for _ in range(rounds):
            for device, counts in zip(devices, observed.devices, strict=True):
                for block in device.blocks():
                    await _read(link, device, block, counts, observed)
        for polled in poller.devices:
            if (reading := await clock_reading(polled)) is not None:
                observed.clocks.append((reading, polled.timezone))
    except ForeignMasterActive as error:
        observed.busy = cause_of(error)
    except LinkClosed as error:
        observed.closed = cause_of(error)
    finally:
        observed.late = link.late
        await link.close()
    if wire.is_serial:
        after = line_errors(wire.serial_port)  # only possible after the link has closed the port
        observed.errors = after - before if after is not None and before is not None else None
        observed.latency_timer_ms = latency_timer_ms(wire.serial_port)
        observed.stable_name = next(stable_names(wire.serial_port), "")
    return observed


async def _read(
    link: ModbusLink | Dlt645Link | S7Link,
    device: ModbusDevice,
    block: Block,
    counts: DeviceObservation,
    observed: BusObservation,
) -> None:
    request = Request(device.unit, block.function, block.address, block.count)
    registers = link_for(device.profile, link)
    skipped, transmission_time_s = link.unmatched_count, device.transmission_time_s(block.count)
    counts.requests += 1
    try:
        await registers.read_block(
            request, device.health.response_time.longest_s(transmission_time_s), device.inter_request_delay_s
        )
        counts.valid += 1
        counts.response_s.append(link.response_s - transmission_time_s)
    except PlcRejection as error:
        first, n = counts.rejections.get(error.reason.code, (error.reason, 0))
        counts.rejections[error.reason.code] = first, n + 1
    except ModbusExceptionResponse as error:
        counts.exceptions[error.code] += 1
    except FrameError:
        counts.corrupt += 1
        return
    except ResponseQuarantined:
        counts.requests -= 1
        return
    except LinkTimeout:
        counts.timeouts += 1
        counts.invalid += link.received > 0
        return
    except LinkClosed:
        if observed.requests == 1:  # it was never open
            raise
        counts.timeouts += 1
        return
    stray = link.unmatched_count - skipped
    if observed.wire.is_rtu and stray == (METER_REQUEST_BYTES if observed.wire.dlt645 else REQUEST_BYTES):
        observed.echoes += 1
    else:
        observed.noise_bytes += stray


def bus_findings(observed: BusObservation) -> list[DoctorFinding]:
    """The findings, each with the action to take, and the figures at the end."""
    where = f"bus.{observed.wire.name}"
    if observed.closed:
        return [finding(where, _why_closed(observed, observed.closed))]
    if observed.busy:
        return [finding(where, codes.BUS_IN_USE(error=observed.busy))]
    return [
        *_silences(observed, where), *_corrupt(observed, where), *_adapter(observed, where),
        *(item for device in observed.devices for item in _device(observed, device, where)),
        *(item for reading, timezone in observed.clocks for item in clock_findings(where, reading, timezone)),
        *_figures(observed, where),
    ]  # fmt: skip


def _why_closed(observed: BusObservation, error: Reason | str) -> Reason:
    if observed.wire.is_plc and isinstance(error, Reason):
        return error  # it contains what to do
    if not observed.wire.is_serial:
        return codes.TCP_BUS_UNAVAILABLE(error=error)
    if adapters := tuple(stable_names()):
        return codes.SERIAL_PORT_UNAVAILABLE(error=error, adapters=adapters)
    return codes.SERIAL_PORT_MISSING(error=error)


def _silences(observed: BusObservation, where: str) -> Iterator[DoctorFinding]:
    silent = [device for device in observed.devices if device.requests and not device.responses]
    if silent and len(silent) == len(observed.devices) and observed.wire.is_rtu:
        wire, received = observed.wire, any(device.invalid for device in observed.devices)
        code = codes.BUS_WRONG_SETTINGS if received else codes.BUS_WITHOUT_RESPONSE
        yield finding(where, code(line=f"{wire.baud} {wire.data_bits}{wire.parity}{wire.stop_bits}"))
        return
    for device in silent:
        others = len(silent) < len(observed.devices)
        without_response = codes.DEVICE_WITHOUT_RESPONSE if others else codes.CONNECTION_WITHOUT_RESPONSE
        code = codes.DEVICE_WITHOUT_FRAME if device.invalid else without_response
        yield finding(where, code(device=device.name, unit_id=device.unit))


def _corrupt(observed: BusObservation, where: str) -> Iterator[DoctorFinding]:
    n, total = sum(device.corrupt for device in observed.devices), observed.responses
    share = n / total if total else 0.0
    if share > CORRUPT_MAX:
        if observed.errors is not None and observed.errors.parity > observed.errors.frame:
            yield finding(where, codes.PARITY_ERRORS(share=share, n=n, total=total, errors=observed.errors.parity))
        else:
            yield finding(where, codes.RESPONSES_CORRUPT(share=share, n=n, total=total))
    elif n:
        yield note(where, codes.FEW_RESPONSES_CORRUPT(n=n, total=total))
    if observed.wire.is_rtu and observed.noise_bytes > STRAY_MAX * max(total, 1):
        yield finding(where, codes.STRAY_BYTES(n_bytes=observed.noise_bytes, total=total))


def _adapter(observed: BusObservation, where: str) -> Iterator[DoctorFinding]:
    valid = sum(device.valid for device in observed.devices)
    if 2 * observed.echoes > valid:  # interference sometimes has the length of a request
        yield note(where, codes.ADAPTER_ECHO(n=observed.echoes))
    if observed.late:
        yield finding(where, codes.RESPONSES_LATE(n=observed.late, bus=observed.wire.name))
    if observed.latency_timer_ms is not None and observed.latency_timer_ms > TIMER_MAX_MS:
        yield finding(where, codes.ADAPTER_LATENCY(timer_ms=observed.latency_timer_ms))
    if observed.stable_name and observed.stable_name != observed.wire.where:
        yield note(where, codes.PORT_NAME_UNSTABLE(port=observed.wire.where, stable_name=observed.stable_name))


def _device(observed: BusObservation, device: DeviceObservation, where: str) -> Iterator[DoctorFinding]:
    about = {"device": device.name, "unit_id": device.unit}
    for first, n in device.rejections.values():
        yield finding(where, codes.PLC_REJECTS(device=device.name, n=n, total=device.requests, first=first))
    if n := sum(device.exceptions[code] for code in GATEWAY_EXCEPTIONS):
        yield finding(where, codes.GATEWAY_WITHOUT_RESPONSE(**about, n=n, total=device.requests))
    if n := device.exceptions[2] + device.exceptions[3]:
        yield finding(where, codes.REGISTERS_ILLEGAL(**about, n=n, total=device.requests))
    if device.exceptions[1]:
        yield finding(where, codes.FUNCTION_UNSUPPORTED(**about))
    if n := device.exceptions[6]:
        yield note(where, codes.DEVICE_BUSY(**about, n=n))
    if device.responses and device.timeouts:
        yield finding(
            where,
            codes.RESPONSES_MISSING(
                **about, n=device.timeouts, total=device.requests, timeout_s=device.timeout_s, bus=observed.wire.name
            ),
        )
    if device.response_s and (longest_s := max(device.response_s)) > SLOW_SHARE * device.timeout_s:
        slow = codes.RESPONSE_SLOW(**about, longest_s=longest_s, timeout_s=device.timeout_s, bus=observed.wire.name)
        yield finding(where, slow)


def _figures(observed: BusObservation, where: str) -> Iterator[DoctorFinding]:
    for device in observed.devices:
        if device.valid:
            yield fine(where, codes.RESPONSE_TIMES(
                device=device.name, unit_id=device.unit, n=device.valid, total=device.requests,
                median_ms=1e3 * statistics.median(device.response_s), longest_ms=1e3 * max(device.response_s),
            ))  # fmt: skip
    if errors := observed.errors:
        yield fine(where, codes.UART_COUNTERS(
            framing=errors.frame, parity=errors.parity, overrun=errors.overrun, breaks=errors.breaks
        ))  # fmt: skip
