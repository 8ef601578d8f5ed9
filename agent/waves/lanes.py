"""The waveform channels of all motors: simple values while the kernels are compiled, then the complete ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.config import Motor
from agent.messages import Message
from drivers.reading import Waveform

if TYPE_CHECKING:
    import subprocess

    from agent.waves.meanwhile import Meanwhile
    from agent.waves.windows import WaveformLane

log = logging.getLogger(__name__)


class Lanes:
    """Waveform channels by asset. `emit` receives the messages. lost: missing samples."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._motors: Mapping[str, Motor | None] = {}
        self._channels: dict[str, WaveformLane] = {}
        self._approximations: dict[str, Meanwhile] = {}  # while kernels are compiled
        self._warming: subprocess.Popen[bytes] | None = None
        self._kernels_failed = False
        self.lost = 0

    def on_block(self, block: Waveform) -> None:
        channel = self._channels.get(block.device)
        if channel is None:
            if not self._kernels_ready():
                self._approximate(block)
                return
            from agent.waves.windows import WaveformLane

            self._approximations.pop(block.device, None)
            motor = self._motors.get(block.device)
            channel = self._channels[block.device] = WaveformLane(block.device, self._emit, motor)
        before = channel.lost
        channel.on_block(block)
        self.lost += channel.lost - before

    def configure(self, motors: Mapping[str, Motor | None]) -> None:
        """Applies a configuration: asset → motor. The channels of a changed motor start again."""
        self._approximations.clear()
        before, self._motors = self._motors, motors
        for name in [name for name in self._channels if before.get(name) != motors.get(name)]:
            del self._channels[name]

    def close(self) -> None:
        """Ends the compilation process."""
        if self._warming is not None and self._warming.poll() is None:
            self._warming.terminate()
            self._warming.wait(5)

    def _approximate(self, block: Waveform) -> None:
        from agent.waves.meanwhile import Meanwhile

        channel = self._approximations.get(block.device)
        if channel is None:
            motor = self._motors.get(block.device)
            channel = self._approximations[block.device] = Meanwhile(block.device, self._emit, motor)
        channel.on_block(block)

    def _kernels_ready(self) -> bool:
        from agent import kernels

        if self._warming is None:
            if kernels.is_warm():
                return True
            if self._kernels_failed:
                return False
            log.info("compiling kernels in a separate process; events and 10 min values start in about a minute")
            self._warming = kernels.warm_elsewhere()
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
