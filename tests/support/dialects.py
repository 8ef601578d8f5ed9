"""Common to the tests of several dialects: a configuration, its messages without a plant, store and publisher."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.clock import SystemClock
from agent.core.messages import Message
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store
from drivers.reading import Quality

SITE = '[site]\nid = "mill-2"\ngateway = "gw-07"\n'
BUS = '[bus.south]\ntcp = "127.0.0.1:1502"\n'
PLANT = """
[meter.mcc-1]
bus = "south"
unit_id = 1
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5S"
[drive.dp-1]
bus = "south"
unit_id = 2
profile = "yaskawa/ga800"
fed_by = "mcc-1"
comm_loss = "not used"
[motor.pump-1]
name = "1#除鳞泵"
kind = "pm"
kw = 132
rpm = 1500
poles = 4
volts = 380
fed_by = "dp-1"
"""
SECOND = """
[drive.dp-2]
bus = "south"
unit_id = 3
profile = "yaskawa/ga800"
comm_loss = "not used"
[motor.fan-2]
kind = "pm"
kw = 30
rpm = 1500
poles = 4
volts = 380
fed_by = "dp-2"
"""


def configured(folder: Path, url: str, tables: str = "", plant: str = PLANT + SECOND) -> Config:
    path = folder / "magwatt.toml"
    path.write_text(f'{SITE}{tables}\n[mqtt]\nurl = "{url}"\n{BUS}{plant}', encoding="utf-8")
    return load_config(path)[0]


class Bench:
    """A store and a publisher as in `run`, without devices; the test publishes."""

    def __init__(self, config: Config, directory: Path) -> None:
        self.config, self.clock = config, SystemClock()
        self.store = Store(directory, self.clock, config.store)
        self.assets = assets(config)
        self.publisher = Publisher(config, self.assets, self.store, self.clock)

    def row(
        self, asset: str | None = "pump-1", kind: str = "telemetry", flags: Mapping[str, Quality] | None = None,
        **values: Any,
    ) -> None:  # fmt: skip
        t_ms = self.clock.utc_ns() // 1_000_000
        self.publisher.publish(Message(asset, kind, t_ms, values, flags=flags or {}))

    def close(self) -> None:
        self.store.close()
