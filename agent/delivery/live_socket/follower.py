"""The reader's side of the socket: the messages of the agent on this computer, without a broker."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.delivery.followed_messages import BrokerError, FollowedMessage, MessageFollower, declare_message_codes
from agent.delivery.live_socket.client import CONNECT_S, LIVE_SOCKET_ABSENT, connected
from agent.delivery.live_socket.protocol import LINE_BYTES_MAX, parsed
from drivers.reasons import cause_of

RETRY_S = 1.0
CHUNK_BYTES = 64 << 10


class SocketFollower(MessageFollower):
    """Follows the agent that serves one of these sockets; the first that accepts a connection, again after each loss.

    `changed` is called in the thread of the socket.
    """

    def __init__(self, paths: Sequence[Path], changed: Callable[[FollowedMessage, str], None] | None = None) -> None:
        super().__init__(changed)
        self.paths = tuple(paths)
        self._sock: socket.socket | None = None  # None: not connected now
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises BrokerError if no agent serves a socket."""
        declare_message_codes()
        self._sock = self._connected()
        self._thread = threading.Thread(target=self._run, name="socket-follower", daemon=True)
        self._thread.start()

    @property
    def interrupted(self) -> bool:
        return self._thread is not None and self._sock is None

    def stop(self) -> None:
        self._ending.set()
        if (sock := self._sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(CONNECT_S + RETRY_S)

    def _connected(self) -> socket.socket:
        """Raises BrokerError with the reason of the first path."""
        try:
            return connected(self.paths)[0]
        except OSError as error:
            path = str(self.paths[0]) if self.paths else "–"
            raise BrokerError(LIVE_SOCKET_ABSENT(path=path, cause=cause_of(error))) from error

    def _run(self) -> None:
        while not self._ending.is_set():
            if self._sock is None:
                try:
                    self._sock = self._connected()
                except BrokerError:
                    self._ending.wait(RETRY_S)
                    continue
            self._read(self._sock)
            self._sock.close()
            self._sock = None
            for gateway in self.gateways:
                self.gateways[gateway] = "offline"

    def _read(self, sock: socket.socket) -> None:
        """Until the end of the connection, which a line that is too long ends, too."""
        rest = b""
        while not self._ending.is_set():
            try:
                chunk = sock.recv(CHUNK_BYTES)
            except OSError:
                return
            if not chunk or len(rest) > LINE_BYTES_MAX:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for text in lines:
                if (message := parsed(text)) is not None:
                    topic, age_s, payload = message
                    self.receive(topic, payload, age_s)
