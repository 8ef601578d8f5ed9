"""What a server process does in addition to serving: it ends on a signal, and logs its contact with the agent."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from agent.delivery.live_source import LiveSource
from agent.northbound.base.reasons import CONTACT_RESTORED, NO_CONTACT
from drivers.reasons import Reason

log = logging.getLogger(__name__)

TICK_S = 1.0


async def until_signal(source: LiveSource, each_second: Callable[[], Reason | None]) -> None:
    """Returns after SIGTERM, SIGINT or SIGHUP. each_second: a problem that is logged when it changes, or None."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    contact, problem = ContactLog(), None
    while not ended.is_set():
        if (found := each_second()) != problem and found is not None:
            log.warning("%s", found)
        problem = found
        contact.note(source.problem())
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), TICK_S)


class ContactLog:
    """Logs when the contact with the source of the values breaks, for another reason, and when it is restored."""

    def __init__(self) -> None:
        self._cause: Reason | None = None
        self._first = True

    def note(self, cause: Reason | None) -> None:
        """cause: why there is no contact now; None: there is."""
        if cause is not None and self._first:
            self._first = False  # it is connecting
            return
        if cause != self._cause:
            log.warning("%s", NO_CONTACT(cause=cause)) if cause else log.info("%s", CONTACT_RESTORED())
        self._cause, self._first = cause, False
