"""The sum, the ranking and what needs attention. Motors are made by hand; sums follow from their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.lake import interval, ledger, ndjson
from support.retrofit_lake import NOW_MS, retrofit, to_lake

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place, export_ledger
from agent.delivery.files.lake.rows import convert
from agent.fleet.report.attention import ALARM, DATA, GATEWAYS, RESULTS
from agent.fleet.report.motors import MotorSaving
from agent.fleet.report.report import FleetReport, collect, ranked, total_of
from agent.savings.reasons import NO_DATA, NO_DRIVER
from agent.savings.records.model import Assumption, Saving
from tests.agent.fleet.report.test_error_sum import motor as errors_of

OPEN = Assumption("driver", "open", NO_DRIVER(cv=0.2))


def motor(
    name: str, saved_wh: float | None, verdict: str = "proven", u_wh: float = 100.0, **saving: Any
) -> MotorSaving:
    found = MotorSaving(
        "mill", "gw-1", "1", name, name, 0, 86_400_000, note=None if saved_wh is not None else NO_DATA()
    )
    if saved_wh is None:
        return found
    errors = errors_of(model=u_wh / 1.959964)
    value = Saving(name, 0, 86_400_000, 96, 10_000.0, 10_000.0 - saved_wh, saved_wh, u_wh, verdict, **saving)
    return replace(found, saving=value, errors=errors)


def test_the_sum_has_the_motors_with_a_verdict() -> None:
    found = total_of([motor("a", 3000), motor("b", -500, "negative"), motor("c", 9000, "undecided"), motor("d", None)])
    assert (found.motors, found.undecided, found.without) == (2, 1, 1)
    assert (found.saved_wh, found.adjusted_wh, found.measured_wh) == (2500, 20_000, 17_500)
    assert found.uncertainty.u95_wh == pytest.approx(141.42, rel=1e-4)
    assert (found.verdict, found.share) == ("proven", 0.125)


@pytest.mark.parametrize(("motors", "verdict"), [
    ([motor("a", 1000), motor("b", 1000, assumptions=(OPEN,))], "provisional"),
    ([motor("a", 120)], "proven"), ([motor("a", 90, "not_proven")], "not_proven"),
    ([motor("a", 300), motor("b", -600, "negative")], "negative"), ([], "not_proven"),
    ([motor("a", 500, "undecided")], "not_proven"),
])  # fmt: skip
def test_the_verdict_on_the_sum(motors: list[MotorSaving], verdict: str) -> None:
    assert total_of(motors).verdict == verdict


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> FleetReport:
    """A gateway with a good ledger; one without a ledger; one with an alarm; a corrupt file; two with one name."""
    folder = tmp_path_factory.mktemp("fleet")
    lake = folder / "lake"
    to_lake(retrofit(folder / "plant"), lake)
    day_ms = NOW_MS // 86_400_000 * 86_400_000
    values = {"alarm": "phase_loss", "alarm_state": "UNACK", "alarm_change": "raised", "alarm_priority": "high"}
    for gateway, t_ms, message in (("gw-08", day_ms, "event"), ("gw-09", day_ms - 9 * 86_400_000, "health")):
        rows = {"5-1": Message("pump" if message == "event" else None, message, t_ms, values)}
        convert(ndjson(folder / "rows", rows), "magwatt/v1/mill-2/gw-07", lake, Origin("mill-2", gateway, "1"))
    export_ledger(ledger([interval(NOW_MS, 1)], "other"), lake, Origin("mill-2", "gw-07", "1"), Place())
    (next((lake / "event").rglob("*.parquet")).parent / "part-9-1_9-2.parquet").write_bytes(b"PAR1")
    return collect(lake, ("2024-10", "2024-10"), NOW_MS, verify=True)


def test_what_needs_attention_is_named(troubled: FleetReport) -> None:
    found = {(item.kind, str(item.reason.code), str(item.reason.data.get("gateway"))) for item in troubled.attention}
    assert (ALARM, "alarm_of_motor", "gw-08") in found
    assert (GATEWAYS, "gateway_silent", "gw-09") in found
    assert (GATEWAYS, "gateway_silent", "gw-08") not in found
    assert {(GATEWAYS, "ledger_missing", name) for name in ("gw-08", "gw-09")} <= found
    assert (DATA, "gateway_name_shared", "gw-07") in found
    assert (DATA, "fleet_ledger_invalid", "gw-07") in found, "the other ledger of this name is not signed"
    assert [code for kind, code, _ in found if code == "lake_file_unreadable"] == ["lake_file_unreadable"]
    assert RESULTS in {kind for kind, *_ in found}


def test_the_rest_is_computed(troubled: FleetReport) -> None:
    assert troubled.motors[0].saving is not None
    assert (troubled.total.motors, troubled.verified) == (1, True)


def test_the_ranking_begins_with_the_largest_saving() -> None:
    motors = [motor("a", None), motor("b", -10), motor("c", 500), motor("d", 900, "undecided")]
    assert [item.motor for item in ranked(motors)] == ["c", "b", "d", "a"]


@pytest.mark.soak
def test_several_processes_give_the_same_report(tmp_path: Path) -> None:
    to_lake(retrofit(tmp_path / "plant"), tmp_path / "lake")
    to_lake(tmp_path / "plant", tmp_path / "lake", "gw-08")
    one, two = (collect(tmp_path / "lake", ("2024-10", "2024-10"), NOW_MS, processes=n) for n in (1, 2))
    assert one == two
    assert [motor.gateway for motor in one.motors] == ["gw-07", "gw-08"]
