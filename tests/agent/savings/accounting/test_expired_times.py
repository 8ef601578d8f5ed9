"""A month in which a certificate has expired at any time, by local date, is provisional."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import date

import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.metered_retrofit import utc_ms

from agent.config.certificates import Certificate
from agent.config.loader import load_config
from agent.config.model import Config
from agent.config.topology import assets
from agent.delivery.store.read_only import open_read_only
from agent.savings import reasons as codes
from agent.savings.accounting.account import SavingsBasis
from agent.savings.accounting.assumptions import open_reasons
from agent.savings.accounting.expired_times import expired_times
from agent.savings.records.model import Saving
from agent.savings.records.repository import load_frozen
from agent.savings.report.model.month import collect
from drivers.reasons import Reason

Plant = tuple[Config, sqlite3.Connection]
ISSUED = date(2022, 1, 12)


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("gateway")
    metered_retrofit.retrofit(folder, days=4)
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    yield load_config(folder / "plant.toml")[0], db
    db.close()


def certificate(valid_until: str, device: str = "meter", number: str = "E1", issued: date = ISSUED) -> Certificate:
    return Certificate(device, number, "L", issued, date.fromisoformat(valid_until))


def october(plant: Plant, *stated: Certificate) -> Saving:
    """The month of the plant with these certificates, after its end."""
    config, db = plant
    [asset] = assets(config)
    assert asset.meter is not None
    with_certificates = replace(asset, meter=replace(asset.meter, certificates=stated))
    saving = collect(db, config, with_certificates, "2024-10", utc_ms("2024-11-03 00:00")).saving
    assert saving is not None
    return saving


def of_certificates(saving: Saving) -> list[Reason]:
    return [reason for reason in open_reasons(saving.assumptions) if reason.code == codes.CERTIFICATE_EXPIRED]


@pytest.mark.parametrize(
    ("valid_until", "count"), [("2024-09-30", 1), ("2024-10-15", 1), ("2024-10-30", 1), ("2024-10-31", 0)]
)
def test_the_days_of_the_month_are_local(plant: Plant, valid_until: str, count: int) -> None:
    """The plant is at UTC+8: the last day of the month ends at 16:00 UTC."""
    saving = october(plant, certificate(valid_until))
    expected = codes.CERTIFICATE_EXPIRED(device="meter", number="E1", until=valid_until)
    assert of_certificates(saving) == [expected] * count
    assert {item.status for item in saving.assumptions if item.kind == "certificate"} <= {"open"}


def test_an_expired_certificate_changes_no_figure(plant: Plant) -> None:
    valid, ended = october(plant, certificate("2030-01-01")), october(plant, certificate("2024-10-30"))
    assert (ended.saved_wh, ended.u95_wh) == (valid.saved_wh, valid.u95_wh)
    assert ended.verdict == "provisional"
    assert set(open_reasons(ended.assumptions)) - set(open_reasons(valid.assumptions)) == set(of_certificates(ended))
    assert of_certificates(ended)[0] in ended.caveats


def in_october(plant: Plant, *stated: Certificate) -> list[tuple[str, str]]:
    """Device and number of the certificates that have expired in October."""
    [asset] = assets(plant[0])
    assert asset.meter is not None
    times = expired_times(replace(asset.meter, certificates=stated), metered_retrofit.ZONE)
    month = utc_ms("2024-10-01 00:00"), utc_ms("2024-11-01 00:00")
    return [(time.device, time.number) for time in times if time.overlaps(*month)]


def test_a_new_certificate_covers_the_days_from_its_issue(plant: Plant) -> None:
    ended = certificate("2024-10-10")
    for issued, count in ((date(2024, 10, 11), 0), (date(2024, 10, 12), 1), (date(2024, 11, 5), 1)):
        renewed = certificate("2030-01-01", number="E2", issued=issued)
        assert len(in_october(plant, renewed, ended)) == count
    for last, count in (("2024-10-31", 0), ("2024-10-30", 1)):
        assert len(in_october(plant, certificate(last), certificate("2030-01-01", issued=date(2024, 11, 9)))) == count
    before = certificate("2024-08-01"), certificate("2030-01-01", number="E2", issued=date(2024, 10, 1))
    assert in_october(plant, *before) == []


def test_each_transformer_counts(plant: Plant) -> None:
    stated = certificate("2024-10-01"), certificate("2024-10-02", "ct", "E7"), certificate("2024-11-02", "vt", "E8")
    assert in_october(plant, *stated) == [("meter", "E1"), ("ct", "E7")]


def test_nothing_is_said_without_dates(plant: Plant) -> None:
    assert in_october(plant) == in_october(plant, Certificate("meter", "4711")) == []
    assert in_october(plant, certificate("2030-01-01", issued=date(2025, 1, 1))) == []


def test_the_live_saving_has_the_same_basis(plant: Plant) -> None:
    config, db = plant
    [asset] = assets(config)
    baseline = load_frozen(db, "fan")
    assert baseline is not None
    assert asset.meter is not None
    [time] = SavingsBasis.of(asset, config.site.timezone, baseline).expired
    assert (time.number, time.from_ms, time.to_ms) == ("4711", utc_ms("2032-01-12 00:00"), None)
    assert expired_times(None, "UTC") == ()
