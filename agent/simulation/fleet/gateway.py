"""One simulated gateway of a fleet: rows in the agent's encoding, reconnects and birth rate limit of the agent.

It is in agent/ and not in simulators/ because encoding, reconnect and rate limit are modules of the agent. Rows are
queued in memory; the agent has its spool.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.config.model import Mqtt
from agent.core.messages import Message, encode, encode_plain
from agent.core.metrics import by_name
from agent.core.stable_hash import share
from agent.delivery.mqtt import tls
from agent.delivery.mqtt.backoff import Backoff, DisconnectReason
from agent.delivery.mqtt.rate_limit import BirthRateLimiter
from drivers.reading import Quality

WINDOW = 100
CONNACK_S = 10.0
KEEPALIVE_S = 60
MISC_S = 5.0  # between two keep-alive checks
# Typical metrics of a motor on a drive with their rated values
TYPICAL = {
    "active_power_w": 41_500.0, "apparent_power_va": 44_100.0, "reactive_power_var": 14_900.0, "power_factor": 0.94,
    "frequency_hz": 50.0, "voltage_l1n_v": 231.0, "voltage_l2n_v": 230.4, "voltage_l3n_v": 230.8, "current_l1_a": 63.8,
    "current_l2_a": 63.6, "current_l3_a": 63.7, "active_power_l1_w": 13_850.0, "active_power_l2_w": 13_800.0,
    "active_power_l3_w": 13_850.0, "thd_i_l1_pct": 31.0, "thd_i_l2_pct": 31.2, "thd_i_l3_pct": 30.9,
    "energy_import_kwh": 120_000.0, "output_frequency_hz": 100.0, "output_voltage_v": 360.0, "dc_bus_voltage_v": 540.0,
    "motor_current_a": 72.0, "motor_power_kw": 40.2, "motor_speed_rpm": 1500.0, "motor_torque_pct": 100.0,
    "drive_temperature_degc": 42.0, "motor_efficiency_pct": 95.6, "system_efficiency_pct": 92.6,
    "drive_efficiency_pct": 96.9, "shaft_power_w": 38_430.0,
}  # fmt: skip
FOLLOWS_LOAD = ("_w", "_va", "_var", "_a", "_kw", "torque_pct")  # ends of the names of metrics


class Gateway:
    """A gateway with its connection. Times are monotonic seconds and are arguments; only `connect` uses the network.

    sequence: number of rows generated. confirmed: number of rows acknowledged.
    connects_s: times of the connections. births: (time, bytes) of each retained message.
    client: the MQTT client; None before the first connection and after a lost one.
    connected: whether the broker has accepted the connection.
    due_s: time of the next rows. connect_due_s: time of the next attempt to connect.
    """

    def __init__(
        self, broker: Mqtt, site: str, name: str, motors: int, interval_s: float, boot: int, now_s: float
    ) -> None:
        self.name, self.root = name, f"magwatt/v1/{site}/{name}"
        self.motors = [f"motor-{number:02d}" for number in range(1, motors + 1)]
        self.sequence = self.confirmed = 0
        self.connects_s: list[float] = []
        self.births: list[tuple[float, int]] = []
        self.client: paho.Client | None = None
        self.connected = False
        self._broker, self._id, self._boot, self._interval_s = broker, f"magwatt-{site}-{name}", boot, interval_s
        self._random = random.Random(self._id)
        self._retry, self._pace = Backoff(self._random), BirthRateLimiter()
        self._levels = [self._random.uniform(0.5, 1.0) for _ in self.motors]
        self.due_s = now_s + share(self._id) * interval_s
        self.connect_due_s = now_s + share(self._id, "connect") * min(10.0, 2 * interval_s)
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._out: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._retained: deque[tuple[str, bytes]] = deque()
        self._connected_s: float | None = None
        self._start_s = self._maintained_s = 0.0  # of the connection: its start, its last keep-alive check
        self._end: DisconnectReason | None = None

    @property
    def settled(self) -> bool:
        """Whether all rows are acknowledged."""
        return not self._waiting and not self._out

    def measure(self, now_s: float, t_ms: int) -> None:
        """Generates the rows of all motors that are due. t_ms: their timestamp, UTC milliseconds."""
        while now_s >= self.due_s:
            self.due_s += self._interval_s
            for number, motor in enumerate(self.motors):
                level = self._levels[number] = min(1.0, max(0.3, self._levels[number] + self._random.gauss(0, 0.01)))
                self.sequence += 1
                values = {
                    name: round(level * rated if name.endswith(FOLLOWS_LOAD) else rated, 3)
                    for name, rated in TYPICAL.items()
                }
                message = Message(motor, "telemetry", t_ms, values, {"motor_efficiency_pct": 0.8},
                                  {"motor_efficiency_pct": "M5"}, quality=Quality.SIMULATED)  # fmt: skip
                payload = encode(message, f"{self._boot}-{self.sequence}")
                self._waiting.append((f"{self.root}/{motor}/telemetry", payload))

    def connect(self, now_s: float, selector: BaseSelector) -> None:
        """Starts a connection. selector: polls its socket, with this gateway as data."""
        client = self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._id, clean_session=True, protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )  # fmt: skip
        client.connect_timeout = 5.0
        client.max_inflight_messages_set(0)
        client.will_set(f"{self.root}/status", b"offline", qos=1, retain=True)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_publish = lambda _client, _data, mid, *_: self._on_ack(mid)

        def poll_for(events: int) -> Callable[[paho.Client, Any, Any], None]:
            def modify(_client: paho.Client, _data: Any, sock: Any) -> None:
                selector.modify(sock, events, self)

            return modify

        def on_socket_open(_client: paho.Client, _data: Any, sock: Any) -> None:
            selector.register(sock, EVENT_READ, self)

        def on_socket_close(_client: paho.Client, _data: Any, sock: Any) -> None:
            selector.unregister(sock)

        client.on_socket_open, client.on_socket_close = on_socket_open, on_socket_close
        client.on_socket_register_write = poll_for(EVENT_READ | EVENT_WRITE)
        client.on_socket_unregister_write = poll_for(EVENT_READ)
        tls.authenticate(client, self._broker)
        self._start_s, self._end, self._connected_s = now_s, None, None
        try:
            client.connect(self._broker.host, self._broker.port, round(KEEPALIVE_S * self._random.uniform(0.9, 1.1)))
        except (OSError, ValueError):
            self._end = DisconnectReason.UNREACHABLE

    def send_due(self, now_s: float) -> bool:
        """Sends the messages that are due. Returns whether the connection exists."""
        assert self.client is not None
        if self._end is None and not self.connected and now_s - self._start_s > CONNACK_S:
            self._end = DisconnectReason.UNREACHABLE
        if self._end is not None or self.client.socket() is None:
            return False
        if self.connected:
            if self._connected_s is None:
                self._connected_s = now_s
                self.connects_s.append(now_s)
            while self._retained and self._pace.wait_s(now_s) == 0:
                topic, payload = self._retained.popleft()
                size = len(topic) + len(payload)
                self._pace.spend(now_s, size)
                self.births.append((now_s, size))
                self.client.publish(topic, payload, qos=1, retain=True)
            while self._waiting and len(self._out) < WINDOW:
                row = self._waiting.popleft()
                self._out[self.client.publish(*row, qos=1).mid] = row
        if now_s - self._maintained_s > MISC_S:
            self._maintained_s = now_s
            self.client.loop_misc()
        return self.client.socket() is not None  # paho closes it when a write fails

    def on_connection_lost(self, now_s: float, selector: BaseSelector) -> None:
        """Closes the connection and queues the rows that were not acknowledged in front of the others."""
        client, self.client = self.client, None
        if client is not None and (sock := client.socket()) is not None:
            client.on_socket_close = None
            selector.unregister(sock)
            sock.close()
        self.connected = False
        self._waiting.extendleft(reversed(self._out.values()))
        self._out.clear()
        self._retained.clear()
        connected_s = now_s - self._connected_s if self._connected_s else 0.0
        self.connect_due_s = now_s + self._retry.delay_s(self._end or DisconnectReason.LOST, connected_s)

    def stop(self) -> None:
        """Publishes the status of a stopped gateway and disconnects."""
        if self.client is not None and self.connected:
            self.client.publish(f"{self.root}/status", b"offline", qos=1, retain=True)
            self.client.disconnect()
            self.client.loop_write()

    def _on_connect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._end = DisconnectReason.REFUSED
            return
        self.connected = True
        self._retained.clear()
        self._retained.extend(self._retained_messages())

    def _on_disconnect(self, *_args: Any) -> None:
        self._end = self._end or (DisconnectReason.LOST if self.connected else DisconnectReason.UNREACHABLE)

    def _on_ack(self, mid: int) -> None:
        if self._out.pop(mid, None) is not None:
            self.confirmed += 1

    def _retained_messages(self) -> Iterator[tuple[str, bytes]]:
        """The retained messages after a connect, of the size of those of the agent."""
        yield f"{self.root}/status", b"online"
        yield (
            f"{self.root}/info",
            encode_plain("info", 0, {"gateway": self.name, "simulated": True, "boot": self._boot}),
        )
        table = by_name("telemetry")
        metrics = {name: {"unit": table[name].unit, "about": table[name].about, "kind": table[name].kind}
                   for name in TYPICAL}  # fmt: skip
        for motor in self.motors:
            yield (
                f"{self.root}/{motor}/meta",
                encode_plain("meta", 0, {"name": motor, "metrics": {"telemetry": metrics}}),
            )
            yield f"{self.root}/{motor}/state", encode_plain("state", 0, {"state": "online", "reason": [], "since": 0})
