"""What can be heard on a wire, and what it tells. Looking asks each block of each device a few times, once per try."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.doctor.finding import Finding, finding, fine, note
from agent.poll import BusPoller, Polled
from agent.words import counted
from drivers.bus import ModbusLink
from drivers.errors import DeviceRefused, FrameError, LinkBusy, LinkClosed, LinkResting, LinkTimeout
from drivers.framing import Request
from drivers.serial_port import LineErrors, latency_timer_ms, line_errors, stable_names

REQUEST_BYTES = 8
GATEWAY_REFUSALS = (0x0A, 0x0B)
DAMAGED_MAX = 0.005  # share of damaged answers that a sound RS-485 line stays below by far
SLOW_SHARE = 0.8  # of the time-out


@dataclass(slots=True)
class DeviceSeen:
    name: str
    unit: int
    timeout_s: float
    asked: int = 0
    answered: int = 0
    silent: int = 0
    silent_but_bytes: int = 0  # bytes came that were no frame
    damaged: int = 0
    refusals: dict[int, int] = field(default_factory=dict)  # Modbus exception → times
    took_s: list[float] = field(default_factory=list)  # without the time on the wire


@dataclass(slots=True)
class WireSeen:
    name: str
    where: str
    serial: bool
    line: str = ""
    rtu: bool = False
    closed: str = ""  # why it could not be opened
    busy: str = ""  # who else talks
    devices: list[DeviceSeen] = field(default_factory=list)
    late: int = 0
    noise_bytes: int = 0  # that belonged to no answer, echoes not counted
    echoes: int = 0
    errors: LineErrors | None = None  # counted by the UART while we looked; None: it does not count
    latency_timer_ms: int | None = None
    stable_name: str = ""  # a name of the same port that outlives replugging

    @property
    def asked(self) -> int:
        return sum(device.asked for device in self.devices)


async def look(poller: BusPoller, rounds: int) -> WireSeen:
    """Asks every block `rounds` times, each one attempt, and keeps count. Raises nothing for trouble on the wire."""
    link = poller.link
    assert isinstance(link, ModbusLink), "only a real wire has noise"
    wire = link.wire
    seen = WireSeen(
        wire.name,
        wire.serial_port or f"{wire.host}:{wire.port_number}",
        wire.is_serial,
        f"{wire.baud} {wire.data_bits}{wire.parity}{wire.stop_bits}" if wire.is_rtu else "",
        wire.is_rtu,
    )
    seen.devices = [
        DeviceSeen(item.device.name, item.device.unit, item.device.latency.cap_s) for item in poller.devices
    ]
    before = line_errors(wire.serial_port) if wire.is_serial else None
    try:
        for _ in range(rounds):
            for polled, counts in zip(poller.devices, seen.devices, strict=True):
                await _ask(link, polled, counts, seen)
    except LinkBusy as error:
        seen.busy = str(error)
    except LinkClosed as error:
        seen.closed = str(error)
    finally:
        seen.late = link.late
        await link.close()
    if wire.is_serial:
        after = line_errors(wire.serial_port)  # not while the link holds the port for itself
        seen.errors = after - before if after is not None and before is not None else None
        seen.latency_timer_ms = latency_timer_ms(wire.serial_port)
        seen.stable_name = next(stable_names(wire.serial_port), "")
    return seen


async def _ask(link: ModbusLink, polled: Polled, counts: DeviceSeen, seen: WireSeen) -> None:
    device = polled.device
    for block in device.blocks():
        request = Request(device.unit, block.function, block.address, block.count)
        skipped = link.skipped
        counts.asked += 1
        answered = True
        try:
            wire_s = device.wire_s(block)
            await link.read_block(request, device.latency.longest_s(wire_s), device.gap_s)
            counts.answered += 1
            counts.took_s.append(link.answered_s - wire_s)
        except DeviceRefused as error:
            counts.refusals[error.code] = counts.refusals.get(error.code, 0) + 1
        except FrameError:
            counts.damaged += 1
            answered = False
        except LinkResting:
            counts.asked -= 1
            answered = False
        except LinkTimeout:
            counts.silent += 1
            counts.silent_but_bytes += link.heard > 0
            answered = False
        except LinkClosed:
            if seen.asked == 1:  # never open at all
                raise
            counts.silent += 1
            answered = False
        strange = link.skipped - skipped
        if seen.rtu and strange == REQUEST_BYTES and answered:
            seen.echoes += 1
        elif answered:
            seen.noise_bytes += strange


def judge(seen: WireSeen) -> list[Finding]:
    """The findings, each with what to do; the last lines are the figures."""
    where = f"bus.{seen.name}"
    if seen.closed:
        said = seen.closed.removeprefix(f"{seen.name}: ")
        return [finding(where, said if said.endswith("?") else f"{said}. {_why_closed(seen)}")]
    if seen.busy:
        return [
            finding(
                where,
                f"{seen.busy}. Two masters on one line break each other's control: take magwatt's adapter off, or read "
                "through the other master's gateway (Modbus TCP)",
            )
        ]
    found = [*_silences(seen, where), *_damage(seen, where), *_small_things(seen, where)]
    for device in seen.devices:
        found += _device(seen, device, where)
    return [*found, *_figures(seen, where)]


def _why_closed(seen: WireSeen) -> str:
    if not seen.serial:
        return "Is the address right, and the gateway on this network? Many take one connection only"
    return f"Adapters here (/dev/serial/by-id): {', '.join(stable_names()) or 'none'}"


def _silences(seen: WireSeen, where: str) -> Iterator[Finding]:
    silent = [device for device in seen.devices if device.asked and device.silent == device.asked]
    if not silent:
        return
    heard = sum(device.silent_but_bytes for device in seen.devices)
    if len(silent) == len(seen.devices) and seen.rtu:
        if heard:
            text = (
                f"bytes come back, but never a frame: speed or parity is wrong (set: {seen.line}). `magwatt scan` finds"
            )
            yield finding(where, f"{text} the right setting")
        else:
            text = "nobody answers and not a byte comes: A and B swapped, no supply, another speed, or other unit ids"
            yield finding(where, f"{text} (set: {seen.line}). Swap A and B first, then `magwatt scan`")
        return
    for device in silent:
        about = f"{device.name} (unit {device.unit})"
        if device.silent_but_bytes:
            text = f"{about}: bytes come, but never a frame: two devices with this unit id, or one at another speed"
            yield finding(where, f"{text}. Switch one off at a time")
        else:
            yield finding(
                where,
                f"{about}: silent while {'others answer' if len(silent) < len(seen.devices) else 'the peer is there'}: "
                "is it on, is the unit id right, is Modbus enabled at this port of the device? `magwatt scan` lists "
                "who is there",
            )


def _damage(seen: WireSeen, where: str) -> Iterator[Finding]:
    damaged = sum(device.damaged for device in seen.devices)
    alive = seen.asked - sum(device.silent for device in seen.devices)
    share = damaged / alive if alive else 0.0
    if share > DAMAGED_MAX:
        parity = seen.errors is not None and seen.errors.parity > seen.errors.frame
        hint = (
            f"the UART counts {seen.errors.parity} parity errors: check the parity setting of each device"
            if parity and seen.errors is not None
            else "look at the terminators (120 Ω at both ends, nowhere else), the shield (grounded at one end), the "
            "common wire, and power cables alongside"
        )
        yield finding(where, f"{100 * share:.1f} % of the answers are damaged ({damaged} of {alive}): {hint}")
    elif damaged:
        yield note(where, f"{damaged} of {counted(alive, 'answer')} damaged; asked again, no value was lost")
    if seen.rtu and seen.noise_bytes > 0.05 * max(alive, 1):
        yield finding(
            where,
            f"{counted(seen.noise_bytes, 'stray byte')} in {counted(alive, 'answer')}: the line floats between frames. "
            "It wants a bias (pull-up and pull-down, about 560 Ω, at one place) and terminators at both ends",
        )


def _small_things(seen: WireSeen, where: str) -> Iterator[Finding]:
    answered = sum(device.answered for device in seen.devices)
    if 2 * seen.echoes > answered:  # now and then noise is as long as a request
        yield note(
            where,
            f"the adapter echoes what is sent ({counted(seen.echoes, 'time')}); it is skipped, nothing must be done",
        )
    if seen.late:
        yield finding(
            where,
            f"{counted(seen.late, 'answer')} came after the time-out and went unused: set bus.{seen.name}.timeout "
            "higher, or look for a converter that queues requests of several masters",
        )
    if seen.latency_timer_ms is not None and seen.latency_timer_ms > 2:
        yield finding(
            where,
            f"the USB adapter holds each answer back for up to {seen.latency_timer_ms} ms: write 1 to its "
            "latency_timer (a udev rule: docs/doctor.md)",
        )
    if seen.stable_name and seen.stable_name != seen.where:
        yield note(where, f"{seen.where} may change its name when replugged; {seen.stable_name} stays")


def _device(seen: WireSeen, device: DeviceSeen, where: str) -> Iterator[Finding]:
    about = f"{device.name} (unit {device.unit})"
    alive = device.asked - device.silent
    gateway = sum(device.refusals.get(code, 0) for code in GATEWAY_REFUSALS)
    if gateway:
        text = f"the gateway gets no answer from it ({gateway} of {device.asked})"
        yield finding(where, f"{about}: {text}: is it on, are unit id and line settings of the gateway right?")
    if illegal := device.refusals.get(2, 0) + device.refusals.get(3, 0):
        text = (
            f"refuses {illegal} of {counted(device.asked, 'read')} (illegal address): another model than its profile?"
        )
        yield finding(
            where, f"{about}: {text} `magwatt identify` tells what it is; single holes are learnt while running"
        )
    if device.refusals.get(1):
        yield finding(where, f"{about}: does not know the read function of its profile: is it another model?")
    if busy := device.refusals.get(6, 0):
        yield note(where, f"{about}: said it was busy {counted(busy, 'time')}; poll it more seldom")
    if alive and device.silent:
        yield finding(
            where,
            f"{about}: silent {device.silent} of {counted(device.asked, 'time')}: a loose clamp, a time-out too short "
            f"({device.timeout_s:g} s), or a device that needs a pause (bus.{seen.name}.inter_request_delay)",
        )
    if device.took_s and max(device.took_s) > SLOW_SHARE * device.timeout_s:
        text = f"its slowest answer took {max(device.took_s):.2f} s of {device.timeout_s:g} s allowed"
        yield finding(where, f"{about}: {text}: set bus.{seen.name}.timeout higher")


def _figures(seen: WireSeen, where: str) -> Iterator[Finding]:
    for device in seen.devices:
        if device.answered:
            median_ms = 1e3 * statistics.median(device.took_s)
            worst_ms = 1e3 * max(device.took_s)
            text = f"{device.answered} of {device.asked} answered, {median_ms:.0f} ms (worst {worst_ms:.0f} ms)"
            yield fine(where, f"{device.name} (unit {device.unit}): {text}")
    if seen.errors is not None:
        yield fine(where, f"UART: {seen.errors}")
