"""Rows that sinks receive from memory."""

from __future__ import annotations

import pytest


@pytest.fixture
def fresh_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows stay live although a slow disk may take a second for a commit."""
    monkeypatch.setattr("agent.delivery.store.cursor.FRESH_S", 3600.0)
