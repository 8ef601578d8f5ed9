"""A process that writes to a state file like a busy agent, until it is killed: argument DIRECTORY.

It prints "ready" after the first commits, and an error of the store, if there is one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.config.model import StoreSettings
from agent.core.clock import SystemClock
from agent.core.messages import Message
from agent.delivery.store import Store, StoreError
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History

BEGIN_MS = 1_790_000_040_000  # a full minute
DAY_S = 86400.0


def main(directory: str) -> None:
    store = Store(Path(directory), SystemClock(), StoreSettings(commit_interval_s=0.01, defer_s=0.01))
    print("run", store.run_id, flush=True)
    history, events = History(store, (DAY_S, 1e9, 1e9)), EventHistory(store)
    number = 0
    while True:
        for _ in range(60):
            t_ms = BEGIN_MS + 5000 * number
            history.on_published(Message("m", "telemetry", t_ms, {"active_power_w": float(number)}))
            number += 1
        values = {"event_kind": "dip", "event_start_ms": t_ms, "event_duration_s": 0.1, "snapshot_u_l1_v": [1.0] * 512}
        events.on_published(Message("m", "event", t_ms, values))
        try:
            store.flush()
        except StoreError as error:
            print("error", error, flush=True)
        if number == 600:
            print("ready", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
