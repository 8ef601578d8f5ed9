"""Builds a scenario from a TOML file."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from random import Random

from drivers.file_reasons import FILE_UNREADABLE
from drivers.reasons import InvalidValue, cause_of
from drivers.toml_file import TomlError, parse_toml, read_limited
from simulators.clock import START_UTC_NS
from simulators.reasons import SCENARIO_FILE_PROBLEM, SCENARIO_PROBLEM
from simulators.scenarios.agent_config import config_toml
from simulators.scenarios.checks import check
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.record_parser import scenario_record
from simulators.scenarios.records import ScenarioRecord
from simulators.scenarios.retrofit_timeline import RetrofitTimeline, first_month
from simulators.scenarios.scenario import Scenario


def scenario_from(path: Path) -> Scenario:
    """Return the scenario of a file. Raises InvalidValue with the file, the key and the problem."""
    try:
        data = read_limited(path)
        raw = parse_toml(data)
    except OSError as error:
        raise InvalidValue(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    except TomlError as error:
        cause = SCENARIO_PROBLEM(place=error.key, cause=error.located) if error.key else error.located
        raise InvalidValue(SCENARIO_FILE_PROBLEM, file=path.name, cause=cause) from None
    try:
        record = scenario_record(raw)
        check(record)
        # For nameplates and addresses, which do not depend on the random source
        built = ScenarioPlant(record, Random(0))
    except ValueError as error:
        raise InvalidValue(SCENARIO_FILE_PROBLEM, file=path.name, cause=cause_of(error)) from None
    return _scenario(record, built, hashlib.sha256(data).hexdigest()[:16])


def _scenario(record: ScenarioRecord, built: ScenarioPlant, digest: str) -> Scenario:
    life, retrofit_times = None, built.retrofit_times
    if record.life is not None and retrofit_times is not None:
        after = partial(config_toml, built)
        (unit,) = built.units
        life = RetrofitTimeline(retrofit_times, unit, record.site.timezone, first_month(record.life), after)
    return Scenario(
        name=record.name,
        about=record.about,
        step_s=record.step_s,
        build=lambda rng: ScenarioPlant(record, rng),
        config_toml=partial(config_toml, built, before=life is not None),
        drift_ppm=4.0,
        hours=record.hours,
        faults=built.fault_targets,
        provoke=ScenarioPlant.provoke,
        devices=tuple(
            (device.device.unit, f"{device.device.profile.id} {device.name} ({device.line})")
            for device in built.instruments.installed
        ),
        start_utc_ns=retrofit_times.start_utc_ns if retrofit_times else START_UTC_NS,
        life=life,
        digest=digest,
    )
