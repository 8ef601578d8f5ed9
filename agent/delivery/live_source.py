"""The live source: connects in a thread and keeps trying, so that its user starts without it."""

from __future__ import annotations

import threading

from agent.delivery.followed_messages import BrokerError, MessageFollower
from agent.delivery.reasons import CONTACT_LOST
from drivers.reasons import Reason

RETRY_S = 3.0


class LiveSource:
    """follower: not started. Later losses of the connection are repaired by the follower itself."""

    def __init__(self, follower: MessageFollower) -> None:
        self.follower = follower
        self._failed: Reason | None = None
        self._started = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._connect, name="live-source", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(5)
        self.follower.stop()

    def problem(self) -> Reason | None:
        """Why there is no contact now; None: there is."""
        if self.follower.interrupted:
            return CONTACT_LOST()
        return None if self._started else self._failed or CONTACT_LOST()

    def _connect(self) -> None:
        while not self._ending.is_set():
            try:
                self.follower.start()
            except BrokerError as error:
                self._failed = error.reason
                self._ending.wait(RETRY_S)
            else:
                self._started = True
                return
