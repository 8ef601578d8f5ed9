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
    probe = TopicProbe(config)
    try:
        return [item for topic in await probe.wait(LISTEN_S) for item in signal_findings(topic)]
    finally:
        await probe.stop()


def signal_findings(topic: ProbedTopic) -> Iterator[DoctorFinding]:
    """The finding on one signal, with the action to take."""
    signal, where = topic.signal, topic.signal.device
    silent = topic.reading is None or Quality.NO_REPLY in topic.reading.quality
    if topic.problem and not silent:
        yield finding(where, topic.problem)
    elif topic.broker:
        yield finding(where, codes.SIGNAL_UNREACHABLE(topic=signal.topic, cause=topic.broker))
    elif topic.live:
        assert topic.reading is not None
        yield fine(where, codes.SIGNAL_LIVE(topic=signal.topic, value=topic.reading.values[signal.metric]))
    elif topic.reading is not None and silent:
        yield finding(where, codes.SIGNAL_STALE(cause=topic.reading.error))
    else:
        yield _without_value(topic, retained=topic.reading is not None)


def _without_value(topic: ProbedTopic, retained: bool) -> DoctorFinding:
    """The finding on a signal without a live value. retained: a retained message was received."""
    signal = topic.signal
    data = {"topic": signal.topic, "waited_s": topic.waited_s, "interval_s": signal.expected_interval_s}
    if topic.waited_s < signal.expected_interval_s:
        return note(signal.device, (codes.SIGNAL_RETAINED_PENDING if retained else codes.SIGNAL_PENDING)(**data))
    missing = codes.SIGNAL_RETAINED_ONLY if retained else codes.SIGNAL_MISSING
    return finding(signal.device, missing(**data, stale_s=STALE_EVERY * signal.expected_interval_s))
