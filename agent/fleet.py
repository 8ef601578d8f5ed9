"""`magwatt simulate fleet`: plays many gateways against one broker, and reports what arrived there, by id.

One thread plays them all; a process of its own subscribes, so that the counting is another's.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import select
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import click

from agent.config import Mqtt
from agent.fleet_check import Counting, listen
from agent.fleet_gateway import Gateway
from drivers.reading import Clock

SETTLE_S = 30.0
TICK_S = 0.02
MISC_S = 5.0
BIRTH_WINDOW_S = 1.0


@dataclass(frozen=True, slots=True)
class Report:
    """rows: measured; confirmed: by the broker; arrived: at a subscriber, without repeats; lost: did not arrive.

    player_behind_s_max: how late this process was itself; more than every_s says that the machine was too busy.
    """

    gateways: int
    motors: int
    every_s: float
    seconds: float
    rows: int
    confirmed: int
    arrived: int
    lost: int
    repeated: int
    out_of_order: int
    bytes_per_row: float
    late_p50_ms: float
    late_p99_ms: float
    connects: int
    connects_per_s_max: int
    births: int
    births_per_s_max: int
    birth_kb_per_s_max: float
    gateway_birth_kb_in_10_s_max: float
    player_behind_s_max: float
    player_us_per_row: float
    subscriber_us_per_row: float

    def lines(self) -> list[str]:
        return [f"{name.replace('_', ' ')}: {value:g}" for name, value in asdict(self).items()]


class FleetError(Exception):
    """The broker cannot be used for this."""


def play(
    broker: Mqtt, site: str, gateways: int, motors: int, every_s: float, seconds: float, clock: Clock
) -> Report:  # fmt: skip
    """Blocks for `seconds` and the time that the rest takes to arrive. Raises FleetError."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    listener = context.Process(target=listen, args=(theirs, broker, site), daemon=True)
    listener.start()
    try:
        said = ours.recv() if ours.poll(30) else "no answer in 30 s"
        if said != "listening":
            raise FleetError(f"no subscription at {broker.host}:{broker.port}: {said}")
        fleet, cpu_s = _Fleet(broker, site, gateways, motors, every_s, clock), time.process_time()
        fleet.run(seconds)
        cpu_s = time.process_time() - cpu_s
        found = _arrived(ours, sum(gateway.sequence for gateway in fleet.gateways))
    finally:
        listener.terminate()
        listener.join(5)
    return _report(fleet, found, seconds, cpu_s)


def _arrived(ours: Any, wanted: int) -> dict[str, Any]:
    """Asks until all came, or nothing more comes."""
    until_s = time.monotonic() + SETTLE_S
    found: dict[str, Any] = Counting().summary()
    while True:
        ours.send("count")
        found = ours.recv() if ours.poll(10) else found
        if found["arrived"] >= wanted or time.monotonic() > until_s:
            return found
        time.sleep(0.2)


class _Fleet:
    def __init__(self, broker: Mqtt, site: str, gateways: int, motors: int, every_s: float, clock: Clock) -> None:
        self._clock = clock
        boot, now_s = clock.utc_ns() // 60_000_000_000, time.monotonic()
        self.gateways = [
            Gateway(broker, site, f"gw-{number:04d}", motors, every_s, boot, now_s) for number in range(1, gateways + 1)
        ]
        self.every_s = every_s
        self.connected_s: list[float] = []
        self.behind_s = 0.0  # by how much this process was late with a row, at the most
        self._poll = select.epoll()
        self._by_fd: dict[int, Gateway] = {}
        self._fds: dict[Gateway, int] = {}
        self._writing: set[Gateway] = set()
        self._misc_s: dict[Gateway, float] = {}

    def run(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < end_s:
            t_ms = self._clock.utc_ns() // 1_000_000
            for gateway in self.gateways:
                self.behind_s = max(self.behind_s, now_s - gateway.due_s)
                gateway.measure(now_s, t_ms)
            self._turns(now_s)
        self._settle()
        for gateway in self.gateways:
            gateway.part()
        for gateway in list(self._fds):
            assert gateway.client is not None
            gateway.client.disconnect()
            self._forget(gateway, time.monotonic())

    def _settle(self) -> None:
        """Until all is confirmed, or nothing more is for some time."""
        confirmed, progress_s = -1, time.monotonic()
        while not all(gateway.settled for gateway in self.gateways) and time.monotonic() - progress_s < SETTLE_S:
            self._turns(time.monotonic())
            if (count := sum(gateway.confirmed for gateway in self.gateways)) != confirmed:
                confirmed, progress_s = count, time.monotonic()

    def _turns(self, now_s: float) -> None:
        for gateway in self.gateways:
            if gateway not in self._fds:
                if now_s >= gateway.connect_due_s:
                    self._connect(gateway, now_s)
            elif not gateway.turn(now_s):
                self._forget(gateway, now_s)
            elif gateway.client is not None:
                self._watch(gateway)
                if now_s - self._misc_s[gateway] > MISC_S:
                    self._misc_s[gateway] = now_s
                    gateway.client.loop_misc()
        for fd, events in self._poll.poll(TICK_S):
            gateway = self._by_fd[fd]
            if gateway.client is None or gateway.client.socket() is None:
                continue
            stood = gateway.standing
            if events & ~select.EPOLLOUT:
                gateway.client.loop_read(100)
            if events & select.EPOLLOUT:
                gateway.client.loop_write()
            if gateway.standing and not stood:
                self.connected_s.append(now_s)

    def _connect(self, gateway: Gateway, now_s: float) -> None:
        if not gateway.connect(now_s):
            gateway.lost(now_s)
            return
        assert gateway.client is not None
        sock = gateway.client.socket()
        assert sock is not None
        fd = sock.fileno()
        self._by_fd[fd], self._fds[gateway], self._misc_s[gateway] = gateway, fd, now_s
        self._poll.register(fd, select.EPOLLIN)

    def _watch(self, gateway: Gateway) -> None:
        """Asks to be told when there is room to write, while there is something to."""
        assert gateway.client is not None
        wants = gateway.client.want_write()
        if wants != (gateway in self._writing):
            (self._writing.add if wants else self._writing.discard)(gateway)
            self._poll.modify(self._fds[gateway], select.EPOLLIN | (select.EPOLLOUT if wants else 0))

    def _forget(self, gateway: Gateway, now_s: float) -> None:
        fd = self._fds.pop(gateway)
        self._writing.discard(gateway)
        if self._by_fd.get(fd) is gateway:  # else its number is another's already
            del self._by_fd[fd]
            with contextlib.suppress(OSError):  # paho closed it already, and the kernel took it off
                self._poll.unregister(fd)
        gateway.lost(now_s)


def _report(fleet: _Fleet, found: dict[str, Any], seconds: float, cpu_s: float) -> Report:
    rows = sum(gateway.sequence for gateway in fleet.gateways)
    births = [birth for gateway in fleet.gateways for birth in gateway.births]
    count_by_s, bytes_by_s = Counter[int](), Counter[int]()
    for at_s, size in births:
        count_by_s[int(at_s)] += 1
        bytes_by_s[int(at_s)] += size
    connects = Counter(int(at_s) for at_s in fleet.connected_s)
    first = fleet.gateways[0]
    return Report(
        gateways=len(fleet.gateways),
        motors=len(first.motors),
        every_s=fleet.every_s,
        seconds=seconds,
        rows=rows,
        confirmed=sum(gateway.confirmed for gateway in fleet.gateways),
        arrived=found["arrived"],
        lost=rows - found["arrived"],
        repeated=found["repeated"],
        out_of_order=found["out_of_order"],
        bytes_per_row=found["bytes"] / max(1, found["arrived"]),
        late_p50_ms=found["late_p50_ms"],
        late_p99_ms=found["late_p99_ms"],
        connects=sum(gateway.connects for gateway in fleet.gateways),
        connects_per_s_max=max(connects.values(), default=0),
        births=len(births),
        births_per_s_max=max(count_by_s.values(), default=0),
        birth_kb_per_s_max=max(bytes_by_s.values(), default=0) / 1e3,
        gateway_birth_kb_in_10_s_max=max(_densest(gateway.births, 10.0) for gateway in fleet.gateways) / 1e3,
        player_behind_s_max=fleet.behind_s,
        player_us_per_row=cpu_s / max(1, rows) * 1e6,
        subscriber_us_per_row=found["cpu_s"] / max(1, found["arrived"]) * 1e6,
    )


def _densest(births: list[tuple[float, int]], window_s: float) -> int:
    """Most bytes within any such window."""
    most = total = first = 0
    for at_s, size in births:
        total += size
        while births[first][0] < at_s - window_s:
            total -= births[first][1]
            first += 1
        most = max(most, total)
    return most


def show(report: Report, as_json: bool) -> None:
    click.echo(json.dumps(asdict(report)) if as_json else "\n".join(report.lines()))
