"""The waveform channels of all motors. While the kernels are compiled in another process, their waveforms wait."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.config.model import Motor
from agent.core.messages import Message
from drivers.reading import Waveform

if TYPE_CHECKING:
    import subprocess

    from agent.analysis.power_quality.waveform_channel import WaveformChannel

log = logging.getLogger(__name__)


class WaveformChannels:
    """Waveform channels by asset. `emit` receives the messages.

    lost: missing samples. waiting: assets whose waveforms are not analysed, because the kernels are not compiled.
    """

    def __init__(self, emit: Callable[[Message], None]) -> None:
        self._emit = emit
        self._motors: Mapping[str, Motor | None] = {}
        self._channels: dict[str, WaveformChannel] = {}
        self._compilation: subprocess.Popen[bytes] | None = None
        self._kernels_failed = False
        self.lost = 0
        self.waiting: set[str] = set()

    def on_block(self, block: Waveform) -> None:
        channel = self._channels.get(block.device)
        if channel is None:
            if not self._kernels_ready():
                self.waiting.add(block.device)
                return
            from agent.analysis.power_quality.waveform_channel import WaveformChannel

            self.waiting.discard(block.device)
            motor = self._motors.get(block.device)
            channel = self._channels[block.device] = WaveformChannel(block.device, self._emit, motor)
        before = channel.lost
        channel.on_block(block)
        self.lost += channel.lost - before

    def configure(self, motors: Mapping[str, Motor | None]) -> None:
        """Applies a configuration: asset → motor. The channels of a changed motor start again."""
        self.waiting.clear()
        before, self._motors = self._motors, motors
        for name in [name for name in self._channels if before.get(name) != motors.get(name)]:
            del self._channels[name]

    def close(self) -> None:
        """Ends the compilation process."""
        if self._compilation is not None and self._compilation.poll() is None:
            self._compilation.terminate()
            self._compilation.wait(5)

    def _kernels_ready(self) -> bool:
        from agent.core import kernel_cache

        if self._kernels_failed:
            return False
        if self._compilation is None:
            if kernel_cache.is_complete():
                return self._kernels_load()
            log.warning(
                "waveforms wait for the kernels, which are compiled in a separate process and take about a minute: "
                "until then no harmonics, events and 10 min values; registers are measured"
            )
            self._compilation = kernel_cache.start_compilation()
        code = self._compilation.poll()
        if code is None:
            return False
        self._compilation = None
        if code != 0:
            log.error(
                "the kernels were not compiled (exit %d): waveforms are not analysed; run `magwatt compile`", code
            )
            self._kernels_failed = True
            return False
        if loaded := self._kernels_load():
            log.info("the kernels are compiled: waveforms are analysed")
        return loaded

    def _kernels_load(self) -> bool:
        from agent.core import kernel_cache

        try:
            kernel_cache.check_loading()
        except (OSError, ValueError) as error:
            log.error(
                "the kernels cannot be loaded (%s): waveforms are not analysed; run `magwatt compile`, and allow the "
                "agent to make memory executable (systemd: MemoryDenyWriteExecute=no; SELinux: execmem)",
                error,
            )
            self._kernels_failed = True
        return not self._kernels_failed
