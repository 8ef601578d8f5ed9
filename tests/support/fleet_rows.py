"""Two hours of a fleet of three motors whose values are known: as messages, as a lake, and as sums for comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from support.lake import ROOT, line

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.rows import convert
from drivers.reading import Quality

MINUTES = 120
MOTORS = (("gw-07", "fan", 1000.0), ("gw-07", "pump", 2000.0), ("gw-08", "fan", 3000.0))  # with their power in W
GATEWAYS = ("gw-07", "gw-08")
INTERVAL_WH, BASELINE_WH = 250, 400  # in a quarter hour, of each motor
QUARTERS = MINUTES // 15
RESTART = 60  # minute in which the agents start again: their counters begin at 0


class FleetRows:
    """start, end: of the rows. The rows end in the present minute."""

    def __init__(self) -> None:
        self._start_s = int(time.time()) // 60 * 60 - 60 * (MINUTES - 1)
        self.start = datetime.fromtimestamp(self._start_s, UTC)
        self.end = datetime.fromtimestamp(self._start_s + 60 * MINUTES, UTC)

    def write(self, lake: Path) -> None:
        """A lake as the gateways write it."""
        lake.mkdir(parents=True, exist_ok=True)
        for gateway in GATEWAYS:
            root, source = ROOT.replace("gw-07", gateway), lake / f"{gateway}.ndjson"
            rows = (line(f"7-{number}", message).replace(ROOT.encode(), root.encode(), 1)
                    for number, message in enumerate(self._messages(gateway), 1))  # fmt: skip
            source.write_bytes(b"".join(rows))
            convert(source, root, lake, Origin("mill-2", gateway, "1.2.3"))

    def _messages(self, gateway: str) -> Iterator[Message]:
        for minute in range(MINUTES):
            t_ms = 1000 * (self._start_s + 60 * minute)
            for owner, motor, watts in MOTORS:
                if owner == gateway:
                    yield from _of_motor(motor, watts, minute, t_ms)
            since = minute - RESTART if minute >= RESTART else minute
            yield Message(None, "health", t_ms, {
                "polls": 60 * since, "polls_failed": 2 * since, "rows_published": 100 * since, "uptime_s": 60 * since,
                "spool_rows": 5, "cpu_pct": 12, "memory_mb": 90, "disk_free_mb": 5000, "clock_synchronized": 1,
                "rows_dropped": 0, "certificate_days": 200, "spool_hours_left": 72, "bus_mcc-1_polls": 60,
            })  # fmt: skip
        if gateway == "gw-07":
            yield from _alarms(1000 * (self._start_s + 1800))


def _of_motor(motor: str, watts: float, minute: int, t_ms: int) -> Iterator[Message]:
    values = {
        "active_power_w": watts, "motor_speed_rpm": 1480, "motor_load_pct": 75, "motor_efficiency_pct": 95.5,
        "system_efficiency_pct": 93.0, "motor_losses_w": 40, "drive_losses_w": 20, "motor_temperature_degc": 61,
        "drive_temperature_degc": 44, "energy_counted_import_wh": 100 * minute, "efficiency_basis": "tested",
    }  # fmt: skip
    yield Message(motor, "telemetry", t_ms, values, {"motor_efficiency_pct": 0.75})
    if minute == 30:  # a row without a usable value counts nowhere
        yield Message(motor, "telemetry", t_ms + 1, {"active_power_w": 1e9},
                      flags={"active_power_w": Quality.NO_REPLY})  # fmt: skip
    yield Message(motor, "pq3s", t_ms, {"thd_i_l1_pct": 31.25, "thd_u_l1_pct": 2.5, "voltage_unbalance_pct": 0.5,
                                        "current_unbalance_pct": 1.5})  # fmt: skip
    if minute % 10 == 9:
        yield Message(motor, "pq10m", t_ms, {"flicker_pst_l1": 0.5, "flicker_plt_l1": 0.25, "voltage_l1n_min_v": 225,
                                             "voltage_l1n_max_v": 235, "harmonic_u_l1_v": [0.0, 230.0]})  # fmt: skip
    if minute % 15 == 14:
        n = minute // 15 + 1
        saved = BASELINE_WH - INTERVAL_WH
        yield Message(motor, "savings", t_ms, {
            "interval_energy_wh": INTERVAL_WH, "interval_adjusted_baseline_wh": BASELINE_WH, "interval_saved_wh": saved,
            "measured_energy_wh": INTERVAL_WH * n, "adjusted_baseline_energy_wh": BASELINE_WH * n,
            "saved_energy_wh": saved * n, "saved_share_pct": 37.5, "savings_coverage_pct": 99.5,
            "savings_verdict": "proven", "savings_caveats": "",
        }, {"saved_energy_wh": 12.5 * n})  # fmt: skip


def _alarms(t_ms: int) -> Iterator[Message]:
    """One that is active, raised twice, one that has returned, and a dip."""
    for after, change, state, code in (
        (0, "raised", "UNACK", "dry_run"), (1, "returned", "RTNUN", "dry_run"), (2, "acknowledged", "NORM", "dry_run"),
        (3, "raised", "UNACK", "dry_run"), (4, "raised", "UNACK", "overload"), (5, "returned", "RTNUN", "overload"),
        (6, "acknowledged", "NORM", "overload"),
    ):  # fmt: skip
        yield Message("fan", "event", t_ms + 1000 * after, {
            "event_kind": "alarm", "alarm": code, "alarm_change": change, "alarm_state": state,
            "alarm_priority": "high" if code == "dry_run" else "low", "event_text": f"{code}: {change}",
            **({"alarm_by": "Li Wei"} if change == "acknowledged" else {}),
        })  # fmt: skip
    yield Message("fan", "event", t_ms + 10_000, {"event_kind": "dip", "event_duration_s": 0.25,
                                                  "snapshot_u_l1_v": [1.0, 2.0]})  # fmt: skip
