"""Waveforms across a reload: an unchanged stream keeps its connection."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from support.basics import wait_until
from support.config_text import bus, load, meter, motor, site

from agent.acquisition.waveform_readers import WaveformReaders
from agent.config.model import Config
from agent.core.clock import SystemClock

PLANT = site() + bus() + meter("m-1", measuring_point="feeder")


def config(folder: Path, **ports: int) -> Config:
    seen = {
        name.replace("_", "-"): {"tcp": f"127.0.0.1:{port}", "measuring_point": "motor"} for name, port in ports.items()
    }
    return load(folder, PLANT + "".join(motor(name, "m-1", waveform=waveform) for name, waveform in seen.items()))


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True


def test_only_a_changed_stream_is_reopened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    streams = WaveformReaders(lambda _: None, SystemClock())
    accepted: list[socket.socket] = []
    try:
        for server in servers:
            server.settimeout(5)
        streams.configure(config(tmp_path, fan_1=port_of(servers[0]), fan_2=port_of(servers[1])))
        accepted += [servers[0].accept()[0], servers[1].accept()[0]]
        streams.configure(config(tmp_path, fan_1=port_of(servers[0]), fan_2=port_of(servers[2])))
        accepted.append(servers[2].accept()[0])
        for connection in accepted:
            connection.setblocking(False)
        wait_until(lambda: not is_open(accepted[1]), 5, "the old one of fan 2 is closed")
        assert is_open(accepted[0])
        assert is_open(accepted[2])
        assert streams.numbers()["waveform_frames_corrupt"] == 0
        streams.configure(config(tmp_path))
        wait_until(lambda: not is_open(accepted[0]) and not is_open(accepted[2]), 5, "all are closed")
    finally:
        streams.stop()
        for item in (*servers, *accepted):
            item.close()
    assert "Traceback" not in caplog.text
