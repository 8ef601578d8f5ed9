"""Values that no relation confirms: they are read only after an operator compared them with the display."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from support.plant_clock import PlantClock, link_to

from agent.acquisition.pollers import pollers
from agent.acquisition.selfcheck_results import disabled_registers, stored_checks
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Answer, Question, Reply
from agent.commissioning.wizard.wizard import Dialogue, Wizard
from agent.config.loader import load_config
from agent.delivery.store import Store
from simulators.endpoints import Endpoints
from simulators.scenarios import bench

MODELS = ("abb/acs880", "eastron/sdm630")
# Of the 16 registers of the ACS880's map that are known from memory, those without a relation
WITHOUT_RELATION = {
    "energy_kwh", "power_on_days", "run_days", "drive_temperature_percent", "fault_code", "warning_code",
}  # fmt: skip


class Bench:
    """Two virtual devices on virtual time, and the commands of an operator."""

    def __init__(self, folder: Path) -> None:
        devices = bench.parse_devices(MODELS)
        self.plant = bench.DeviceBench(devices, Random(2))  # with a diode bridge, whose DC link voltage is confirmed
        text = bench.config_toml(
            self.plant.devices, Endpoints(modbus_tcp="127.0.0.1:502"), "mqtt://127.0.0.1", "state", "", 1.0
        )
        (folder / "plant.toml").write_text(text, encoding="utf-8")
        self.config, _ = load_config(folder / "plant.toml")
        assert self.config.state_dir is not None
        self.folder, self.clock = folder, PlantClock(self.plant)
        self.link_of = link_to([device.served for device in self.plant.devices], self.clock)
        self.store = Store(self.config.state_dir, self.clock)
        self.questions: list[Question] = []

    def commission(self, reply: Reply, *names: str) -> list[str]:
        """Commissions with this reply to the values without a relation; the open points."""

        def ask(question: Question) -> Answer:
            self.questions.append(question)
            return Answer(reply if question.statement.code == codes.REGISTERS_MATCH_DISPLAY else "yes")

        wizard = Wizard(self.config, self.store, self.folder / "records", "Li Wei", Dialogue(lambda line: None, ask),
                        self.clock, self.link_of)  # fmt: skip
        records = asyncio.run(wizard.run(list(names), 3))
        return [str(point.code) for record in records for point in record.open_points]

    def read(self) -> set[str]:
        """The quantities of the drive that a command reads."""
        (bus,) = pollers(self.config, self.clock, lambda reading: None, link_of=self.link_of)
        return {name for polled in bus.devices if polled.device.name == "acs880-1" for name in polled.device.names()}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_they_are_read_only_after_a_yes(scene: Bench) -> None:
    assert scene.commission("not_checked") == [codes.NOT_CHECKED]
    assert "motor_current" in scene.read()
    assert not WITHOUT_RELATION & scene.read()
    assert set(disabled_registers(scene.config)["acs880-1"].data["names"]) == WITHOUT_RELATION
    assert scene.commission("yes") == []
    assert scene.read() >= WITHOUT_RELATION
    assert disabled_registers(scene.config) == {}


def test_the_statement_has_the_values_that_were_read(scene: Bench) -> None:
    scene.commission("yes")
    (values,) = (item.statement.data["values"] for item in scene.questions if "values" in item.statement.data)
    assert {text.split()[0] for text in values} == WITHOUT_RELATION
    assert "power_on_days 625 d" in values


def test_a_later_no_disables_them_again_and_no_reply_keeps_them(scene: Bench) -> None:
    scene.commission("yes")
    assert scene.commission("not_checked") == [codes.NOT_CHECKED], "the new record does not repeat the old reply"
    assert scene.read() >= WITHOUT_RELATION
    assert scene.commission("no") == [codes.NOT_CONFIRMED]
    assert not WITHOUT_RELATION & scene.read()


def test_only_the_devices_of_the_selected_motor_are_commissioned(scene: Bench) -> None:
    scene.commission("yes", "sdm630-2")
    assert stored_checks(scene.config).keys() == {"sdm630-2"}
