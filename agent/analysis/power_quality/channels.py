"""The waveform channels of all motors: simple values while the kernels are compiled, then the complete ones."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
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
    """Waveform channels by asset. `emit` receives the messages. lost: missing samples."""

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._motors: Mapping[str, Motor | None] = {}
        self._channels: dict[str, WaveformChannel] = {}
        self._approximations: dict[str, NumpyFallback] = {}  # while kernels are compiled
        self._compilation: subprocess.Popen[bytes] | None = None
        self._kernels_failed = False
        self.lost = 0

    def on_block(self, block: Waveform) -> None:
        channel = self._channels.get(block.device)
        if channel is None:
            if not self._kernels_ready():
                self._approximate(block)
                return
            from agent.analysis.power_quality.waveform_channel import WaveformChannel

            self._approximations.pop(block.device, None)
            motor = self._motors.get(block.device)
            channel = self._channels[block.device] = WaveformChannel(block.device, self._emit, motor)
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
        if self._compilation is not None and self._compilation.poll() is None:
            self._compilation.terminate()
            self._compilation.wait(5)

    def _approximate(self, block: Waveform) -> None:
        from agent.analysis.power_quality.fallback_numpy import NumpyFallback

        channel = self._approximations.get(block.device)
        if channel is None:
            motor = self._motors.get(block.device)
            channel = self._approximations[block.device] = NumpyFallback(block.device, self._emit, motor)
        channel.on_block(block)

    def _kernels_ready(self) -> bool:
        from agent.core import kernel_cache

        if self._kernels_failed:
            return False
        if self._compilation is None:
            if kernel_cache.is_complete():
                return self._kernels_load()
            log.info("compiling kernels in a separate process; events and 10 min values start in about a minute")
            self._compilation = kernel_cache.start_compilation()
        code = self._compilation.poll()
        if code is None:
            return False
        self._compilation = None
        if code != 0:
            log.error(
                "the kernels were not compiled (exit %d): no events, no 10 min values; run `magwatt compile`", code
            )
            self._kernels_failed = True
            return False
        return self._kernels_load()

    def _kernels_load(self) -> bool:
        from agent.core import kernel_cache

        try:
            kernel_cache.check_loading()
        except (OSError, ValueError) as error:
            log.error(
                "the kernels cannot be loaded (%s): no events, no 10 min values; run `magwatt compile`, and allow the "
                "agent to make memory executable (systemd: MemoryDenyWriteExecute=no; SELinux: execmem)",
                error,
            )
            self._kernels_failed = True
        return not self._kernels_failed
