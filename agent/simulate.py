"""`magwatt simulate`: serves a plant of simulators/ and writes the configuration that fits it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from agent.clock import SystemClock
from simulators import scenarios
from simulators.endpoints import Endpoints
from simulators.serve import serve


def list_scenarios() -> list[str]:
    return list(scenarios.names())


def serve_scenario(
    name: str, truth: Path | None, config_file: Path | None, broker: str, seed: int, seconds: float | None
) -> None:
    """Serves until SIGTERM, Ctrl-C or `seconds`; the configuration file appears when the plant can be polled."""
    scenario = scenarios.load(name)

    def ready(endpoints: Endpoints) -> None:
        if config_file is not None:
            text = scenario.config_toml(endpoints, broker, "state")
            unfinished = config_file.with_suffix(".part")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(config_file)  # whoever waits for the file never sees half of it
        click.echo(f"{name}: Modbus TCP {endpoints.modbus_tcp}, RTU {endpoints.rtu_port}, EWS/1 {endpoints.ews_port}")
        if config_file is not None:
            click.echo(f"try: magwatt read {config_file}   or: magwatt run {config_file}")

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if seconds is not None:
            loop.call_later(seconds, stop.set)
        await serve(scenario, clock=SystemClock(), seed=seed, truth=truth, on_ready=ready, stop=stop)

    asyncio.run(until_stopped())
