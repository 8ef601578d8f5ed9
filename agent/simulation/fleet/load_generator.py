"""`magwatt simulate fleet`: simulate many gateways at one broker, and count the rows that arrive, by id.

One thread simulates all gateways. A separate process subscribes and counts.
"""

from __future__ import annotations

import multiprocessing
import selectors
import time
from collections import Counter
from typing import Any

from agent.config.model import Mqtt
from agent.core.text import N_, _
from agent.simulation.fleet.delivery_check import COUNT, DeliveryCount, listen
from agent.simulation.fleet.gateway import Gateway
from drivers.reading import Clock
from drivers.reasons import Code, CodedError

SUBSCRIBE_S = 30.0
SETTLE_S = 30.0
TICK_S = 0.02


Report = dict[str, float]  # the values of LABELS by name

# The values of a report. The latency is the time from the timestamp of a row to its arrival. A generator delay above
# interval_s means that the host was overloaded.
LABELS = {
    "gateways": N_("gateways: {value:d}"),
    "motors": N_("motors per gateway: {value:d}"),
    "interval_s": N_("interval between two rows of a motor: {value:g} s"),
    "seconds": N_("duration: {value:g} s"),
    "rows": N_("rows generated: {value:d}"),
    "confirmed": N_("rows acknowledged by the broker: {value:d}"),
    "arrived": N_("rows received by the subscriber: {value:d}"),
    "lost": N_("rows lost: {value:d}"),
    "duplicates": N_("duplicates: {value:d}"),
    "out_of_order": N_("out of order: {value:d}"),
    "bytes_per_row": N_("bytes per row: {value:.0f}"),
    "latency_p50_ms": N_("latency, median: {value:.0f} ms"),
    "latency_p99_ms": N_("latency, 99th percentile: {value:.0f} ms"),
    "connects": N_("connections: {value:d}"),
    "connects_per_s_max": N_("connections, maximum within 1 s: {value:d}"),
    "births": N_("retained messages after connecting: {value:d}"),
    "births_per_s_max": N_("retained messages, maximum within 1 s: {value:d}"),
    "birth_kb_per_s_max": N_("retained messages, maximum within 1 s: {value:.1f} kB"),
    "gateway_birth_kb_in_10_s_max": N_("retained messages of one gateway, maximum within 10 s: {value:.1f} kB"),
    "generator_lag_s_max": N_("generator delay, maximum: {value:.2f} s"),
    "generator_cpu_us_per_row": N_("generator CPU per row: {value:.0f} µs"),
    "subscriber_cpu_us_per_row": N_("subscriber CPU per row: {value:.0f} µs"),
}

FLEET_SUBSCRIPTION_FAILED = Code("fleet_subscription_failed", "{host}:{port:d}: cannot subscribe: {error}")
FLEET_SUBSCRIPTION_TIMEOUT = Code(
    "fleet_subscription_timeout", "{host}:{port:d}: no response to the subscription within {timeout_s:g} s"
)


class FleetError(CodedError):
    """The broker cannot be used."""


def run_fleet(
    broker: Mqtt, site: str, gateways: int, motors: int, interval_s: float, seconds: float, clock: Clock
) -> Report:  # fmt: skip
    """Simulates the gateways for `seconds` and waits until the rows in transit have arrived.

    interval_s: time between two rows of a motor. Raises FleetError if the broker accepts no subscription.
    """
    context = multiprocessing.get_context("spawn")
    pipe, child_end = context.Pipe()
    listener = context.Process(target=listen, args=(child_end, broker, site), daemon=True)
    listener.start()
    try:
        if not pipe.poll(SUBSCRIBE_S):
            raise FleetError(FLEET_SUBSCRIPTION_TIMEOUT, host=broker.host, port=broker.port, timeout_s=SUBSCRIBE_S)
        if error := pipe.recv():
            raise FleetError(FLEET_SUBSCRIPTION_FAILED, host=broker.host, port=broker.port, error=error)
        fleet, cpu_s = SimulatedFleet(broker, site, gateways, motors, interval_s, clock), time.process_time()
        fleet.run(seconds)
        cpu_s = time.process_time() - cpu_s
        summary = _wait_for_arrival(pipe, sum(gateway.sequence for gateway in fleet.gateways))
    finally:
        listener.terminate()
        listener.join(5)
    return _report(fleet, summary, seconds, cpu_s)


def _wait_for_arrival(pipe: Any, expected: int) -> dict[str, Any]:
    """Polls the subscriber until all rows have arrived, for at most SETTLE_S."""
    until_s = time.monotonic() + SETTLE_S
    summary: dict[str, Any] = DeliveryCount().summary()
    while True:
        pipe.send(COUNT)
        summary = pipe.recv() if pipe.poll(10) else summary
        if summary["arrived"] >= expected or time.monotonic() > until_s:
            return summary
        time.sleep(0.2)


class SimulatedFleet:
    """gateways: those that are simulated. lag_s: maximum delay of a row in this process."""

    def __init__(self, broker: Mqtt, site: str, gateways: int, motors: int, interval_s: float, clock: Clock) -> None:
        self._clock = clock
        boot, now_s = clock.utc_ns() // 60_000_000_000, time.monotonic()
        self.gateways = [
            Gateway(broker, site, f"gw-{number:04d}", motors, interval_s, boot, now_s)
            for number in range(1, gateways + 1)
        ]
        self.interval_s = interval_s
        self.lag_s = 0.0
        self._selector = selectors.DefaultSelector()

    def run(self, seconds: float) -> None:
        """Sends rows for this time, and waits until the broker has acknowledged them."""
        end_s = time.monotonic() + seconds
        while (now_s := time.monotonic()) < end_s:
            t_ms = self._clock.utc_ns() // 1_000_000
            for gateway in self.gateways:
                self.lag_s = max(self.lag_s, now_s - gateway.due_s)
                gateway.measure(now_s, t_ms)
            self._serve(now_s)
        self._settle()
        for gateway in self.gateways:
            gateway.stop()

    def _settle(self) -> None:
        """Waits until all rows are acknowledged, or none is for SETTLE_S."""
        confirmed, progress_s = -1, time.monotonic()
        while not all(gateway.settled for gateway in self.gateways) and time.monotonic() - progress_s < SETTLE_S:
            self._serve(time.monotonic())
            if (count := sum(gateway.confirmed for gateway in self.gateways)) != confirmed:
                confirmed, progress_s = count, time.monotonic()

    def _serve(self, now_s: float) -> None:
        """Connects gateways, sends rows that are due, and processes the sockets that are ready."""
        for gateway in self.gateways:
            if gateway.client is None:
                if now_s >= gateway.connect_due_s:
                    gateway.connect(now_s, self._selector)
            elif not gateway.send_due(now_s):
                gateway.on_connection_lost(now_s, self._selector)
        for key, events in self._selector.select(TICK_S):
            if events & selectors.EVENT_READ:
                key.data.client.loop_read(100)
            if events & selectors.EVENT_WRITE:
                key.data.client.loop_write()


def _report(fleet: SimulatedFleet, summary: dict[str, Any], seconds: float, cpu_s: float) -> Report:
    rows = sum(gateway.sequence for gateway in fleet.gateways)
    births = [birth for gateway in fleet.gateways for birth in gateway.births]
    births_by_s = Counter(int(at_s) for at_s, _ in births)
    bytes_by_s = Counter[int]()
    for at_s, size in births:
        bytes_by_s[int(at_s)] += size
    connects_by_s = Counter(int(at_s) for gateway in fleet.gateways for at_s in gateway.connects_s)
    first = fleet.gateways[0]
    return {
        "gateways": len(fleet.gateways),
        "motors": len(first.motors),
        "interval_s": fleet.interval_s,
        "seconds": seconds,
        "rows": rows,
        "confirmed": sum(gateway.confirmed for gateway in fleet.gateways),
        "arrived": summary["arrived"],
        "lost": rows - summary["arrived"],
        "duplicates": summary["duplicates"],
        "out_of_order": summary["out_of_order"],
        "bytes_per_row": summary["bytes"] / max(1, summary["arrived"]),
        "latency_p50_ms": summary["latency_p50_ms"],
        "latency_p99_ms": summary["latency_p99_ms"],
        "connects": connects_by_s.total(),
        "connects_per_s_max": max(connects_by_s.values(), default=0),
        "births": len(births),
        "births_per_s_max": max(births_by_s.values(), default=0),
        "birth_kb_per_s_max": max(bytes_by_s.values(), default=0) / 1e3,
        "gateway_birth_kb_in_10_s_max": max(_densest(gateway.births, 10.0) for gateway in fleet.gateways) / 1e3,
        "generator_lag_s_max": fleet.lag_s,
        "generator_cpu_us_per_row": cpu_s / max(1, rows) * 1e6,
        "subscriber_cpu_us_per_row": summary["cpu_s"] / max(1, summary["arrived"]) * 1e6,
    }


def _densest(births: list[tuple[float, int]], window_s: float) -> int:
    """Maximum number of bytes within a window of this length."""
    sums = (sum(size for at_s, size in births if end_s - window_s <= at_s <= end_s) for end_s, _ in births)
    return max(sums, default=0)


def format_report(report: Report) -> str:
    """One line of text for each value."""
    return "\n".join(_(LABELS[name], value=value) for name, value in report.items())
