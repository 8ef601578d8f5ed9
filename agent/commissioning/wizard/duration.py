"""Duration of a self-check, computed from its requests and the speed of the buses."""

from __future__ import annotations

from typing import NamedTuple

from agent.acquisition.line_settings import bus_settings
from agent.acquisition.poll_plan import block_s
from agent.commissioning.selfcheck.model import DeviceSet
from agent.commissioning.selfcheck.register_reader import SILENCES_MAX, RegisterReader
from agent.commissioning.selfcheck.run import period_of
from agent.config.model import Config
from drivers.reading import Clock


class EstimatedDuration(NamedTuple):
    """Durations in seconds, including the listening before the first request.

    sound: all devices respond, and their values agree.
    lossy: in each round one device does not respond.
    odd: values disagree, so that the adjacent words are read too.
    odd_lossy: both.
    """

    sound: float
    lossy: float
    odd: float
    odd_lossy: float


def estimate_duration(config: Config, device_set: DeviceSet, readings: int, clock: Clock) -> EstimatedDuration:
    """The durations of a self-check; opens no connection."""
    listen_s = max((config.buses[item.device.bus].listen_before_start_s for item in device_set.subjects), default=0.0)
    silent_s = SILENCES_MAX * max((item.response_timeout_s for item in device_set.subjects), default=0.0)
    period_s = period_of(device_set, readings)
    plain_s, adjacent_s = (_round_s(config, device_set, clock, adjacent) for adjacent in (False, True))

    def rounds(each_s: float) -> float:
        return (readings - 1) * max(period_s, each_s) + each_s

    sound_s, lossy_s = listen_s + rounds(plain_s), listen_s + rounds(plain_s + silent_s)
    return EstimatedDuration(sound_s, lossy_s, sound_s + rounds(adjacent_s), lossy_s + rounds(adjacent_s + silent_s))


def _round_s(config: Config, device_set: DeviceSet, clock: Clock, adjacent: bool) -> float:
    """Duration of a round: the self-check reads the devices of all buses one after the other."""
    return sum(
        block_s(bus_settings(config.buses[item.device.bus]), count, item.delay_s)
        for item in device_set.subjects
        for count in RegisterReader(item, item.device.unit_id, clock).counts(adjacent)
    )
