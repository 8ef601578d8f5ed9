"""The last state is sent immediately: no browser of these tests is slow."""

from __future__ import annotations

import pytest

from agent.web.setup import server


@pytest.fixture(autouse=True)
def no_last_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LAST_S", 0.05)
