"""`magwatt opcua`: what it needs before it starts."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.command_line import invoke

from agent.cli import main

PLANT = '[site]\nid = "t"\ngateway = "g"\n[store]\nstate_dir = "state"\n'


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "plant.toml").write_text(PLANT)
    return str(tmp_path / "plant.toml")


def with_password(config: str) -> Path:
    result = CliRunner().invoke(main, ["opcua", "--config", config, "--set-password"], input="a-long-password\n")
    assert result.exit_code == 0, result.output
    return Path(config).parent / "opcua-password"


def test_without_a_password_it_does_not_start(config: str) -> None:
    result = invoke("opcua", "--config", config)
    assert result.exit_code == 2
    assert "--set-password" in result.output
    file = with_password(config)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "a-long-password" not in file.read_text()


def test_a_port_in_use_is_one_message(config: str) -> None:
    with_password(config)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("opcua", "--config", config, "--listen", f"127.0.0.1:{port}")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert f"127.0.0.1:{port}" in result.output


def test_without_its_library_it_names_the_command(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("asyncua", "agent.northbound.opcua"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncua", None)
    result = invoke("opcua", "--config", config)
    assert result.exit_code == 2
    assert "magwatt[opcua]" in result.output
