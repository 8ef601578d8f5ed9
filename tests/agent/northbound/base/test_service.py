"""What the servers log about their contact with the agent: each change once."""

from __future__ import annotations

import logging

import pytest

from agent.delivery.reasons import CONTACT_LOST
from agent.northbound.base.service import ContactLog
from drivers.reasons import Reason

OTHER = CONTACT_LOST.__class__("test_other_cause", "another cause")


def logged(caplog: pytest.LogCaptureFixture, *causes: Reason | None) -> list[str]:
    caplog.set_level(logging.INFO)
    log = ContactLog()
    for cause in causes:
        log.note(cause)
    return [record.args[0].code for record in caplog.records if isinstance(record.args, tuple)]  # type: ignore[union-attr]


def test_each_change_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lost, other = CONTACT_LOST(), OTHER()
    codes = logged(caplog, None, lost, lost, other, other, None, None, lost)
    assert codes == ["north_no_contact", "north_no_contact", "north_contact_restored", "north_no_contact"]


def test_the_first_second_is_for_connecting(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, CONTACT_LOST(), None) == []


def test_an_agent_that_is_absent_from_the_start_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, CONTACT_LOST(), CONTACT_LOST()) == ["north_no_contact"]
