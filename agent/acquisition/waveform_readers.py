"""Readers of all waveform streams, one thread each, and their change while the agent runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.config.model import Config
from drivers.reading import Clock, Quality, Waveform

if TYPE_CHECKING:
    from drivers.ews_stream import StreamReader


log = logging.getLogger(__name__)


class WaveformReaders:
    """The streams of a configuration; `configure` applies another one and does not interrupt unchanged streams.

    No stream is started on a computer whose linear algebra is wrong; what needs registers only is not affected.
    """

    def __init__(self, on_block: Callable[[Waveform], None], clock: Clock) -> None:
        self._on_block, self._clock = on_block, clock
        self._readers: dict[tuple[str, str, int], StreamReader] = {}
        self._corrupt = 0  # frames of closed readers

    def configure(self, config: Config) -> None:
        configured = {
            (motor.name, motor.waveform.where, motor.waveform.baud)
            for motor in config.motors.values()
            if motor.waveform
        }
        for key in self._readers.keys() - configured:
            reader = self._readers.pop(key)
            reader.stop()
            self._corrupt += reader.assembler.decoder.damaged
        if not configured:
            return
        from agent.core import kernel_cache, linear_algebra
        from drivers.ews_stream import StreamReader

        if (problem := linear_algebra.linear_algebra_problem()) is not None:  # before the first use of numpy
            log.error("%s: waveforms are not read", problem)
            return
        kernel_cache.prepare()  # before a block arrives and dsp is imported
        quality = Quality.SIMULATED if config.site.simulated else Quality.GOOD
        for key in sorted(configured - self._readers.keys()):
            reader = self._readers[key] = StreamReader(*key, self._on_block, self._clock, quality)
            reader.start()

    def stop(self) -> None:
        for reader in list(self._readers.values()):  # an interrupted reload may still be in `configure`
            reader.stop()

    @property
    def reading(self) -> list[str]:
        """The motors whose streams are read."""
        return sorted(name for name, _, _ in self._readers)

    def numbers(self) -> Mapping[str, float | int]:
        readers = list(self._readers.values())
        values: dict[str, float | int] = {
            "waveform_frames_corrupt": self._corrupt + sum(reader.assembler.decoder.damaged for reader in readers)
        }
        drifts = [drift for reader in readers if (drift := reader.assembler.drift_ppm()) is not None]
        if drifts:
            values["waveform_drift_ppm"] = max(drifts, key=abs)
        return values
