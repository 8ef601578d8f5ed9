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


def cannot_write(path: Path) -> str:
    """Why nothing can be written to `path`; empty when it can. Nothing new stays behind."""
    if path.is_dir():
        return "is a folder; name a file in it"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    try:
        if path.exists():
            path.open("ab").close()
        unfinished = _unfinished(path)
        unfinished.open("wb").close()
        unfinished.unlink()
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return ""


def serve_scenario(
    name: str, truth: Path | None, config_file: Path | None, broker: str, seed: int, seconds: float | None
) -> None:
    """Serves until SIGTERM, Ctrl-C or `seconds`; the configuration file appears when the plant can be polled.

    Raises OSError when a port or a file cannot be had.
    """
    scenario = scenarios.load(name)

    def ready(endpoints: Endpoints) -> None:
        if config_file is not None:
            text = scenario.config_toml(endpoints, broker, "state")
            unfinished = _unfinished(config_file)
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.replace(config_file)  # whoever waits for the file never sees half of it
            finally:
                unfinished.unlink(missing_ok=True)
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


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")
