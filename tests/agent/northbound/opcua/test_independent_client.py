"""The server read by node-opcua, which shares no code with it.

Where NODE_PATH names a folder with it: `npm install node-opcua-client`, then NODE_PATH=…/node_modules make soak.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.basics import ROOT, free_port, within
from support.northbound import ROOT as GATEWAY
from support.northbound import row_of

from agent.core.password_hash import write_hash
from agent.delivery.live_socket.server import LiveSocket

PASSWORD = "password-of-clients"
FOUND = any((Path(folder) / "node-opcua-client").is_dir() for folder in os.environ.get("NODE_PATH", "").split(":"))


@pytest.mark.soak
@pytest.mark.alone
@pytest.mark.skipif(not FOUND or not shutil.which("node"), reason="node-opcua-client is not in NODE_PATH")
def test_another_client_reads_and_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(f'[site]\nid = "mill"\ngateway = "gw-1"\n[store]\nstate_dir = "{tmp_path}"\n')
    write_hash(tmp_path / "opcua-password", PASSWORD)
    agent = LiveSocket(tmp_path / "live.sock", list, GATEWAY)
    assert agent.start() is None
    ending = threading.Event()

    def publish() -> None:
        count = 0
        while not ending.wait(0.5):
            agent.on_message(f"{GATEWAY}/pump-1/telemetry", row_of("pump-1", active_power_w=1000.0 + count // 2), False)
            count += 1

    thread, port, log = threading.Thread(target=publish), free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "agent.cli", "opcua", "--config", str(tmp_path / "plant.toml"),
               "--listen", f"127.0.0.1:{port}"]  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT)
    thread.start()
    try:
        within(lambda: b"OPC UA server" in log.read_bytes(), 30, "it listens")
        within(lambda: agent.clients == 1, 10, "it follows the agent")
        time.sleep(2)
        done = subprocess.run(
            ["node", str(ROOT / "tests/support/read_opcua.js"), f"opc.tcp://127.0.0.1:{port}/magwatt", "magwatt",
             PASSWORD, "ns=2;s=mill/gw-1/pump-1", "5"], capture_output=True, text=True, timeout=90, cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    finally:
        ending.set()
        thread.join()
        process.terminate()
        process.wait(10)
        agent.stop()
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["endpoints"]) == {"SignAndEncrypt"}
    assert "active_power_w" in found["children"]
    assert found["status"] == "Good"
    assert found["unit"] == "W"
    assert abs(found["source_ms"] / 1000 - time.time()) < 60
    assert found["changes"] == sorted(set(found["changes"])), "each value once"
    assert 4 <= len(found["changes"]) <= 7, "one change a second for five seconds"
    assert found["written"] == "BadUserAccessDenied"
    assert (found["anonymous"], found["wrong"]) == (False, False)
