"""Signals from topics: does anything come, can it be read, is it of now."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config import Config
from agent.core.text import text_of
from agent.doctor.finding import Finding, finding, fine, note
from agent.topics.held import STALE_EVERY
from agent.topics.look import Look, Seen
from drivers.reading import Quality

LISTEN_S = 15.0


async def topics(config: Config) -> list[Finding]:
    """Listens for as long as one is to come, LISTEN_S at most."""
    look = Look(config)
    try:
        return [item for seen in await look.wait(LISTEN_S) for item in judge(seen)]
    finally:
        await look.stop()


def judge(seen: Seen) -> Iterator[Finding]:
    """The finding of one signal, with what to do."""
    signal, where = seen.signal, seen.signal.device
    silent = seen.reading is None or Quality.NO_REPLY in seen.reading.quality
    if seen.trouble and not silent:
        yield finding(where, text_of(seen.trouble))
    elif seen.broker:
        yield finding(where, f"nothing can come on {signal.topic}: {text_of(seen.broker)}")
    elif seen.live:
        assert seen.reading is not None
        yield fine(where, f"{signal.topic}: {seen.reading.values[signal.metric]}")
    elif seen.reading is not None and silent:
        yield finding(where, f"{seen.reading.error}: look at what publishes it, and at its clock")
    else:
        said = f"nothing came on {signal.topic}" if seen.reading is None else f"only a retained value on {signal.topic}"
        text = f"{said} in {seen.waited_s:g} s; one is to come every {signal.expected_interval_s:g} s"
        if seen.waited_s < signal.expected_interval_s:
            yield note(where, f"{text}: `magwatt read` waits for it longer")
        else:
            yield finding(where, f"{text}: is the topic written as its publisher writes it, and does that one run? "
                          f"After {STALE_EVERY * signal.expected_interval_s:g} s the value is missing")  # fmt: skip
