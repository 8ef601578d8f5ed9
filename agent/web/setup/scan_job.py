"""A scan in a separate thread: its progress while it runs, and how to cancel it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import FoundDevice, ScanOptions, ScanProgress, ScanResult, Target

Stop = Callable[[], object]
RunScan = Callable[[Target, ScanOptions, ScanProgress, Callable[[Stop], None]], ScanResult]
TEXTS_MAX = 50


def run_scan(
    target: Target, options: ScanOptions, progress: ScanProgress, on_start: Callable[[Stop], None]
) -> ScanResult:
    """Scans a bus. on_start: receives what cancels the scan. Raises LinkClosed and ForeignMasterActive."""

    async def main() -> ScanResult:
        scan, loop = Scan(target, options, progress), asyncio.get_running_loop()
        on_start(lambda: loop.call_soon_threadsafe(scan.stop.set))
        return await scan.run()

    return asyncio.run(main())


class ScanJob:
    """One scan and its progress.

    on_change: called in the thread of the scan after each change. on_end: receives the result.
    """

    def __init__(
        self, bus: str, target: Target, options: ScanOptions, on_change: Callable[[], None],
        on_end: Callable[[ScanResult | Exception], None], scan: RunScan = run_scan,
    ) -> None:  # fmt: skip
        self._bus, self._on_change, self._on_end, self._scan = bus, on_change, on_end, scan
        self._texts: list[str] = []
        self._found: list[FoundDevice] = []
        self._part, self._queried, self._total, self._end_s = "", 0, 0, 0.0
        self._stop: Stop | None = None
        self.cancelled = False
        self._thread = threading.Thread(target=self._run, args=(target, options), name="scan", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        """Ends the scan after the request that is being sent."""
        self.cancelled = True
        if self._stop:
            self._stop()

    def join(self, longest_s: float) -> None:
        self._thread.join(longest_s)

    def view(self) -> dict[str, Any]:
        """What the browser shows."""
        left_s = max(0.0, self._end_s - time.monotonic())
        return {
            "bus": self._bus, "texts": self._texts, "part": self._part, "queried": self._queried, "total": self._total,
            "left_s": round(left_s), "cancelled": self.cancelled,
            "found": [
                {"unit": item.unit, "line": str(item.setting or ""), "ms": round(1000 * item.response_s)}
                for item in self._found
            ],
        }  # fmt: skip

    # Progress of the scan

    def on_text(self, text: str) -> None:
        self._texts = [*self._texts, text][-TEXTS_MAX:]
        self._on_change()

    def on_part(self, name: str, total: int) -> None:
        self._part, self._queried, self._total = name, 0, total
        self._on_change()

    def on_unit(self, unit: int) -> None:
        self._queried += 1
        self._on_change()

    def on_found(self, found: FoundDevice) -> None:
        self._found = [*(item for item in self._found if item.unit != found.unit), found]
        self._on_change()

    def on_duration(self, left_s: float) -> None:
        self._end_s = time.monotonic() + left_s
        self._on_change()

    def _run(self, target: Target, options: ScanOptions) -> None:
        result: ScanResult | Exception
        try:
            result = self._scan(target, options, self, self._on_start)
        except Exception as error:  # shown to the operator, whatever it is
            result = error
        self._on_end(result)

    def _on_start(self, stop: Stop) -> None:
        self._stop = stop
        if self.cancelled:
            stop()
