"""Examines the signals from topics: whether a live, usable value arrives."""

from __future__ import annotations

from collections.abc import Iterator

from agent.acquisition.mqtt_signals.probe import ProbedTopic, TopicProbe
from agent.acquisition.mqtt_signals.signal_state import STALE_EVERY
from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, finding, fine, note
from agent.config.model import Config
from drivers.reading import Quality

LISTEN_S = 15.0


async def topics(config: Config) -> list[DoctorFinding]:
    """Waits for the expected interval of each signal, at most LISTEN_S."""
    look = TopicProbe(config)
    try:
        return [item for seen in await look.wait(LISTEN_S) for item in signal_findings(seen)]
    finally:
        await look.stop()


def signal_findings(seen: ProbedTopic) -> Iterator[DoctorFinding]:
    """The finding on one signal, with the action to take."""
    signal, where = seen.signal, seen.signal.device
    silent = seen.reading is None or Quality.NO_REPLY in seen.reading.quality
    if seen.problem and not silent:
        yield finding(where, seen.problem)
    elif seen.broker:
        yield finding(where, codes.SIGNAL_UNREACHABLE(topic=signal.topic, cause=seen.broker))
    elif seen.live:
        assert seen.reading is not None
        yield fine(where, codes.SIGNAL_LIVE(topic=signal.topic, value=seen.reading.values[signal.metric]))
    elif seen.reading is not None and silent:
        yield finding(where, codes.SIGNAL_STALE(cause=seen.reading.error))
    else:
        yield _without_value(seen, retained=seen.reading is not None)


def _without_value(seen: ProbedTopic, retained: bool) -> DoctorFinding:
    """The finding on a signal without a live value. retained: a retained message was received."""
    signal = seen.signal
    data = {"topic": signal.topic, "waited_s": seen.waited_s, "interval_s": signal.expected_interval_s}
    if seen.waited_s < signal.expected_interval_s:
        pending = codes.SIGNAL_RETAINED_PENDING if retained else codes.SIGNAL_PENDING
        return note(signal.device, pending(**data))
    missing = codes.SIGNAL_RETAINED_ONLY if retained else codes.SIGNAL_MISSING
    return finding(signal.device, missing(**data, stale_s=STALE_EVERY * signal.expected_interval_s))
