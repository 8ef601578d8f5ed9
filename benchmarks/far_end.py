"""The other end of a bus in a separate process, so that the CPU time of the master excludes it.

    far_end.py rtu BAUD CHUNK TURNAROUND_S    prints {"port": …}
    far_end.py tcp                            prints {"port_number": …}
A line on stdin prints the counts since the last line. End of input ends the process.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from support import fault_matrix as faults
from support.scripted_slave import RtuPty

BITS = 10  # 8N1: a pseudo-terminal has no parity


class FarEnd:
    """Start and query the process; a context manager."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.far_end", *map(str, arguments)],
            cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.where = self._line()

    def count(self) -> dict[str, Any]:
        """Return the counts since the last call."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def __enter__(self) -> FarEnd:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def rtu(baud: int, chunk: int, turnaround_s: float) -> None:
    line = RtuPty(faults.clean, baud=baud, bits=BITS, turnaround_s=turnaround_s, chunk=chunk)
    line.start()
    say(port=line.serial_port)
    for _ in sys.stdin:
        say(asked=len(line.asked), violations=line.violations, collisions=line.collisions, damaged=line.damaged)
        line.asked.clear()
        line.violations = line.collisions = line.damaged = 0
    line.stop()


def tcp() -> None:
    """Respond to any read of any unit as fast as possible; one thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    say(port_number=listener.getsockname()[1])
    asked = [0]

    def serve(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock:
            while len(data := sock.recv(512)) == 12:
                transaction, _, _, unit, function, _, count = struct.unpack(">HHHBBHH", data)
                head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
                sock.sendall(head + bytes(2 * count))
                asked[0] += 1

    def accept() -> None:
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for _ in sys.stdin:
        say(asked=asked[0])
        asked[0] = 0


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "rtu":
        rtu(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    else:
        tcp()
