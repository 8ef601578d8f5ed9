"""Verdicts and alarms of a fleet are those of the newest messages."""

from __future__ import annotations

from pathlib import Path

from support.lake import ROOT, ndjson

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.rows import convert
from agent.fleet.lake import Lake
from agent.fleet.messages import AlarmCount, MotorVerdict, alarms, verdicts

T_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC


def lake(tmp_path: Path, *messages: Message) -> Lake:
    source = ndjson(tmp_path / "rows.ndjson", {f"7-{n}": message for n, message in enumerate(messages, 8)})
    convert(source, ROOT, tmp_path / "lake", Origin("mill-2", "gw-07", "1.2.3"))
    return Lake(tmp_path / "lake")


def saving(t_ms: int, verdict: str | None, saved_wh: float, asset: str = "fan") -> Message:
    values = {"savings_verdict": verdict, "saved_energy_wh": saved_wh, "savings_coverage_pct": 99.5,
              "savings_caveats": "", "savings_assumptions": "a,b"}  # fmt: skip
    return Message(asset, "savings", t_ms, values, {"saved_energy_wh": 1234.0})


def alarm(t_ms: int, change: str, state: str, code: str = "dry_run", asset: str | None = "pump") -> Message:
    values = {"event_kind": "alarm", "alarm": code, "alarm_change": change, "alarm_state": state,
              "alarm_priority": "high"}  # fmt: skip
    return Message(asset, "event", t_ms, values)


def test_the_newest_verdict_of_each_motor(tmp_path: Path) -> None:
    """Newest by its number: the clock of a gateway can be wrong."""
    found = lake(tmp_path, saving(T_MS, "provisional", 5e6), saving(T_MS + 9_000_000, "provisional", 123_456_789_012),
                 saving(T_MS + 1000, "proven", 123_456_789_013), saving(T_MS + 2000, None, 0.0),
                 saving(T_MS, "not_proven", 1.0, "pump"))  # fmt: skip
    fan, pump = verdicts(found)
    assert fan == MotorVerdict(
        "mill-2", "gw-07", "fan", T_MS + 1000, "proven", 123_456_789_013, 1234.0, 99.5, "", "a,b"
    )
    assert (pump.motor, pump.verdict) == ("pump", "not_proven")


def test_alarms_with_their_state_and_how_often_they_were_raised(tmp_path: Path) -> None:
    found = lake(
        tmp_path, alarm(T_MS, "raised", "UNACK"), alarm(T_MS + 1, "returned", "RTNUN"),
        alarm(T_MS + 2, "raised", "UNACK"), alarm(T_MS + 3, "acknowledged", "ACKED"),
        alarm(T_MS + 4, "raised", "UNACK", "bus_silent", None), Message("pump", "event", T_MS, {"event_kind": "dip"}),
    )  # fmt: skip
    assert alarms(found) == [
        AlarmCount("mill-2", "gw-07", "pump", "dry_run", "ACKED", "high", 2, T_MS + 3),
        AlarmCount("mill-2", "gw-07", None, "bus_silent", "UNACK", "high", 1, T_MS + 4),
    ]


def test_only_one_month(tmp_path: Path) -> None:
    found = lake(tmp_path, saving(T_MS, "provisional", 1.0), saving(T_MS + 20 * 86_400_000, "proven", 2.0))
    assert [row.verdict for row in verdicts(found, "2026-09")] == ["provisional"]
    assert [row.verdict for row in verdicts(found)] == ["proven"]
