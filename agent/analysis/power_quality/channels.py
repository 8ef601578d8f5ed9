"""The waveform channels of all motors: simple values while the kernels are compiled, then the complete ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.config.model import Motor
from agent.core.messages import Message
from drivers.reading import Waveform

if TYPE_CHECKING:
    import subprocess

    from agent.analysis.power_quality.fallback_numpy import NumpyFallback
    from agent.analysis.power_quality.waveform_channel import WaveformChannel

log = logging.getLogger(__name__)


class WaveformChannels:
    """Waveform channels by motor. `emit` receives the messages. lost: missing samples."""

    def __init__(self, emit: Callable[[Message], None], motor_of: Callable[[str], Motor | None]) -> None:
        self._emit, self._motor_of = emit, motor_of
        self._lanes: dict[str, WaveformChannel] = {}
        self._plain: dict[str, NumpyFallback] = {}  # while kernels are compiled
        self._warming: subprocess.Popen[bytes] | None = None
        self._kernels_failed = False
        self.lost = 0

    def take(self, block: Waveform) -> None:
        lane = self._lanes.get(block.device)
        if lane is None:
            if not self._kernels_ready():
                self._meanwhile(block)
                return
            from agent.analysis.power_quality.waveform_channel import WaveformChannel

            self._plain.pop(block.device, None)
            lane = self._lanes[block.device] = WaveformChannel(block.device, self._emit, self._motor_of(block.device))
        before = lane.lost
        lane.take(block)
        self.lost += lane.lost - before

    def forget(self, changed: Callable[[str], bool]) -> None:
        """Restarts the channels of motors whose configuration changed."""
        self._plain.clear()
        for name in [name for name in self._lanes if changed(name)]:
            del self._lanes[name]

    def close(self) -> None:
        """Ends the compilation process."""
        if self._warming is not None and self._warming.poll() is None:
            self._warming.terminate()
            self._warming.wait(5)

    def _meanwhile(self, block: Waveform) -> None:
        from agent.analysis.power_quality.fallback_numpy import NumpyFallback

        lane = self._plain.get(block.device)
        if lane is None:
            lane = self._plain[block.device] = NumpyFallback(block.device, self._emit, self._motor_of(block.device))
        lane.take(block)

    def _kernels_ready(self) -> bool:
        from agent.core import kernel_cache

        if self._warming is None:
            if kernel_cache.is_warm():
                return True
            if self._kernels_failed:
                return False
            log.info("compiling kernels in a separate process; events and 10 min values start in about a minute")
            self._warming = kernel_cache.warm_elsewhere()
        code = self._warming.poll()
        if code is None:
            return False
        self._warming = None
        if code != 0:
            log.error(
                "the kernels were not compiled (exit %d): no events, no 10 min values; run `magwatt compile`", code
            )
            self._kernels_failed = True
        return code == 0
