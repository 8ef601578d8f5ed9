"""`magwatt modbus-server` as a process next to an agent: contact, signals, and what prevents the start."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pymodbus.client import ModbusTcpClient
from support.basics import ROOT, free_port, within
from support.command_line import invoke
from support.dialects import Bench, configured

from agent.config.loader import load_config
from agent.delivery.live_socket.protocol import serving_path
from agent.delivery.live_socket.server import LiveSocket

STORE = '[store]\nstate_dir = "state"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    configured(tmp_path, "mqtt://127.0.0.1:1", STORE)
    return tmp_path / "magwatt.toml"


def command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli", "modbus-server", "--config", str(config), *options]


@pytest.mark.alone
def test_it_follows_the_agent_of_this_computer(config: Path) -> None:
    folder, port = config.parent, free_port()
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command(config, "--listen", f"127.0.0.1:{port}"), stdout=file, stderr=file, cwd=ROOT)
    try:
        within(lambda: b"Modbus TCP" in log.read_bytes(), 20, "it listens without an agent")
        client = ModbusTcpClient("127.0.0.1", port=port)
        assert client.connect()
        head = client.read_input_registers(60, count=3, device_id=1).registers
        assert head == [1, 2, 65535], "motor 1, bad, never received"
        within(lambda: b"no agent serves" in log.read_bytes(), 10, "why there are no values")

        bench = Bench(load_config(config)[0], folder / "state")
        path = serving_path(bench.store.directory)
        assert path is not None
        served = LiveSocket(path, bench.publisher.retained_messages, bench.publisher.root)
        assert served.start() is None
        bench.publisher.followers.append(served.on_message)
        within(lambda: served.clients == 1, 10, "it connects")
        bench.row(active_power_w=1234.0)
        within(lambda: power_w(client) == 1234.0, 5, "the row")
        if shutil.which("mbpoll"):
            poll = ["mbpoll", "-m", "tcp", "-p", str(port), "-a", "1", "-t", "3:float", "-B", "-0", "-1", "-q"]
            done = subprocess.run(
                [*poll, "-r", "68", "127.0.0.1"], capture_output=True, text=True,
                timeout=10,
            )  # fmt: skip
            assert "1234" in done.stdout, done.stdout + done.stderr
        served.stop()
        bench.close()
        client.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
    assert log.read_text().count("no live values") <= 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def power_w(client: ModbusTcpClient) -> float:
    answer = client.read_input_registers(68, count=2, device_id=1)
    found = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
    assert isinstance(found, float)
    return found


def test_a_port_in_use_is_one_message(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = invoke("modbus-server", "--config", str(config), "--listen", f"127.0.0.1:{port}")
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1
    assert f"127.0.0.1:{port}" in result.output


def test_numbers_that_cannot_be_stored_prevent_the_start(config: Path) -> None:
    result = invoke("modbus-server", "--config", str(config), "--listen", "127.0.0.1:1", "--numbers", "/proc/none/n")
    assert result.exit_code == 2
    assert "/proc/none/n" in result.output


def test_the_map_has_the_motors_of_the_configuration_and_writes_nothing(config: Path) -> None:
    result = invoke("modbus-server", "--config", str(config), "--map", "csv")
    assert result.exit_code == 0
    assert "magwatt/v1/mill-2/gw-07/pump-1" in result.output
    assert not (config.parent / "state").exists()
