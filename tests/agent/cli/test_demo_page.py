"""The page of the demo: on its own port, on another one when that is taken, omitted without its libraries."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from agent.cli import demo_page


def test_the_port_of_the_page_or_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo_page_port = taken.getsockname()[1]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(demo_page, "PORT", demo_page_port)
            other = demo_page.demo_page(Path("plant.toml"))
    assert other is not None
    assert other.address.startswith("http://127.0.0.1:")
    assert not other.address.endswith(f":{demo_page_port}/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_page, "PORT", demo_page_port)
        free = demo_page.demo_page(Path("plant.toml"))
    assert free is not None
    assert free.address == f"http://127.0.0.1:{demo_page_port}/"
    assert free.command[:3] == ("web", "--config", "plant.toml")


def test_without_the_libraries_the_demo_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_page, "find_spec", lambda name: None)
    assert demo_page.demo_page(Path("plant.toml")) is None
