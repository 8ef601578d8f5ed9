"""`magwatt simulate --proxy`: proxy between a Modbus master and a bus that injects faults into responses."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from functools import partial
from random import Random

from agent.core.text import _
from agent.simulation.reasons import FAULT_RATE_INVALID, PROXY_TARGET_INVALID
from drivers.reasons import InvalidValue, cause_of
from simulators.bus.fault_injection import FaultInjection, faults_of
from simulators.bus.proxy import FaultProxy, SerialProxy

print_line = partial(print, flush=True)

_CHECK_S = 0.5


def run_proxy(where: str, line: str, fault_rates: Sequence[str], seed: int, seconds: float | None) -> None:
    """Forwards requests until SIGTERM, Ctrl-C or `seconds`.

    where: host:port, or the path of a serial port. line: settings of this port.
    fault_rates: faults with their probabilities, as `faults_of` takes them.
    Raises ValueError for invalid arguments, OSError if the port cannot be opened.
    """
    try:
        faults = faults_of(fault_rates)
    except ValueError as error:
        raise InvalidValue(FAULT_RATE_INVALID, error=cause_of(error)) from None
    proxy, reach = _proxy(where, line, faults, Random(seed))
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    proxy.start()
    try:
        print_line(_("{address} forwards to {target}; write requests are blocked", address=reach, target=where))
        left_s = float("inf") if seconds is None else seconds
        while left_s > 0 and proxy.is_alive() and not ending.wait(min(_CHECK_S, left_s)):
            left_s -= _CHECK_S
    finally:
        proxy.stop()
        print_line(
            _(
                "responses: {passed:d} unchanged, {changed:d} with faults; requests blocked: {blocked:d}",
                passed=proxy.passed,
                changed=proxy.altered,
                blocked=proxy.blocked,
            )
        )


def _proxy(where: str, line: str, faults: FaultInjection, chance: Random) -> tuple[FaultProxy | SerialProxy, str]:
    if where.startswith("/"):
        serial = SerialProxy(where, line, chance, faults)
        return serial, serial.path
    host, _, port = where.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidValue(PROXY_TARGET_INVALID, value=where)
    tcp = FaultProxy(host, int(port), chance, faults)
    return tcp, f"{tcp.host}:{tcp.port_number}"
