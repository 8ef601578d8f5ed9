"""Another master on the line: nothing is sent after its first complete request, and nothing else stops the polls."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from support.basics import HandClock
from support.bus_servers import RtuSlave, opened, read_registers, run
from support.disturbed_line import ECHOES, DisturbedLine, polled
from support.fault_matrix import Line
from support.second_master import REQUESTS, SAME_BLOCK, Encounter, Sent, WatchedPorts, met

from drivers import error_reasons as codes
from drivers.errors import ForeignMasterActive, LinkClosed
from drivers.foreign_master import ForeignTraffic
from drivers.modbus_link import BusSettings, ModbusLink
from drivers.response_matcher import PAUSE_S
from simulators.bus.frames import rtu, rtu_request

pytestmark = pytest.mark.alone

RATES_HZ = (0.05, 0.1, 0.33, 0.5, 1.0, 5.0)
PHASES = 2


def meet(meetings: dict[str, Encounter], seed: int) -> dict[str, Sent]:
    """All encounters at the same time."""
    ports = WatchedPorts()

    async def all_of_them() -> list[Sent]:
        return await asyncio.gather(*(met(each, Random(f"{seed} {name}"), ports) for name, each in meetings.items()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("drivers.serial_line.os", ports)
        return dict(zip(meetings, asyncio.run(all_of_them()), strict=True))


def test_nothing_is_sent_after_the_first_complete_request_of_any_function() -> None:
    """At any time of the poll cycle."""
    chance = Random(18)
    meetings = {name: Encounter(request, 1.0, chance.uniform(0.1, 0.3), 0.9) for name, request in REQUESTS.items()}
    found = meet(meetings, 18)
    assert not {name: sent for name, sent in found.items() if sent.after}
    assert sum(sent.before for sent in found.values()) > len(found), "the agent polls"


def test_nothing_is_sent_at_all_when_a_master_is_received_while_listening() -> None:
    meetings = {
        name: Encounter(request, 0.5, 0.2 + 0.04 * n, 1.0, 0.5) for n, (name, request) in enumerate(REQUESTS.items())
    }
    found = meet(meetings, 19)
    assert not {name: sent for name, sent in found.items() if sent.before or sent.after}


def test_a_master_that_sends_the_same_request_stops_the_polls_after_a_few_of_its_own() -> None:
    """Its request looks like the echo of a request of the agent that has no response because the two collided."""
    meetings = {f"{n}": Encounter(SAME_BLOCK, 0.1, 0.1 + 0.02 * n, 1.5) for n in range(6)}
    for name, sent in meet(meetings, 20).items():
        assert sent.others_after >= 5, (name, sent)


@pytest.mark.parametrize("name", ["one register", "server id", "mask"])
def test_a_request_without_a_response_is_a_proof_although_other_bytes_follow(name: str) -> None:
    """For example the rest of a response that it has destroyed."""

    async def scene() -> None:
        slave = RtuSlave()
        slave.start()
        async with opened(BusSettings("s", serial_port=slave.port)) as link:
            link.begin(None, listened=True)
            assert await read_registers(link, 1, 3, 7, 1, 1.0) == [7]
            await receive(slave, REQUESTS[name] + bytes.fromhex("82 D6 05"))
            assert await is_stopped(link)
        slave.stop()

    run(scene())


def test_a_converter_that_pauses_before_a_request_is_a_proof_although_other_bytes_follow() -> None:
    """RTU over TCP: the connection is read at any time, so that the silence is seen."""

    async def scene() -> None:
        may_pause, noise = asyncio.Event(), bytes.fromhex("17 5C 5A")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(8)
            writer.write(rtu(1, bytes.fromhex("03 02 0007")) + noise)
            await may_pause.wait()
            await asyncio.sleep(2 * PAUSE_S)
            writer.write(REQUESTS["server id"] + noise)
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with opened(BusSettings("s", host="127.0.0.1", port_number=port, rtu_framing=True)) as link:
            link.begin(None, listened=True)
            assert await read_registers(link, 1, 3, 7, 1, 2.0) == [7]
            may_pause.set()
            await asyncio.sleep(4 * PAUSE_S)
            assert await is_stopped(link)
        server.close()

    run(scene())


@pytest.mark.soak
@pytest.mark.parametrize("listen_s", [0.0, 10.0])
def test_slow_and_fast_masters_at_many_phases(listen_s: float) -> None:
    """Mid-run (without listening) and at the start; the slowest sends its second request after 20 s."""
    chance = Random(5)
    for rate_hz in RATES_HZ:
        every_s = 1 / rate_hz
        for _ in range(PHASES):
            meetings = {
                name: Encounter(
                    request,
                    every_s,
                    0.5 + chance.uniform(0, min(every_s, 12)),
                    listen_s + 2 + every_s * 1.5,
                    listen_s,
                )
                for name, request in REQUESTS.items()
            }
            found = meet(meetings, chance.randrange(1 << 30))
            before, after = (sum(getattr(sent, name) for sent in found.values()) for name in ("before", "after"))
            silent = sum(not sent.before for sent in found.values())
            print(
                f"{rate_hz} Hz, listening for {listen_s} s: {before} requests before the first foreign one, "
                f"{after} after it; none at all in {silent} of {len(found)}"
            )
            assert not {name: sent for name, sent in found.items() if sent.after}


def disturb(lines: int, exchanges: int, seed: int, total: int) -> None:
    """`exchanges` on each of the lines, at the same time; at least `total` in all."""
    made = [
        DisturbedLine((Line.RTU, Line.RTU_TCP)[n % 2], ECHOES[n // 2 % len(ECHOES)], seed + n) for n in range(lines)
    ]

    async def all_of_them() -> list[tuple[int, list[ForeignMasterActive]]]:
        return await asyncio.gather(*(polled(each, exchanges, seed + n) for n, each in enumerate(made)))

    found = asyncio.run(all_of_them())
    stops = [str(stop) for _, more in found for stop in more]
    asked, good = sum(len(each.line.asked) for each in made), sum(n for n, _ in found)
    print(f"{asked} exchanges on {lines} lines, {good} with a response, {len(stops)} stops")
    assert not stops
    assert asked >= total


def test_no_disturbance_stops_the_polls() -> None:
    disturb(2 * len(ECHOES), 20, 7, 180)


@pytest.mark.soak
def test_no_disturbance_stops_the_polls_in_100_000_exchanges() -> None:
    disturb(8 * len(ECHOES), 2_800, 8, 100_000)


# --- while another master is known ---------------------------------------------------------------------------------


OTHER = REQUESTS["another meter, 100 registers"]
QUIET_S = 600.0


@asynccontextmanager
async def stopped_bus(listen_s: float = 0.0) -> AsyncIterator[tuple[ModbusLink, RtuSlave, HandClock]]:
    """A bus that another master has stopped, its slave, and the clock of the quiet time."""
    slave, clock = RtuSlave(), HandClock()
    slave.start()
    link = ModbusLink(BusSettings("s", serial_port=slave.port, listen_s=listen_s, quiet_s=QUIET_S), clock)
    try:
        link.begin(None, listened=True)
        assert await read_registers(link, 1, 3, 7, 1, 1.0) == [7]
        await receive(slave, OTHER)
        with pytest.raises(ForeignMasterActive):
            await read_registers(link, 1, 3, 7, 1, 1.0)
        yield link, slave, clock
    finally:
        await link.close()
        slave.stop()


async def receive(slave: RtuSlave, *frames: bytes) -> None:
    """These frames appear on the line."""
    for frame in frames:
        os.write(slave.master, frame)
        await asyncio.sleep(0.03)


async def is_stopped(link: ModbusLink) -> bool:
    try:
        assert await read_registers(link, 1, 3, 7, 1, 1.0) == [7]
    except ForeignMasterActive:
        return True
    return False


def test_the_quiet_time_counts_from_the_last_frame() -> None:
    async def scene() -> None:
        async with stopped_bus() as (link, slave, clock):
            clock.move(QUIET_S - 1)
            assert await is_stopped(link)
            await receive(slave, OTHER)
            assert await is_stopped(link)
            clock.move(QUIET_S - 1)
            assert await is_stopped(link)
            clock.move(1.5)
            assert not await is_stopped(link)
            assert link.foreign is None
            await receive(slave, OTHER)
            assert await is_stopped(link), "it is detected again"

    run(scene())


def test_an_unplugged_adapter_restarts_the_quiet_time(tmp_path: Path) -> None:
    port = tmp_path / "adapter"

    async def scene() -> None:
        first, clock = RtuSlave(), HandClock()
        port.symlink_to(first.port)
        async with opened(BusSettings("s", serial_port=str(port), quiet_s=QUIET_S), clock) as link:
            link.begin(ForeignTraffic(0, clock.monotonic_ns() / 1e9), listened=False)
            assert await is_stopped(link)
            clock.move(QUIET_S - 1)
            port.unlink()
            first.stop()
            with pytest.raises(LinkClosed):
                await read_registers(link, 1, 3, 7, 1, 1.0)
            second = RtuSlave()
            second.start()
            port.symlink_to(second.port)
            await asyncio.sleep(0.6)
            clock.move(2)
            assert await is_stopped(link), "the line was not listened to while the adapter was unplugged"
            clock.move(QUIET_S)
            assert not await is_stopped(link)
        second.stop()

    run(scene())


def test_after_a_confirmation_the_bus_is_listened_to_before_it_is_polled() -> None:
    async def scene() -> None:
        async with stopped_bus(listen_s=0.4) as (link, slave, _clock):
            link.resume()
            began_s = time.monotonic()
            assert not await is_stopped(link)
            assert time.monotonic() - began_s >= 0.4
            await receive(slave, OTHER)
            assert await is_stopped(link)
            link.resume()
            polling = asyncio.create_task(is_stopped(link))
            await asyncio.sleep(0.4)
            await receive(slave, OTHER)
            assert await polling, "the other master is still there"

    run(scene())


def test_a_reason_names_the_frames_and_changes_when_their_number_has_doubled() -> None:
    async def scene() -> None:
        async with stopped_bus() as (link, slave, _clock):
            reasons = []
            for _ in range(7):
                await receive(slave, OTHER, REQUESTS["one register"])
                with pytest.raises(ForeignMasterActive) as stop:
                    await read_registers(link, 1, 3, 7, 1, 1.0)
                reasons.append(stop.value.reason)
            shown = list(dict.fromkeys(str(reason) for reason in reasons))
            assert len(shown) == 3, shown
            assert reasons[-1].data["frames"] == (
                codes.FOREIGN_REQUESTS(unit_id=31, function=3, address=0x40, n=8),
                codes.FOREIGN_REQUESTS(unit_id=77, function=6, address=1, n=7),
            )
            assert link.foreign is not None
            assert link.foreign.count == 15

    run(scene())


# --- frames that are no proof, or only several of them --------------------------------------------------------------


def test_a_request_from_the_buffer_of_a_converter_only_extends_the_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is received immediately after the connection was opened, for example an echo for an earlier process."""
    monkeypatch.setattr("drivers.bus_master.STALE_LISTEN_S", 0.8)

    async def scene() -> None:
        slave = RtuSlave()
        slave.start()
        async with opened(BusSettings("s", serial_port=slave.port, listen_s=0.4)) as link:
            polling = asyncio.create_task(is_stopped(link))
            began_s = time.monotonic()
            await asyncio.sleep(0.1)
            await receive(slave, OTHER)
            assert not await polling
            assert time.monotonic() - began_s >= 0.8
        slave.stop()

    run(scene())


def test_three_responses_of_units_that_were_never_addressed_are_a_proof() -> None:
    """As through a converter that serves several clients: the requests of the other client are not received."""
    response = rtu(31, bytes.fromhex("04 04 0001 0002"))

    async def scene() -> None:
        slave, clock = RtuSlave(), HandClock()
        slave.start()
        async with opened(BusSettings("s", serial_port=slave.port), clock) as link:
            for _ in range(5):
                assert not await is_stopped(link)
                await receive(slave, response)
                clock.move(700)
            for _ in range(2):
                assert not await is_stopped(link)
                await receive(slave, response)
            assert await is_stopped(link)
            assert link.foreign is not None
            assert link.foreign.responses == {(31, 4): 3}
        slave.stop()

    run(scene())


def test_frames_of_units_that_were_addressed_are_no_proof() -> None:
    """Responses that are later than any that is expected, of another length or function, corrupt, and an echo."""
    harmless = [
        rtu(1, bytes.fromhex("04 04 0001 0002")), rtu(1, b"\x83\x02"), rtu_request(1, 3, 7, 1),
        rtu_request(9, 3, 7, 1)[:-1], b"\x00" * 40, b"\xff" * 40, rtu_request(9, 3, 7, 126),
        rtu_request(9, 3, 0xFFFF, 2), rtu(9, bytes.fromhex("05 0001 1234")), rtu(9, bytes.fromhex("2B 0D 01 00")),
    ]  # fmt: skip

    async def scene() -> None:
        slave = RtuSlave()
        slave.start()
        async with opened(BusSettings("s", serial_port=slave.port)) as link:
            for frame in harmless:
                assert not await is_stopped(link)
                await receive(slave, frame)
            assert not await is_stopped(link)
        slave.stop()

    run(scene())
