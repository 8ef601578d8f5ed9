"""The process of the Modbus TCP server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from agent.config.model import Config, Mqtt
from agent.config.topology import assets
from agent.core.listening_socket import bound
from agent.delivery.followed_messages import FollowedMessage
from agent.delivery.live_source import LiveSource
from agent.northbound.base.live_motors import follower_of
from agent.northbound.base.service import until_signal
from agent.northbound.modbus.connection import Clients, ModbusConnection
from agent.northbound.modbus.motor_numbers import MotorNumbers
from agent.northbound.modbus.units import Units
from drivers.reasons import Reason


class ModbusListen(Struct, frozen=True):
    """Where the server listens, and the file with the numbers of the motors. port: 0: a free one."""

    numbers: Path
    host: str = "127.0.0.1"
    port: int = 1502


class Notices(Struct, frozen=True):
    """What the process reports. started: that it listens, with its port. alive: each second."""

    started: Callable[[int], object]
    alive: Callable[[], object]


def topics_of(config: Config | None) -> list[str]:
    """The topics of the motors and shared meters of a configuration, in its order."""
    return [f"{config.site.root}/{asset.name}" for asset in assets(config)] if config else []


def serve(broker: Mqtt | None, topic: str, config: Config | None, listen: ModbusListen, notices: Notices) -> None:
    """Serves until a signal ends it. broker: None: the socket of the agent on this computer.

    Raises InvalidValue with the remedy if it cannot listen there, or cannot store the numbers.
    """
    numbers = MotorNumbers(listen.numbers)

    def changed(followed: FollowedMessage, kind: str) -> None:
        units.on_message(followed, kind)

    follower = follower_of(broker, topic, config, changed)
    units = Units(numbers, follower)
    units.add(topics_of(config))
    with bound(listen.host, listen.port) as listening:
        asyncio.run(_serve(units, LiveSource(follower), listening, notices))


async def _serve(units: Units, source: LiveSource, listening: socket.socket, notices: Notices) -> None:
    clients = Clients(units)
    server = await asyncio.get_running_loop().create_server(lambda: ModbusConnection(clients), sock=listening)
    source.start()
    notices.started(server.sockets[0].getsockname()[1])

    def each_second() -> Reason | None:
        notices.alive()
        return units.problem

    try:
        await until_signal(source, each_second)
    finally:
        server.close()
        for connection in list(clients.connected):
            connection.close()
        source.stop()
