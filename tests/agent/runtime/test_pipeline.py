"""From readings to rows with a simulated clock: which rows are published, when, and with which flags."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.config_text import bus, drive, load, magnet, meter, motor, site
from support.pipeline import pipeline_of

from agent.core.messages import Message, overall_quality
from agent.core.state_reasons import DEVICE_UNAVAILABLE
from agent.runtime.assembly import polled_plant
from agent.runtime.pipeline import Outputs, Pipeline
from agent.runtime.stage import MotorReading, Stage, StageContext, TelemetryRow
from drivers.error_reasons import NO_RESPONSE
from drivers.reading import Quality, Reading, Value
from drivers.reasons import Reason

CONFIG = "".join((
    site(), bus(), meter("m1"), motor("p1", "m1", class_="IE1"),
    meter("m2", 2, "eastron/sdm630", "drive-input"), drive("d2", "m2", 3, kw=55, class_="IE2"),
    magnet("p2", "d2", class_="IE5", r1_ohm=0.025),
))  # fmt: skip


SILENT = NO_RESPONSE(unit_id=1, address=0, timeout_s=1.0)


class Scene:
    """The two motors of CONFIG, without buses."""

    def __init__(self, tmp_path: Path, clock: HandClock, text: str = CONFIG) -> None:
        config = load(tmp_path, text)
        self.clock, self.rows, self.states = clock, list[Message](), list[tuple[str, str, Sequence[Reason]]]()
        due = {
            name: dict.fromkeys(quantities, 1.0)
            for name, quantities in (
                ("m1", ["active_power", "power_factor", "current_l1"]),
                ("m2", ["active_power", "power_factor", "current_l1", "energy_import"]),
                ("d2", ["motor_current", "output_frequency", "motor_power", "motor_speed"]),
                ("d3", ["motor_current", "output_frequency", "motor_power", "motor_speed"]),
            )
            if name in config.meters or name in config.drives
        }
        self.explained = list[Mapping[str, Any]]()  # of p2
        outputs = Outputs(self.rows.append, lambda *state: self.states.append(state), self._on_retained)
        self.pipeline = pipeline_of(config, due, clock, outputs)

    def read(self, device: str, quality: Quality = Quality.GOOD, flags: Any = None, **values: Value) -> None:
        now = self.clock.utc_ns()
        error = SILENT if quality else None
        self.pipeline.on_reading(
            Reading(device, now, now, values, quality, flags or {}, error, self.clock.monotonic_ns())
        )

    def _on_retained(self, asset: str, kind: str, body: Mapping[str, Any]) -> None:
        if (asset, kind) == ("p2", "explain"):
            self.explained.append(body)

    def silent(self, device: str, *names: str) -> None:
        self.read(device, Quality.NO_REPLY, **dict.fromkeys(names))

    def of(self, asset: str) -> list[Message]:
        return [row for row in self.rows if row.asset == asset and row.kind == "telemetry"]


@pytest.fixture
def scene(tmp_path: Path, clock: HandClock) -> Scene:
    return Scene(tmp_path, clock)


def second(scene: Scene, power2_w: float = 40_000.0) -> None:
    scene.read("m1", active_power=45_000.0, power_factor=0.85, current_l1=80.0)
    scene.read("m2", active_power=power2_w, power_factor=0.93, current_l1=60.0)
    scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=38.5, motor_speed=1350)
    scene.clock.move(1.0)


def test_a_row_is_published_when_all_devices_of_the_motor_are_read(scene: Scene) -> None:
    scene.read("m1", active_power=45_000.0)
    assert len(scene.of("p1")) == 1
    scene.read("m2", active_power=40_000.0)
    assert scene.of("p2") == []
    scene.read("d2", motor_current=70.0, output_frequency=90.0)
    (row,) = scene.of("p2")
    assert row.values["active_power_w"] == 40_000.0
    assert row.values["motor_current_a"] == 70.0


def test_an_offline_meter_gives_null_and_does_not_delay_the_other_motor(scene: Scene) -> None:
    for _ in range(5):
        scene.silent("m1", "active_power")
        scene.read("m2", active_power=40_000.0)
        scene.read("d2", motor_current=70.0, output_frequency=90.0)
        scene.clock.move(0.5)
        scene.pipeline.tick()
        scene.clock.move(0.5)
    assert len(scene.of("p2")) == 5
    last = scene.of("p1")[-1]
    assert last.values["active_power_w"] is None
    assert last.flags["active_power_w"] == Quality.NO_REPLY
    assert ("p1", "offline", [DEVICE_UNAVAILABLE(device="m1", cause=SILENT)]) in scene.states


def test_waiting_for_a_device_without_readings_is_limited(scene: Scene) -> None:
    second(scene)
    before = len(scene.of("p2"))
    for _ in range(12):  # the drive's poll hangs: no reading, not even a failed one
        scene.read("m2", active_power=41_000.0)
        scene.clock.move(0.25)
        scene.pipeline.tick()
    assert len(scene.of("p2")) > before


def test_old_values_are_flagged_as_stale(scene: Scene) -> None:
    second(scene)
    for _ in range(8):
        scene.read("m2", active_power=41_000.0)
        scene.clock.move(1.0)
        scene.pipeline.tick()
    last = scene.of("p2")[-1]
    assert last.flags["motor_current_a"] & Quality.STALE
    assert "active_power_w" not in last.flags


def test_the_simulated_flag_applies_to_all_values_of_a_row(scene: Scene) -> None:
    scene.read("m1", Quality.SIMULATED, active_power=45_000.0)
    assert scene.of("p1")[0].quality == Quality.SIMULATED


def test_the_state_is_published_once_with_its_reasons(scene: Scene) -> None:
    for _ in range(3):
        second(scene)
    assert scene.states == [("p1", "online", []), ("p2", "online", [])]
    for failed in (1, 2):  # a single lost response does not change the state
        assert len(scene.states) == 2
        scene.silent("d2", "motor_current", "output_frequency")
        scene.read("m2", active_power=float(failed))
        scene.clock.move(2)
        scene.pipeline.tick()
    assert scene.states[2] == ("p2", "stale", [DEVICE_UNAVAILABLE(device="d2", cause=SILENT)])


def test_efficiencies_have_u_and_method_and_are_consistent(scene: Scene) -> None:
    for _ in range(12):
        second(scene)
    row = scene.of("p2")[-1]
    v, u = row.values, row.uncertainties
    for name in ("drive_efficiency_pct", "motor_efficiency_pct", "system_efficiency_pct", "shaft_power_w"):
        assert v[name] > 0
        assert u[name] > 0
        assert row.methods[name]
    assert v["system_efficiency_pct"] == pytest.approx(
        v["drive_efficiency_pct"] * v["motor_efficiency_pct"] / 100, abs=0.02
    )
    assert v["shaft_power_w"] == pytest.approx(40_000 * v["system_efficiency_pct"] / 100, rel=1e-3)
    assert v["shaft_power_w"] + v["motor_losses_w"] + v["drive_losses_w"] == pytest.approx(40_000, abs=2)
    assert v["shaft_torque_nm"] == pytest.approx(v["shaft_power_w"] / (1350 * 2 * math.pi / 60), rel=1e-3)
    one = scene.of("p1")[-1]
    assert one.methods["motor_efficiency_pct"] == "M1"
    assert 1.0 <= one.uncertainties["motor_efficiency_pct"] <= 3.0, "15 or 20 % of 5 to 10 % of losses, and the split"


def test_the_first_seconds_have_the_reason_warming_up(scene: Scene) -> None:
    second(scene)
    assert scene.of("p2")[-1].values["motor_efficiency_pct"] is None, "one poll is no energy"
    second(scene)
    second(scene)
    assert scene.of("p2")[-1].flags["motor_efficiency_pct"] == Quality.WARMING_UP


def test_the_first_efficiency_is_explained_with_its_row(scene: Scene) -> None:
    """Not at the next message, 30 s after the first one; after it twice a minute."""
    while not scene.of("p2") or scene.of("p2")[-1].values["motor_efficiency_pct"] is None:
        second(scene)
    assert len(scene.of("p2")) < 20
    assert ["efficiency_pct" in body for body in scene.explained] == [False, True]
    for _ in range(29):
        second(scene)
    assert len(scene.explained) == 2
    second(scene)
    assert len(scene.explained) == 3


def test_at_light_load_efficiency_is_withheld(scene: Scene) -> None:
    for _ in range(12):
        scene.read("m1", active_power=6_000.0, power_factor=0.2)
        scene.read("m2", active_power=3_000.0, power_factor=0.5)
        scene.read("d2", motor_current=15.0, output_frequency=20.0, motor_power=2.0)
        scene.clock.move(1.0)
    assert scene.of("p1")[-1].values["motor_efficiency_pct"] is None
    assert scene.of("p2")[-1].values["motor_efficiency_pct"] is None
    assert scene.of("p2")[-1].values["drive_losses_w"] is not None


def test_without_a_meter_the_drive_power_is_used_with_a_larger_u(tmp_path: Path, clock: HandClock) -> None:
    scene = Scene(tmp_path, clock, CONFIG.replace('fed_by = "m2"\n', ""))
    for _ in range(12):
        second(scene)
    row = scene.of("p2")[-1]
    assert row.values["motor_efficiency_pct"] > 90
    assert row.flags["motor_efficiency_pct"] & Quality.SUBSTITUTED


def test_on_a_fast_changing_load_energies_not_polls_are_compared(tmp_path: Path, clock: HandClock) -> None:
    """The load swings ±40 % with a period of 3.7 s; the meter is polled half a second after the drive.

    The true efficiency is constructed from the losses that the estimator assumes, so only the timing causes errors:
    values of two polls would be wrong by many points, energies over one interval by a fraction of one.
    """
    scene = Scene(tmp_path, clock)
    start_s = clock.monotonic_ns() / 1e9

    def power_w(t: float) -> float:
        return 40_000 * (1 + 0.4 * math.sin(2 * math.pi * t / 3.7))

    seen = []
    for _ in range(300):
        t = clock.monotonic_ns() / 1e9 - start_s
        scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=38.5, motor_speed=1350)
        clock.move(0.5)
        scene.read("m2", active_power=power_w(t + 0.5), power_factor=0.93, current_l1=60.0)
        clock.move(0.5)
        row = scene.of("p2")
        if t > 80 and row:
            seen.append(row[-1].values["drive_efficiency_pct"])
    losses_w = scene.of("p2")[-1].values["drive_losses_w"]
    mean_pct = 100 * (1 - losses_w / 40_000)
    assert max(abs(value - mean_pct) for value in seen) < 0.25


SHARED = CONFIG.replace('fed_by = "m1"', 'fed_by = "d3"').replace('kind = "induction"', 'kind = "pm"') + drive(
    "d3", "m2", 4
)


def test_a_shared_meter_is_divided_exactly_and_marked(tmp_path: Path, clock: HandClock) -> None:
    scene = Scene(tmp_path, clock, SHARED)
    energy = 1000.0
    for _ in range(20):
        scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=30.0, motor_speed=1350)
        scene.read("d3", motor_current=40.0, output_frequency=90.0, motor_power=10.0, motor_speed=1350)
        scene.read("m2", active_power=42_000.0, power_factor=0.93, energy_import=energy)
        energy += 0.5
        clock.move(1.0)
    p1, p2, whole = scene.of("p1")[-1], scene.of("p2")[-1], scene.of("m2")[-1]
    assert whole.values["active_power_w"] == 42_000
    assert p2.values["active_power_w"] == 31_500
    assert p1.values["active_power_w"] == 10_500
    assert p1.flags["active_power_w"] == Quality.ALLOCATED
    total = p1.values["energy_allocated_kwh"] + p2.values["energy_allocated_kwh"]
    assert total == pytest.approx(19 * 0.5, abs=0.6), "one poll's growth may still be on its way"
    assert p2.values["energy_allocated_kwh"] == pytest.approx(3 * p1.values["energy_allocated_kwh"], rel=0.01)
    assert "current_l1_a" not in p2.values, "the meter's current is not this motor's"


def test_a_share_is_unknown_while_a_required_drive_is_offline(tmp_path: Path, clock: HandClock) -> None:
    scene = Scene(tmp_path, clock, SHARED)
    scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=30.0)
    scene.silent("d3", "motor_power", "motor_current", "output_frequency")
    scene.read("m2", active_power=42_000.0, energy_import=1.0)
    assert scene.of("p2")[-1].values["active_power_w"] is None


def test_estimates_end_with_their_inputs(scene: Scene) -> None:
    for _ in range(15):
        second(scene)
    for _ in range(8):
        scene.silent("m1", "active_power", "power_factor", "current_l1")
        scene.silent("m2", "active_power", "power_factor", "current_l1")
        scene.silent("d2", "motor_current", "output_frequency", "motor_power", "motor_speed")
        scene.clock.move(1.0)
        scene.pipeline.tick()
    for asset in ("p1", "p2"):
        last = scene.of(asset)[-1]
        assert last.values["motor_efficiency_pct"] is None
        assert last.values["shaft_power_w"] is None
        assert overall_quality(last.values, last.flags, last.quality) == "bad"


@pytest.mark.parametrize(("silent", "asset"), [("m1", "p1"), ("m2", "p2"), ("d2", "p2")])
def test_no_estimate_is_good_while_a_required_device_is_offline(scene: Scene, silent: str, asset: str) -> None:
    """From the first missed poll on, not only when the last values are too old to be used."""
    for _ in range(15):
        second(scene)
    assert "motor_efficiency_pct" not in scene.of(asset)[-1].flags
    scene.silent(silent)
    scene.clock.move(1.0)
    scene.pipeline.tick()
    row = scene.of(asset)[-1]
    assert row.values["motor_efficiency_pct"] is not None
    estimates = ("motor_efficiency_pct", "shaft_power_w", "motor_losses_w")
    assert all(row.flags[name] & Quality.STALE for name in estimates)
    for _ in range(2):
        second(scene)
        scene.pipeline.tick()
    assert not scene.of(asset)[-1].flags.get("motor_efficiency_pct", Quality.GOOD) & Quality.STALE


def test_with_an_offline_meter_the_drive_power_is_used_immediately(scene: Scene) -> None:
    for _ in range(15):
        second(scene)
    for _ in range(8):
        scene.silent("m2", "active_power", "power_factor", "current_l1")
        scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=38.5, motor_speed=1350)
        scene.clock.move(1.0)
        scene.pipeline.tick()
    last = scene.of("p2")[-1]
    assert last.values["active_power_w"] is None
    assert last.values["motor_efficiency_pct"] is not None
    assert last.flags["motor_efficiency_pct"] & Quality.SUBSTITUTED


def test_an_estimate_has_the_flags_of_its_inputs(scene: Scene) -> None:
    for _ in range(12):
        scene.read("m1", flags={"active_power": Quality.UNVERIFIED}, active_power=45_000.0, power_factor=0.85)
        scene.clock.move(1.0)
    assert scene.of("p1")[-1].flags["motor_efficiency_pct"] & Quality.UNVERIFIED
    for _ in range(70):
        scene.read("m1", flags={"active_power": Quality.OUT_OF_RANGE}, active_power=45_000.0, power_factor=0.85)
        scene.clock.move(1.0)
    assert scene.of("p1")[-1].values["motor_efficiency_pct"] is None, "a bad input is none"


def test_a_clock_that_steps_back_does_not_freeze_the_figures(scene: Scene) -> None:
    for _ in range(15):
        second(scene)
    scene.clock.step(-3600)
    for _ in range(15):
        scene.read("m1", active_power=25_000.0, power_factor=0.7, current_l1=50.0)
        scene.clock.move(1.0)
    assert scene.of("p1")[-1].values["shaft_power_w"] < 25_000


def test_the_power_of_a_shared_drive_is_divided_between_its_motors(tmp_path: Path, clock: HandClock) -> None:
    text = CONFIG.replace('fed_by = "m1"', 'fed_by = "d2"').replace('kind = "induction"', 'kind = "pm"')
    scene = Scene(tmp_path, clock, text)
    scene.read("m2", active_power=40_000.0)
    scene.read("d2", motor_current=120.0, output_frequency=90.0, motor_power=58.0, motor_speed=1350)
    one, two = scene.of("p1")[-1], scene.of("p2")[-1]
    assert one.values["motor_power_kw"] + two.values["motor_power_kw"] == pytest.approx(58)
    assert one.flags["motor_power_kw"] & Quality.ALLOCATED
    assert one.values["output_frequency_hz"] == 90


def test_a_row_without_new_values_has_a_distinct_time(scene: Scene) -> None:
    second(scene)
    for _ in range(20):
        scene.clock.move(0.5)
        scene.pipeline.tick()
    times = [row.t_ms for row in scene.of("p1")]
    assert len(set(times)) == len(times)


class Counted(Stage):
    """A stage that counts: it shows that a stage needs no other one, and no change of the pipeline."""

    def __init__(self) -> None:
        self.readings = self.closed = 0

    def on_reading(self, item: MotorReading) -> None:
        self.readings += 1

    def on_row(self, row: TelemetryRow) -> None:
        row.put({"motor_load_pct": 12.3456})
        row.counters["counted"] = self.readings
        row.add_event("counted", [])

    def close(self) -> None:
        self.closed += 1


def test_a_further_stage_receives_readings_and_completes_rows(tmp_path: Path, clock: HandClock) -> None:
    config, rows, stages = load(tmp_path, CONFIG), list[Message](), dict[str, Counted]()

    def counted(context: StageContext) -> Stage:
        return stages.setdefault(context.asset.name, Counted())

    pipeline = Pipeline(clock, Outputs(rows.append), [counted])
    due_s = {name: {"active_power": 1.0} for name in ("m1", "m2")} | {"d2": {"motor_current": 1.0}}
    pipeline.reconfigure(polled_plant(config, due_s))
    now_ns, monotonic_ns = clock.utc_ns(), clock.monotonic_ns()
    pipeline.on_reading(Reading("m1", now_ns, now_ns, {"active_power": 45_000.0}, monotonic_ns=monotonic_ns))
    row, happened = rows
    assert row.values == {"active_power_w": 45_000.0, "motor_load_pct": 12.3}
    assert (row.asset, row.counters) == ("p1", {"counted": 1})
    assert (happened.kind, happened.values["event_kind"], happened.t_ms) == ("event", "counted", row.t_ms)
    assert (stages["p1"].readings, stages["p2"].readings) == (1, 0)
    pipeline.reconfigure(polled_plant(load(tmp_path, CONFIG.replace('class = "IE1"', 'class = "IE2"')), due_s))
    assert (stages["p1"].closed, stages["p2"].closed) == (1, 0), "only the motor that changed starts again"


class Failing(Stage):
    """A stage with an internal error in each reading of its motor."""

    def on_reading(self, item: MotorReading) -> None:
        raise ZeroDivisionError


def test_an_internal_error_of_one_motor_does_not_stop_the_others_of_its_meter(tmp_path: Path, clock: HandClock) -> None:
    config, rows = load(tmp_path, SHARED), list[Message]()
    pipeline = Pipeline(
        clock, Outputs(rows.append), [lambda context: Failing() if context.asset.name == "p1" else None]
    )
    due_s = {name: {"active_power": 1.0} for name in ("m2", "d2", "d3")}
    pipeline.reconfigure(polled_plant(config, due_s))
    for device in ("d2", "d3", "m2"):
        now_ns = clock.utc_ns()
        with contextlib.suppress(ExceptionGroup):  # logged and counted by the pipeline thread
            pipeline.on_reading(Reading(device, now_ns, now_ns, {}, monotonic_ns=clock.monotonic_ns()))
    now_ns = clock.utc_ns()
    with pytest.raises(ExceptionGroup) as errors:
        pipeline.on_reading(
            Reading("m2", now_ns, now_ns, {"active_power": 42_000.0}, monotonic_ns=clock.monotonic_ns())
        )
    assert [type(error) for error in errors.value.exceptions] == [ZeroDivisionError]
    clock.move(2.0)
    pipeline.tick()
    assert {row.asset for row in rows} >= {"m2", "p2"}


def test_allocated_energy_is_committed_with_the_row_that_shows_it(tmp_path: Path, clock: HandClock) -> None:
    """After a kill the store has the energy of the last committed row, neither more nor less."""
    scene = Scene(tmp_path, clock, SHARED)
    for second in range(3):
        scene.read("d2", motor_current=70.0, output_frequency=90.0, motor_power=30.0)
        scene.read("d3", motor_current=40.0, output_frequency=90.0, motor_power=10.0)
        scene.read("m2", active_power=42_000.0, energy_import=100.0 + 0.5 * second)
        clock.move(1.0)
    pairs = [(row.values["energy_allocated_kwh"], row.counters.get("energy_allocated/p1")) for row in scene.of("p1")]
    assert pairs[0] == (0.0, None)
    assert pairs[-1][0] > 0
    assert {kwh: wh for kwh, wh in pairs if wh is not None} == {kwh: round(1000 * kwh) for kwh, _ in pairs if kwh}
