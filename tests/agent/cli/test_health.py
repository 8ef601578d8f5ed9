"""`magwatt health`: exit codes for a monitor, and a check that depends on nothing but the agent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import invoke
from support.dialects import Bench, configured

from agent.delivery.live_socket.protocol import NAME
from agent.delivery.live_socket.server import LiveSocket


def test_its_exit_code_follows_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while the configuration cannot be read: the agent continues with the one that it has."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")
    broken = tmp_path / "broken.toml"
    broken.write_text("[store\n")
    served = LiveSocket(tmp_path / "state" / NAME, bench.publisher.retained_messages, bench.publisher.root)
    assert invoke("health", "--config", str(broken)).exit_code == 1
    assert served.start() is None
    bench.publisher.followers.append(served.on_message)
    bench.row()
    result = invoke("health", "--config", str(broken))
    assert (result.exit_code, result.output.count("\n")) == (0, 1)
    served.stop()
    bench.close()
    result = invoke("health", "--config", str(broken), "--max-age", "30")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


@pytest.mark.parametrize("age", ["0", "nan", "-1", "soon"])
def test_an_age_that_no_row_can_have_is_wrong_usage(age: str) -> None:
    assert invoke("health", "--max-age", age).exit_code == 2


def test_it_loads_neither_configuration_nor_store() -> None:
    """A monitor runs it twice a minute, on a Raspberry Pi."""
    code = "import sys, agent.cli.health, agent.delivery.live_socket.newest_row, agent.core.state_directory\n"
    found = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert {"msgspec", "sqlite3", "numpy", "agent.config.loader", "asyncio"}.isdisjoint(found.stdout.split())
