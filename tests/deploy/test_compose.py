"""The compose file: what it starts, how it is protected, and that its files exist. The containers are not started here.

test_timescaledb.py reads it with docker-compose.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.postgres import DEPLOY

FOLDER = DEPLOY / "compose"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8")))


def test_images_have_versions_and_ports_are_not_reachable_from_outside(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() == {"broker", "database", "retention", "telegraf", "grafana"}
    for service in services.values():
        assert re.search(r":\d+\.\d+\.\d+", service["image"])
        assert service["restart"] == "unless-stopped"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_services_wait_for_those_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[needed]


def test_passwords_are_in_files_only(compose: dict[str, Any]) -> None:
    made = set(re.findall(r"secrets/(\w+)|for name in ([\w ]+);", (FOLDER / "make-secrets.sh").read_text()))
    names = {name for found in made for text in found for name in text.split()} - {""}
    files = {Path(secret["file"]).name for secret in compose["secrets"].values()}
    assert files <= names
    used = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert used == compose["secrets"].keys()
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or value.startswith("/run/secrets/")


def test_mounted_files_exist_and_volumes_are_declared(compose: dict[str, Any]) -> None:
    declared = set()
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (FOLDER / source).exists(), source
                assert volume.endswith(":ro")
            else:
                declared.add(source)
    assert declared == compose["volumes"].keys()


def test_the_scripts_of_the_database_run_in_order(compose: dict[str, Any]) -> None:
    scripts = sorted(
        volume.split(":")[1] for volume in compose["services"]["database"]["volumes"] if "initdb" in volume
    )
    assert [Path(path).name[4:] for path in scripts] == [
        "tables.sql", "hypertables.sql", "compression.sql", "retention.sql", "grafana-user.sh",
    ]  # fmt: skip
