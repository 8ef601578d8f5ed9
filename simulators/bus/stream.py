"""Byte streams for EWS/1 on a serial port and a TCP port, sent whether or not a program reads them."""

from __future__ import annotations

import asyncio
import contextlib

from simulators.bus.pty import Pty

_BACKLOG_BYTES = 256 * 1024  # limit of the unread bytes of a slow TCP reader, about 2 s


class PtyOutlet:
    """Send frames to a pseudo-terminal, each frame complete or not at all; frames that the port cannot accept are
    dropped.

    While no program has opened the port, nothing is sent, so that a new reader gets no stale bytes. These frames do not
    count as dropped.
    """

    def __init__(self) -> None:
        self._pty = Pty(hold=False)
        self.path = self._pty.path
        self.dropped = 0
        self._rest = b""

    def send(self, frames: list[bytes]) -> None:
        if not self._pty.is_opened():
            self._rest = b""
            return
        for frame in frames:
            if self._rest:
                self._rest = self._rest[self._pty.write(self._rest) :]
            if self._rest:
                self.dropped += 1
                continue
            self._rest = frame[self._pty.write(frame) :]
            if len(self._rest) == len(frame):
                self._rest = b""
                self.dropped += 1

    def close(self) -> None:
        self._pty.close()


class TcpOutlet:
    """Send frames to all connected TCP clients. A slow client loses frames; other clients are not affected."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.dropped = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    def send(self, frames: list[bytes]) -> None:
        if not self._writers or not frames:
            return
        data = b"".join(frames)
        for writer in self._writers:
            if writer.transport.get_write_buffer_size() > _BACKLOG_BYTES:
                self.dropped += len(frames)
            else:
                writer.write(data)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait for the end of the connection; other input is discarded."""
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError):
                while await reader.read(4096):
                    pass
        finally:
            self._writers.discard(writer)
            writer.close()
