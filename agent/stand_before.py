"""`magwatt simulate --proxy`: stands between a master and a real wire and spoils answers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from random import Random

import click

from simulators.bus.proxy import FaultProxy, SerialProxy
from simulators.bus.spoil import Faults, faults_of

_LOOK_S = 0.5


def stand_before(where: str, line: str, spoils: Sequence[str], seed: int, seconds: float | None) -> None:
    """Until SIGTERM, Ctrl-C or `seconds`. where: host:port, or the path of a serial port that is set as `line` says.

    Raises ValueError and OSError: one line.
    """
    faults = faults_of(spoils)
    proxy, reach = _proxy(where, line, faults, Random(seed))
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    proxy.start()
    try:
        click.echo(f"{reach} stands before {where}; writes do not pass")
        left_s = float("inf") if seconds is None else seconds
        while left_s > 0 and proxy.is_alive() and not ending.wait(min(_LOOK_S, left_s)):
            left_s -= _LOOK_S
    finally:
        proxy.stop()
        click.echo(f"{proxy.passed} answers passed, {proxy.spoilt} spoilt, {proxy.blocked} requests blocked")


def _proxy(where: str, line: str, faults: Faults, chance: Random) -> tuple[FaultProxy | SerialProxy, str]:
    if where.startswith("/"):
        serial = SerialProxy(where, line, chance, faults)
        return serial, serial.path
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("write host:port, or the path of a serial port")
    tcp = FaultProxy(host, int(port), chance, faults)
    return tcp, f"{tcp.host}:{tcp.port_number}"
