"""The agent's side of the socket: every client receives the last messages, then each new one.

No caller waits: a message is put into the queue of each client, and one thread writes. A client whose queue is full is
disconnected; it connects again and receives the last messages. Without clients a message costs a dictionary entry.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import selectors
import socket
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from agent.delivery.live_socket.protocol import PATH_BYTES_MAX, line
from drivers.reasons import Code, Reason, cause_of

log = logging.getLogger(__name__)

CLIENTS_MAX = 8
QUEUE_BYTES_MAX = 8 << 20  # more than the last messages of 300 motors
CHUNK_BYTES = 64 << 10
KEPT_KINDS = frozenset(("telemetry", "pq3s", "savings", "health"))  # of rows: the last one for a new client
Last = dict[str, tuple[bytes, float]]  # topic → payload, monotonic time

LIVE_SOCKET_PATH_TOO_LONG = Code(
    "live_socket_path_too_long",
    "{path} is longer than {n_max:d} bytes, the limit of a UNIX socket: programs of this computer cannot follow the "
    "agent without a broker. Use a shorter store.state_dir",
)
LIVE_SOCKET_IN_USE = Code("live_socket_in_use", "{path}: another process serves this socket; it is left to it")
LIVE_SOCKET_UNUSABLE = Code("live_socket_unusable", "{path}: no live messages for programs of this computer: {cause}")


class LiveSocket:
    """path: of the socket. retained: all retained messages, for a new client. root: topic of the gateway.

    `on_message` is for any thread.
    """

    def __init__(self, path: Path, retained: Callable[[], list[tuple[str, bytes]]], root: str) -> None:
        self.path = path
        self._retained, self._status = retained, f"{root}/status"
        self._last: Last = {}
        self._clients: list[_Client] = []
        self._lock = threading.Lock()  # of clients and last messages
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._wake_read, self._wake_write = -1, -1
        self._ending = False

    @property
    def clients(self) -> int:
        """Number of connected clients."""
        return len(self._clients)

    def start(self) -> Reason | None:
        """Listens. Returns why it does not, which is logged as a warning; None: it does."""
        try:
            reason = self._listen()
        except OSError as error:
            reason = LIVE_SOCKET_UNUSABLE(path=str(self.path), cause=cause_of(error))
        if reason is not None:
            log.warning("%s", reason)
            return reason
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="live-socket", daemon=True)
        self._thread.start()
        return None

    def on_message(self, topic: str, payload: bytes, retain: bool) -> None:
        """Passes a message on. Does not block."""
        kind = topic.rpartition("/")[2]
        with self._lock:
            if retain and not payload and kind == "meta":  # the motor was removed
                gone = topic.rpartition("/")[0] + "/"
                for name in [name for name in self._last if name.startswith(gone)]:
                    del self._last[name]
            elif kind in KEPT_KINDS or (retain and kind == "explain"):
                self._last[topic] = payload, time.monotonic()
            if not self._clients:
                return
            text = line(topic, 0, payload)
            idle = [client.add(text) for client in self._clients]
        if any(idle):
            self._wake()

    def stop(self) -> None:
        """Disconnects all clients and removes the socket."""
        if self._thread is None:
            return
        self._ending = True
        self._wake()
        self._thread.join(2)
        self._thread = None
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _listen(self) -> Reason | None:
        """Raises OSError."""
        if len(os.fsencode(self.path)) > PATH_BYTES_MAX:
            return LIVE_SOCKET_PATH_TOO_LONG(path=str(self.path), n_max=PATH_BYTES_MAX)
        if not _removed_if_stale(self.path):
            return LIVE_SOCKET_IN_USE(path=str(self.path))
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            listener.bind(str(self.path))
            self.path.chmod(0o660)
            listener.listen(CLIENTS_MAX)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        return None

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # the pipe is full: the thread wakes anyway
            os.write(self._wake_write, b"\0")

    def _run(self) -> None:
        assert self._listener is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while not self._ending:
                for key, events in selector.select():
                    if key.fileobj is self._listener:
                        self._accept(selector)
                    elif key.data is None:
                        os.read(self._wake_read, 4096)
                    elif events & selectors.EVENT_READ:
                        key.data.discard_input()
                self._send(selector)
        for client in self._clients:
            client.sock.close()
        self._listener.close()
        os.close(self._wake_read)
        write, self._wake_write = self._wake_write, -1
        os.close(write)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        assert self._listener is not None
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            if len(self._clients) >= CLIENTS_MAX:
                log.warning("%s: more than %d clients; a new one was disconnected", self.path, CLIENTS_MAX)
                sock.close()
                return
            sock.setblocking(False)
            client, now_s = _Client(sock), time.monotonic()
            with self._lock:
                last = [
                    line(topic, round(1000 * (now_s - made_s)), body) for topic, (body, made_s) in self._last.items()
                ]
                self._clients.append(client)  # from here on it receives changes, which are newer than the following
            first = [(self._status, b"online"), *self._retained()]
            with self._lock:
                client.add_first([*(line(topic, 0, payload) for topic, payload in first), *last])
            selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, client)

    def _send(self, selector: selectors.BaseSelector) -> None:
        """Writes what the sockets take; disconnects clients that ended or are too slow."""
        for client in list(self._clients):
            if client.send():
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.waits else 0)
                if selector.get_key(client.sock).events != wanted:
                    selector.modify(client.sock, wanted, client)
                continue
            if client.overflowed:
                log.warning("%s: a client read too slowly and was disconnected", self.path)
            with self._lock:
                self._clients.remove(client)
            selector.unregister(client.sock)
            client.sock.close()


class _Client:
    """overflowed: its queue was full. ended: it closed its side."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.overflowed = self.ended = False
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._rest = memoryview(b"")  # of what was taken from the queue

    @property
    def waits(self) -> bool:
        """Whether there is something to write."""
        return bool(self._rest) or bool(self._queue)

    def add(self, text: bytes) -> bool:
        """Queues a line; whether the thread has to be woken. Under the lock of the server."""
        if self._queued_bytes + len(text) > QUEUE_BYTES_MAX:
            self.overflowed = True
            self._queue.clear()
            self._queued_bytes = 0
            return True
        was_empty = not self._queue
        self._queue.append(text)
        self._queued_bytes += len(text)
        return was_empty

    def add_first(self, lines: list[bytes]) -> None:
        """Queues lines before those that are queued. Under the lock of the server."""
        self._queue.extendleft(reversed(lines))
        self._queued_bytes += sum(map(len, lines))

    def discard_input(self) -> None:
        """Nothing is read from a client but its end."""
        try:
            self.ended = not self.sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True

    def send(self) -> bool:
        """Writes what the socket takes now; False: the client is to be disconnected."""
        try:
            while not (self.overflowed or self.ended) and (self._rest or self._take()):
                self._rest = self._rest[self.sock.send(self._rest) :]
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                log.debug("live socket: %s", error)
            self.ended = True
        return not (self.overflowed or self.ended)

    def _take(self) -> bool:
        parts, size = [], 0
        while self._queue and size < CHUNK_BYTES:
            parts.append(self._queue.popleft())
            size += len(parts[-1])
        self._queued_bytes = max(0, self._queued_bytes - size)
        self._rest = memoryview(b"".join(parts))
        return bool(parts)


def _removed_if_stale(path: Path) -> bool:
    """Removes the socket of an agent that was killed; False: a process listens on it. Raises OSError."""
    if not path.exists() and not path.is_symlink():
        return True
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return True
        except (TimeoutError, BlockingIOError):
            return False
    return False
