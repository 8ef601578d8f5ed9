"""A cabinet whose commissioning runs in a browser: simulated devices on a clock that the test does not wait for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.basics import HandClock
from support.setup_browser import Browser, running

from agent.cli.init_surroundings import surroundings
from agent.commissioning.init.session import InitSession
from agent.commissioning.wizard.dialogue import Dialogue
from agent.commissioning.wizard.record import CommissioningRecord
from agent.commissioning.wizard.wizard import Wizard
from agent.config.model import Bus, Config
from agent.delivery.store import Store
from agent.web.setup.setup import Commission, Setup
from drivers.bus_settings import BusSettings
from drivers.profiles import load_profile
from simulators.bus.memory import MemoryLink
from simulators.devices.device import SimulatedDevice
from simulators.devices.reference_motor import MotorParameters, ReferenceMotor

HEAD = """
[site]
id = "x"
gateway = "gw"
timezone = "Asia/Shanghai"
[store]
state_dir = "state"
[bus.north]
tcp = "127.0.0.1:502"
poll_interval = "200ms"
"""
CABINET = (
    HEAD
    + """
[meter.mcc-1]
bus = "north"
unit_id = 1
profile = "schneider/pm5000"
measuring_point = "motor"
class = "0.5"
wiring = "3P4W"
ct = "150/5"
ct_class = "0.5"
[motor.pump-1]
kind = "induction"
kw = 55
rpm = 1480
poles = 4
volts = 400
amps = 98
fed_by = "mcc-1"
"""
)
READINGS = 3


def commission_on(clock: HandClock, link_of: Callable[[Bus], Any]) -> Commission:
    """Commissions simulated devices on their clock."""

    def commission(
        config: Config, folder: Path, by: str, dialogue: Dialogue
    ) -> Coroutine[Any, Any, list[CommissioningRecord]]:
        async def run() -> list[CommissioningRecord]:
            assert config.state_dir
            store = Store(config.state_dir, clock)
            try:
                return await Wizard(config, store, folder, by, dialogue, clock, link_of).run([], READINGS)
            finally:
                store.close()

        return run()

    return commission


def setup_of(folder: Path, plant: str, commission: Commission) -> Setup:
    """A setup that finds a configuration."""
    folder.mkdir(exist_ok=True)
    (folder / "plant.toml").write_text(plant, encoding="utf-8")
    return Setup(InitSession(folder / "plant.toml", surroundings()), commission=commission)


@contextmanager
def exchanged_transformers(folder: Path, language: str = "en") -> Iterator[tuple[ReferenceMotor, Browser]]:
    """A motor whose meter has the transformers of L1 and L2 exchanged (`crossed`), and the link to its setup."""
    clock = HandClock()
    machine = MotorParameters(55, 1480, 4, 400.0, True, 0.95, 0.86)
    motor = ReferenceMotor(machine, 0.8, 5, driven=False, crossed=(0, 1))
    values = {"ct_ratio": 30.0, "vt_ratio": 1.0}
    device = SimulatedDevice(
        1, load_profile("schneider/pm5000"), lambda: dict(motor.meter(clock.monotonic_ns() / 1e9)) | values
    )
    commission = commission_on(clock, lambda bus: MemoryLink([device], clock, 0.02, wire=BusSettings("north")))
    with running(setup_of(folder, CABINET, commission), language) as browser:
        yield motor, browser
