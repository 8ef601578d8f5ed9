"""A retrofit with the commands of the product: the report agrees with the true values of the plant."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from support.basics import interruptible, wait_until
from support.contract_parties import settle
from support.independent_bundle import verified
from support.plant import scenario_problem
from support.retrofit_commands import QUARTER_MS, Lived, live, magwatt, shortened

from agent import VERSION
from agent.core.text import _, text_of
from agent.delivery.store.read_only import open_read_only
from agent.savings.records import repository
from agent.simulation import reasons as codes
from agent.simulation.accelerated import run_accelerated
from agent.simulation.run_state import load_run
from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN
from drivers.reasons import InvalidValue, Reason
from drivers.toml_reasons import TOML_LINE
from simulators import reasons
from simulators.scenarios import Scenario, load
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.scenario import PlannedFault
from simulators.truth import Row

CLASS = 0.005  # of meter and transformers together; their simulated errors are well within it
BEFORE_RETROFIT = "{time} ({timezone}): the old motor is running. To continue:"
AT_RETROFIT = "{time} ({timezone}): the old motor has been stopped. Next:"
NO_BASELINE = (
    "{motor}: no frozen baseline, so no savings are computed; run `magwatt baseline learn {motor}` and "
    "`magwatt baseline freeze {motor}`"
)


def hold(lived: Lived, asset: str) -> None:
    """Compares the report with the true values and with the ledger."""
    motor, saving = lived.motor, lived.motor["saving"]
    assert saving["verdict"] == "provisional"
    assert len(lived.claimed_ms) == saving["intervals"]
    old_kwh = lived.true_kwh("adjusted_baseline_energy_kwh", lived.claimed_ms)
    new_kwh = lived.true_kwh("energy_taken_kwh", lived.claimed_ms)
    print(f"{asset}: saved {saving['saved_wh'] / 1000:.1f} ± {saving['u95_wh'] / 1000:.1f} kWh, "
          f"true {old_kwh - new_kwh:.1f} of {old_kwh:.1f}")  # fmt: skip
    assert abs(saving["saved_wh"] / 1000 - (old_kwh - new_kwh)) <= saving["u95_wh"] / 1000
    assert saving["measured_wh"] / 1000 == pytest.approx(new_kwh, rel=CLASS)
    ledger = motor["ledger"]
    assert (ledger["ok"], ledger["differing"], ledger["unrecorded"]) == (True, 0, 0)
    assert ledger["recorded_wh"] == ledger["reported_wh"] > 0
    assert motor["money"] is not None
    assert motor["avoided_grid_emissions_kg"] > 0
    nothing_is_missing(lived, asset)


def nothing_is_missing(lived: Lived, asset: str) -> None:
    """No interval is missing, also during the retrofit, and their sum is the energy of the plant."""
    db = open_read_only(lived.config.parent / "state" / "magwatt.sqlite")
    items = repository.load_intervals(db, asset, 0, 1 << 60)
    times = [item.start_ms for item in items]
    assert times == list(range(min(lived.truth), times[-1] + 1, QUARTER_MS))
    whole = [item for item in items if item.end_ms in lived.truth]
    assert all(item.energy_wh is not None for item in whole)
    kept_kwh = sum((item.energy_wh or 0.0) for item in whole) / 1000
    assert kept_kwh == pytest.approx(lived.true_kwh("energy_taken_kwh", [item.start_ms for item in whole]), rel=CLASS)


def test_the_report_of_a_short_life_agrees_with_the_true_values(tmp_path: Path) -> None:
    lived = live(shortened("pump-life", tmp_path, start="2026-09-26"), "pump", tmp_path, "2026-10")
    hold(lived, "pump")
    before, learned, _frozen, after, _report, _verified = lived.outputs
    assert _(AT_RETROFIT, time="2026-09-30 00:00", timezone="Asia/Shanghai") in before.splitlines()
    assert before.rstrip().splitlines()[-1].startswith("  magwatt simulate ")
    assert "signal_flow_m3_h" in learned
    assert f"magwatt report --month 2026-10 --config {lived.config}" in after
    assert _(NO_BASELINE, motor="pump") not in after
    displayed = json.loads(magwatt("baseline", "show", "pump", "--config", lived.config, "--json"))["baseline"]
    assert displayed["frozen_ms"] == min(lived.truth) + 4 * 86_400_000, "in the time of the plant, not of this host"
    settled_by_both(lived, tmp_path)
    again = magwatt(
        "simulate", tmp_path / "pump-life.toml", "--time-factor", "10000", "--state-dir", tmp_path / "life", code=2
    )
    assert again == f"{text_of(codes.SCENARIO_ENDED(scenario='pump-life', date='2026-10-03 02:00'))}\n"


def settled_by_both(lived: Lived, folder: Path) -> None:
    """The plan reads the meter on the third, when the simulation has ended; the report has two hours more."""
    bundle = settle(folder, lived.config, "2026-10", reading_day=3, first="2026-09-01")
    assert verified(bundle).state == "settled"
    motor = bundle["months"][0]["document"]["motor"]["pump"]
    begins_ms = [start_ms for start_ms in lived.claimed_ms if start_ms < bundle["to_ms"]]
    true_kwh = [lived.true_kwh(name, begins_ms) for name in ("adjusted_baseline_energy_kwh", "energy_taken_kwh")]
    measured, compared, adjusted = (sum(column) / 1000 for column in zip(*motor["energies"].values(), strict=True))
    assert compared == pytest.approx(true_kwh[1], rel=CLASS)
    assert measured > compared
    assert abs(adjusted - compared - (true_kwh[0] - true_kwh[1])) <= motor["u95_wh"] / 1000


@pytest.mark.soak
@pytest.mark.parametrize(
    ("scenario", "asset", "share"), [("pump-life", "pump", (0.08, 0.15)), ("fan-life", "fan", (0.4, 0.5))]
)
def test_the_report_of_a_complete_life_agrees_with_the_true_values(
    scenario: str, asset: str, share: tuple[float, float], tmp_path: Path
) -> None:
    lived = live(scenario, asset, tmp_path, "2026-10")
    hold(lived, asset)
    saving, motor = lived.motor["saving"], lived.motor
    assert share[0] < saving["share"] < share[1]
    assert len(lived.claimed_ms) > 0.97 * 31 * 96
    begin, end = motor["from_ms"], motor["to_ms"]
    old, new = (
        float(lived.truth[end][name]) - float(lived.truth[begin][name])
        for name in ("adjusted_baseline_energy_kwh", "energy_taken_kwh")
    )
    assert abs(saving["saved_wh"] / 1000 - (old - new)) <= saving["u95_wh"] / 1000, "with excluded energy"
    assert motor["notes"] == []
    (true,) = (line for line in lived.outputs[3].splitlines() if "2026-10" in line and "%" in line)
    printed = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", true.replace("2026-10", ""))]
    assert printed == pytest.approx([old, new, old - new, 100 * (1 - new / old)], abs=0.51)


def kept(scenario: Scenario, plants: list[ScenarioPlant]) -> Scenario:
    """The same scenario; each plant that it builds is added to the list."""

    def build(rng: Random) -> ScenarioPlant:
        plant = scenario.build(rng)
        assert isinstance(plant, ScenarioPlant)
        plants.append(plant)
        return plant

    return replace(scenario, build=build)


def test_a_run_in_parts_gives_the_same_plant(tmp_path: Path) -> None:
    """Through the retrofit and the first hours of the new motor: true values and registers are identical."""
    file = shortened("pump-life", tmp_path, start="2026-09-29 22:00:00", stands_h="2")
    scenario, plants = load(str(file)), list[ScenarioPlant]()
    one, parts = list[tuple[int, dict[str, Row]]](), list[tuple[int, dict[str, Row]]]()
    whole_s, cuts = 5 * 3600.0, [0.0, 1234.5, 7200.0, 5 * 3600.0]
    run_accelerated(kept(scenario, plants), whole_s, lambda *_: None, seed=7, on_truth=lambda *row: one.append(row))
    for from_s, to_s in pairwise(cuts):
        run_accelerated(
            kept(scenario, plants), to_s - from_s, lambda *_: None, seed=7, from_s=from_s,
            on_truth=lambda *row: parts.append(row),
        )  # fmt: skip
    assert parts == one
    first, *_, last = plants
    displayed = [[device.state.values for device in plant.instruments.installed] for plant in (first, last)]
    assert displayed[0] == displayed[1]
    assert displayed[0][0]["energy_import"] > 0
    assert one[-1][1]["pump"]["motor_speed_rpm"] != one[0][1]["pump"]["motor_speed_rpm"]


def test_a_run_is_resumed_and_ends_at_the_retrofit(tmp_path: Path) -> None:
    file, state = shortened("fan-life", tmp_path, start="2026-09-29 22:00:00"), tmp_path / "life"
    run = ("simulate", file, "--time-factor", "10000", "--state-dir", state)
    output = magwatt(*run, "--seconds", "3000").splitlines()
    command = f"  magwatt simulate {file} --time-factor 10000 --state-dir {state}"
    expected = _(BEFORE_RETROFIT, time="2026-09-29 22:50", timezone="Asia/Shanghai")
    assert output[-2:] == [expected, command]
    output = magwatt(*run, "--seconds", "86400").splitlines()
    assert re.findall(r"\d+", output[0])[0] == "4200", "seconds up to the retrofit"
    assert _(AT_RETROFIT, time="2026-09-30 00:00", timezone="Asia/Shanghai") in output
    config = state / "plant.toml"
    assert 'kind = "induction"' in config.read_text(encoding="utf-8")
    output = magwatt(*run, "--seconds", "1800").splitlines()
    assert output[0] == _(NO_BASELINE, motor="fan")
    text = config.read_text(encoding="utf-8")
    assert 'replaced_motor = { kind = "induction", class = "IE1", kw = 55' in text
    assert "[drive.vfd-fan]" in text
    assert json.loads(magwatt("ledger", "verify", "--config", config, "--json"))["ok"]


def test_a_run_that_cannot_be_resumed_has_a_code(tmp_path: Path) -> None:
    file, state = shortened("pump-life", tmp_path), tmp_path / "life"
    run = ("simulate", file, "--time-factor", "10000", "--state-dir", state, "--seconds", "300")
    magwatt(*run)
    other = shortened("fan-life", tmp_path)
    output = magwatt(*run, "--seed", "2", code=2)
    assert output.count("\n") == 1
    assert str(state) in output
    life, folder = load(str(file)), str(state)

    def rejected(scenario: Scenario = life, seed: int = 1, fault: PlannedFault | None = None) -> Reason:
        with pytest.raises(InvalidValue) as error:
            load_run(state, scenario, seed, fault)
        return error.value.reason

    assert rejected(load(str(other))) == codes.OTHER_SCENARIO(folder=folder, earlier="pump-life", now="fan-life")
    assert rejected(seed=2) == codes.OTHER_SEED(folder=folder, earlier=1, now=2)
    assert rejected(fault=PlannedFault("dip", 30.0)) == codes.OTHER_FAULT(folder=folder, earlier="–", now="dip@30")
    changed = replace(life, digest="0")
    assert rejected(changed) == codes.SCENARIO_CHANGED(folder=folder, scenario="pump-life")
    record = state / "simulated.json"
    old = record.read_text(encoding="utf-8")
    record.write_text(re.sub(r'"software": ?"[^"]+"', '"software": "0.0.1"', old), encoding="utf-8")
    assert rejected() == codes.OTHER_VERSION(folder=folder, earlier="0.0.1", now=VERSION)
    assert old.count("300.0") == 1
    record.write_text(old.replace("300.0", "null"), encoding="utf-8")
    assert rejected() == codes.RUN_NOT_FINISHED(folder=folder)
    for content in ("[]", "", '{"scenario": 1}', re.sub('"seed": ?1', '"seed":"x"', old)):
        record.write_text(content, encoding="utf-8")
        assert rejected().code == codes.RUN_RECORD_CORRUPT, content
    record.unlink()
    assert rejected() == codes.RUN_FOLDER_NOT_EMPTY(folder=folder)


def test_a_changed_scenario_file_changes_the_digest(tmp_path: Path) -> None:
    file = shortened("pump-life", tmp_path)
    before = load(str(file)).digest
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("hidden = 0.01", "hidden = 0.02"), encoding="utf-8")
    assert load(str(file)).digest != before


def test_ctrl_c_saves_how_far_the_run_was(tmp_path: Path) -> None:
    """With the complete scenario, which does not end before the signal."""
    state = tmp_path / "life"
    kept = state / "state" / "magwatt.sqlite"
    words = ["simulate", "pump-life", "--time-factor", "10000", "--state-dir", str(state)]

    def recorded() -> bool:
        if not kept.with_name(f"{kept.name}-wal").exists():
            return False  # before that, a reader delays the process that creates the file
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{kept}?mode=ro", uri=True)) as db:
            return bool(db.execute("select 1 from interval limit 1").fetchone())
        return False

    process = subprocess.Popen(interruptible(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: recorded() or process.poll() is not None, 60, "the first interval")
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=180)
    finally:
        process.kill()
    assert (state / "simulated.json").exists(), output
    reached = json.loads((state / "simulated.json").read_text(encoding="utf-8"))["seconds"]
    assert 0 < reached < 15 * 86_400
    text = magwatt(*words, "--seconds", "600")
    assert re.findall(r"\d+", text.splitlines()[0])[0] == "600", "seconds"
    verified = json.loads(magwatt("ledger", "verify", "--json", "--config", state / "plant.toml", code=(0, 1)))
    assert verified["first_bad"] is None


@pytest.mark.parametrize(
    ("old", "new", "place", "cause"),
    [
        ("start = 2026-09-28", "start = 2026-09-31x", "life.start", TOML_LINE),
        ("start = 2026-09-28", 'start = "2026-09-28"', "life.start", reasons.SCENARIO_DATE(value="'2026-09-28'")),
        ("start = 2026-09-28", "start = 2026-10-28", "life.retrofit", reasons.RETROFIT_BEFORE_START()),
        ("stands_h = 18", "stands_h = 25", "life.reporting", reasons.REPORTING_BEFORE_MOTOR()),
        ("reporting = 2026-10-01", "reporting = 2026-10-01 06:00:00", "life.reporting",
         reasons.DAY_EXPECTED(value="2026-10-01 06:00:00")),
        ("end = 2026-10-03 02:00:00", "end = 2026-10-01", "life.end", reasons.END_BEFORE_REPORTING()),
        ("production = 0.9", "production = 9", "life.production",
         reasons.PRODUCTION_SHARE(low=0.1, high=1.2, value=9.0)),
        ("retrofit = ", "retro = ", "life.retro", DID_YOU_MEAN(problem=KEY_UNKNOWN(), near="retrofit")),
        ('replaces = "160kw-ie1"\n', "", "train.pump.replaces", reasons.LIFE_REPLACED_MOTOR()),
        ('kind = "driven"', 'kind = "driven"\ncount = 2', "life", reasons.LIFE_TRAIN()),
        ("wander_s = 9000", "wander_s = 0", "train.pump.load", reasons.LOAD_VARIATION()),
        ('of = "pump"', 'of = "pomp"', "signal.flow.of", reasons.FLOW_TRAIN_EXPECTED(trains=("pump",))),
        ("unit = 9", "unit = 2", "flow", reasons.UNIT_ID_IN_USE(unit_id=2, line="pump-house", other="vfd-pump")),
        ("full = 850", "full = 0", "signal.flow", reasons.TRANSMITTER_VALUES()),
        ("Asia/Shanghai", "Asia/Shanghia", "site.timezone", reasons.SITE_TIME_ZONE(value="Asia/Shanghia")),
    ],
)  # fmt: skip
def test_an_error_in_a_life_is_one_line(old: str, new: str, place: str, cause: Reason, tmp_path: Path) -> None:
    """cause: the reason, or its code."""
    path = shortened("pump-life", tmp_path)
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidValue) as caught:
        load(str(path))
    reason = caught.value.reason
    assert (reason.code, reason.data["file"]) == (reasons.SCENARIO_FILE_PROBLEM, path.name)
    found = scenario_problem(reason.data["cause"])
    assert found[0] == place
    assert cause in (found[1], getattr(found[1], "code", None))
    output = magwatt("simulate", path, "--time-factor", "10000", "--seconds", "300", code=2)
    assert output == f"{text_of(reason)}\n"
    assert output.count("\n") == 1
