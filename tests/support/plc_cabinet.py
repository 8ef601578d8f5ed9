"""The noisy line with its PLC, in real time."""

from __future__ import annotations

import asyncio
import threading
from random import Random

from simulators.scenarios.noisy_line import NoisyLine

STEP_S = 0.2


class PlcCabinet:
    """port: for the program under test."""

    def __init__(self) -> None:
        self.plant = NoisyLine(Random(7), with_plc=True)
        self.plant.step(5.0)
        self._outlet = self.plant.outlets["rtu_port"]
        self.port = asyncio.run(self._outlet.start())
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._step, daemon=True)
        self._thread.start()

    @property
    def sent(self) -> float:
        """Bytes that this computer sent."""
        return self.plant.truth()["line"]["sent_by_agent_bytes"]

    @property
    def responses(self) -> float:
        """Number of responses to the PLC."""
        return self.plant.truth()["line"]["plc_answers"]

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        asyncio.run(self._outlet.stop())

    def _step(self) -> None:
        while not self._ending.wait(STEP_S):
            self.plant.step(STEP_S)
