"""Passes on what is received on a bus that another master polls."""

from __future__ import annotations

from agent.acquisition.scheduler import BusPoller, PolledDevice
from drivers.bus_listener import BusListener
from drivers.listened_device import ListenedDevice
from drivers.reading import Quality


class ListeningPoller(BusPoller):
    """Same as BusPoller, for a bus that is only listened to: sends nothing.

    A reading has what was received since the last one, at the times of the responses.
    """

    async def run(self) -> None:
        """Listens until cancelled."""
        assert isinstance(self.link, BusListener)
        self.link.start()
        await super().run()

    async def _serve(self, polled: PolledDevice) -> None:
        """Passes on what was received since the last call; after a silence, that nothing was received."""
        device, period_ns = polled.device, int(polled.poll_interval_s * 1e9)
        assert isinstance(device, ListenedDevice)
        now_ns = self._clock.monotonic_ns()
        polled.due_ns += period_ns * max(1, -((polled.due_ns - now_ns) // period_ns))
        reading = device.take()
        if reading is None:
            if not device.overdue(polled.poll_interval_s):
                return
            reading = device.silent_reading()
        failed = Quality.NO_REPLY in reading.quality
        self.failed += failed
        self.polls += not failed
        self._count(polled, reading, failed)
        self._on_reading(polled.published(reading))
