"""A gateway with everything that a backup contains: rows that wait, counters, intervals with a ledger, secrets."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from support.basics import HandClock
from support.metered_motor import START_S, Gateway
from support.metered_retrofit import PLANT

from agent.backup.create import BackupResult, back_up
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store

MQTT = """
[mqtt]
url = "mqtts://127.0.0.1:8883"
user = "gw-07"
password_file = "secrets/mqtt"
ca = "plant-ca.pem"
"""
MADE_MS = START_S * 1000 + 3_600_000


def config_of(folder: Path) -> Config:
    """The configuration in `folder`, with a password file and a certificate."""
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    (folder / "secrets" / "mqtt").write_text("hidden", encoding="ascii")
    (folder / "secrets" / "mqtt").chmod(0o600)
    (folder / "plant-ca.pem").write_text("certificate", encoding="ascii")
    (folder / "plant.toml").write_text(PLANT + MQTT, encoding="utf-8")
    return load_config(folder / "plant.toml")[0]


def gateway_in(folder: Path, hours: float = 1.0, clock: HandClock | None = None) -> Gateway:
    """A gateway that ran for some hours and still runs, with ten rows that no broker has confirmed."""
    gateway = Gateway(folder, config_of(folder), clock or HandClock(START_S))
    gateway.store.sink_cursors(["mqtt"])
    gateway.run(hours)
    for number in range(10):
        t_ms = gateway.clock.utc_ns() // 1_000_000
        gateway.store.append("fan", "telemetry", t_ms, str.encode, {"energy/fan": 1000 + number})
    gateway.store.flush()
    return gateway


def backed_up(folder: Path, file: Path, with_secrets: bool = False) -> BackupResult:
    return back_up(config_of(folder), folder / "state", file, MADE_MS, with_secrets)


def tree(folder: Path) -> dict[str, str]:
    """Path → SHA-256 of all files below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


def ids(store: Store) -> list[str]:
    """Ids of the rows that wait."""
    return [f"{run}-{seq}" for run, seq in store.rows("select boot, seq from spool order by n")]


def ended(gateway: Gateway) -> None:
    gateway.lane.close()
    with contextlib.closing(gateway.store):
        gateway.store.flush()
