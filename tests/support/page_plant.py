"""An invented plant for the page: one motor in each state that the page shows, with a month, events and a history.

The messages are those of the demo's magnet motor, scaled; the month is that of `metered_retrofit`. The time is always
NOW_MS.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from support import config_text, metered_retrofit
from support.basics import HandClock
from support.metered_retrofit import utc_ms
from support.page_contract import record_contract

from agent.analysis.efficiency.reasons import METER_SHARED, METER_WIRING, MOTOR_OFF, WIRING_FAULTS
from agent.config.loader import load_config
from agent.config.model import Config
from agent.core.messages import Message, event
from agent.core.state_reasons import DEVICE_NOT_RESPONDING, IN_MAINTENANCE
from agent.core.text import as_object
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History
from drivers.reading import Quality
from drivers.reasons import Reason

ZONE = metered_retrofit.ZONE
MONTH, DAYS = "2025-02", 28  # it has passed, also for the process that computes its report
NOW_MS = utc_ms("2025-02-28 23:46:07")
GATEWAY = "magwatt/v1/mill-2/gw-07"
SWAPPED = WIRING_FAULTS["ct_swapped"](phases="L1-L2")
HOSTILE_SITE = 'mill "2" </script><script>window.hacked=1</script>'
HOSTILE_NAME = '<img src=x onerror="window.hacked=1">'
# Chinese names: an English word on the Chinese page is then a text that was not translated
NAMES = {
    "descaling": "1#除鳞泵", "roller": "A组辊道", "backwash": "反洗泵", "tower": "冷却塔风机", "ladle": "2#除尘风机",
    "lift": "提升泵", "booster": "增压泵", "scale-pit": "铁皮坑泵", "reserve": "备用泵",
}  # fmt: skip
ON_LINE = ("roller", "tower", "reserve")  # without a drive
_SHARE = {"fan": 1.9, "descaling": 1.75, "roller": 0.6, "tower": 0.9, "ladle": 0.7, "lift": 0.5, "booster": 0.4,
          "scale-pit": 0.01, "backwash": 0.6, "main": 5.1}  # of the recorded power  # fmt: skip
_POWERS = ("_w", "_w_u", "_var", "_va", "_kw", "_l1_a", "_l2_a", "_l3_a", "_avg_a", "_sum_a", "_current_a")
RECORDING = Path(__file__).with_name("page_recording.json")


def write_config(folder: Path) -> Path:
    """plant.toml of the retrofit and the other motors."""
    fan = metered_retrofit.PLANT.replace("certificate = {", 'fed_by = "main"\ncertificate = {')
    fan = fan.replace("[bus.north]\n", '[bus.north]\npoll_interval = "10s"\n')
    parts = [fan, config_text.meter("main", 90, "eastron/sdm630", "feeder", bus="north", ct="1000/5")]
    for number, (motor, name) in enumerate(NAMES.items(), 50):
        on_line = motor in ON_LINE
        point = "motor" if on_line else "drive-input"
        fed_by = f"m-{motor}" if on_line else f"d-{motor}"
        parts.append(
            config_text.meter(f"m-{motor}", number, "eastron/sdm630", point, bus="north", fed_by="main", ct="150/5")
        )
        if not on_line:
            parts.append(config_text.drive(fed_by, f"m-{motor}", number + 20, bus="north"))
        kind = {"kind": "induction", "rpm": 1475, "poles": 4, "class": "IE3"} if on_line else {
            "kind": "pm", "rpm": 1500, "poles": 8, "amps": 98}  # fmt: skip
        parts.append(config_text.table(f"motor.{motor}", name=name, kw=55, volts=380, fed_by=fed_by, **kind))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "plant.toml"
    file.write_text("".join(parts), encoding="utf-8")
    os.utime(file, (NOW_MS / 1000 - 86_400, NOW_MS / 1000 - 86_400))
    return file


def make_plant(folder: Path) -> Config:
    """The configuration and the state folder: a retrofit with a frozen baseline, events, and an hour of history."""
    metered_retrofit.retrofit(folder, days=DAYS, month=MONTH)
    config = load_config(write_config(folder))[0]
    store = Store(folder / "state", HandClock(NOW_MS / 1000))
    events, history = EventHistory(store), History(store, config.store.history_s)
    for message in _past_events():
        events.on_published(message)
    for message in _past_day():
        history.on_published(message)
    history.stop()
    store.flush()
    store.close()
    record_contract(config, MONTH, "fan")
    return config


def live_messages(stale: bool = True) -> Iterator[tuple[str, str, dict[str, Any], float]]:
    """Motor, kind, message, and age of the message in seconds. `reserve` never sent anything.

    stale: the values of `ladle` are 12 s old; then the page does not draw where the power goes.
    """
    age_s = {"ladle": 12.4 if stale else 0.4, "backwash": 207.0, "tower": 207.0}
    for motor in ("main", "fan", *NAMES):
        if motor == "reserve":
            continue
        telemetry = _telemetry(motor, NOW_MS - round(1000 * age_s.get(motor, 0.4)))
        yield motor, "telemetry", telemetry, age_s.get(motor, 0.4)
        yield motor, "state", _state(motor), 0.4
        yield motor, "explain", _explain(motor, telemetry), 0.4
        if motor != "main":
            yield motor, "meta", _meta(motor), 0.4
    for kind in ("pq3s", "harmonics"):
        yield "descaling", kind, _shifted(recording()["pump-2", kind]), 0.4
    yield "descaling", "event", _last_dip(), 0.4
    yield "fan", "savings", _savings(14_200.0, 1_100.0), 0.4
    yield "booster", "savings", _savings(1_900.0, 1_400.0), 0.4  # uncertain: U is above half of the value


def past_hour() -> Iterator[tuple[str, dict[str, Any], float]]:
    """Motor, telemetry with its time, and power in W: what the page has received in the last hour."""
    chance = random.Random(3)
    for motor in ("main", "fan", *NAMES):
        if motor == "reserve":
            continue
        body = _telemetry(motor, NOW_MS)
        for t_ms in (*range(NOW_MS - 3_600_000, NOW_MS - 12_000, 60_000), *range(NOW_MS - 9000, NOW_MS - 1000, 1000)):
            silent = motor in ("backwash", "tower") and t_ms > NOW_MS - 207_000
            if not silent and not (motor == "roller" and -2_400_000 < t_ms - NOW_MS < -1_500_000):
                yield motor, {"t": t_ms}, body["v"]["active_power_w"] * (1 + chance.gauss(0, 0.015))


def gateway_messages(config_hash: str = "c0ffee") -> dict[str, dict[str, Any]]:
    """Kind → message of the gateway. config_hash: of the configuration that the agent uses."""
    found = recording()
    info, health = found["gw-01", "info"], found["gw-01", "health"]
    known = {"site": "mill-2", "gateway": "gw-07", "config": config_hash, "assets": ["main", "fan", *NAMES]}
    quiet = {"polls_failed": 0, "late_responses": 0, "corrupt_responses": 0}  # the demo ran on a busy computer
    buses = {f"bus_north_{name}": value for name, value in quiet.items()}
    values = {name: value for name, value in health["v"].items() if not name.startswith("bus_south")}
    return {
        "info": {**info, "t": NOW_MS, **known},
        "health": {**health, "t": NOW_MS - 4000, "v": {**values, **quiet, **buses}},
    }


def recording() -> dict[tuple[str, str], dict[str, Any]]:
    """(motor or gateway, kind) → the last message of a demo."""
    found = {}
    for key, body in json.loads(RECORDING.read_text(encoding="utf-8")).items():
        name, _, kind = key.partition("/")
        found[name, kind] = body
    return found


def _telemetry(motor: str, t_ms: int) -> dict[str, Any]:
    body = _shifted(recording()["pump-1" if motor in (*ON_LINE, "main") else "pump-2", "telemetry"], t_ms)
    values = body["v"] = _scaled(body["v"], _SHARE[motor])
    if motor == "main":
        for name in [name for name in values if "efficiency" in name or "losses" in name or "shaft" in name]:
            del values[name]
    elif motor == "roller":
        _unknown(body, METER_SHARED(), Quality.ALLOCATED)
    elif motor == "lift":
        values |= _swapped_powers(values) | {"meter_wiring": "ct_swapped:L1-L2"}
        fault = METER_WIRING(fault=(SWAPPED,))
        body.setdefault("r", {})["meter_wiring"] = [as_object(fault)]
        _unknown(body, fault, Quality.GOOD)
    elif motor == "scale-pit":
        values |= {"motor_speed_rpm": 0, "active_power_w": 0.0}
        _unknown(body, MOTOR_OFF(), Quality.GOOD)
    return body


def _swapped_powers(values: dict[str, Any]) -> dict[str, float]:
    """What a meter measures when the CTs of L1 and L2 are exchanged: both currents are turned by 120°."""
    found, total_w = {}, 0.0
    for phase, turn_deg in ((1, 120), (2, -120), (3, 0)):
        power_w, reactive_var = values[f"active_power_l{phase}_w"], values[f"reactive_power_l{phase}_var"]
        angle = math.atan2(reactive_var, power_w) + math.radians(turn_deg)
        apparent_va = math.hypot(power_w, reactive_var)
        found[f"active_power_l{phase}_w"] = round(apparent_va * math.cos(angle), 1)
        found[f"reactive_power_l{phase}_var"] = round(apparent_va * math.sin(angle), 1)
        total_w += apparent_va * math.cos(angle)
    return found | {"active_power_w": round(total_w, 1)}


def _unknown(body: dict[str, Any], reason: Reason, quality: Quality) -> None:
    """The estimates of a message become null for this reason."""
    for name in body.get("m", {}):
        if name in body["v"]:
            body["v"][name] = None
            body["v"].pop(f"{name}_u", None)
    body["v"]["efficiency_unavailable_reason"] = str.__str__(reason.code)
    body.setdefault("r", {})["efficiency_unavailable_reason"] = [as_object(reason)]
    body.setdefault("f", {})["*"] = (quality | Quality.SIMULATED).names()
    if quality:
        body["q"] = "uncertain"


def _state(motor: str) -> dict[str, Any]:
    found: tuple[str, list[Reason]] = "online", []
    if motor == "backwash":
        found = "offline", [DEVICE_NOT_RESPONDING(device="d-backwash")]
    elif motor == "tower":
        found = "offline", [DEVICE_NOT_RESPONDING(device="m-tower")]
    elif motor == "scale-pit":
        found = "maintenance", [IN_MAINTENANCE(note="李伟：更换叶轮")]
    state, reasons = found
    since_ms = NOW_MS - (207_000 if state == "offline" else 3_600_000)
    return {"s": "magwatt.state/1", "t": since_ms, "state": state, "reason": list(map(as_object, reasons)),
            "since": since_ms}  # fmt: skip


def _meta(motor: str) -> dict[str, Any]:
    body = dict(recording()["pump-1" if motor in ON_LINE else "pump-2", "meta"])
    meter = "mcc-12" if motor == "fan" else f"m-{motor}"
    drive = "dp-1" if motor == "fan" else f"d-{motor}"
    body |= {"name": NAMES.get(motor, "3#除尘风机"), "meter": {**body["meter"], "name": meter}}
    return body | {"drive": {**body["drive"], "name": drive}} if "drive" in body else body


def _explain(motor: str, telemetry: dict[str, Any]) -> dict[str, Any]:
    found = recording()
    body = dict(found["pump-1" if motor in (*ON_LINE, "main") else "pump-2", "explain"])
    body["disabled_registers"] = found["pump-1", "explain"]["disabled_registers"] if motor == "booster" else []
    text = json.dumps(body)
    for old, new in (("pump", motor), ("mcc", f"m-{motor}"), ("vfd", f"d-{motor}")):
        text = text.replace(f"{old}-1", new).replace(f"{old}-2", new)
    body = json.loads(text)
    if motor == "lift":
        body |= {"meter_wiring": "ct_swapped:L1-L2", "meter_wiring_faults": [as_object(SWAPPED)]}
    if "powers" in body:
        body["powers"] = {name: round(_SHARE[motor] * value, 1) for name, value in body["powers"].items()}
    body["reason"] = next(iter(telemetry.get("r", {}).get("efficiency_unavailable_reason", [])), None)
    return body | {"t": NOW_MS - 2000}


def _savings(saved_w: float, u_w: float) -> dict[str, Any]:
    """The last quarter of an hour."""
    values = {"interval_saved_wh": saved_w / 4, "interval_saved_wh_u": u_w / 4, "savings_verdict": "proven"}
    return {"s": "magwatt.savings/1", "t": NOW_MS - 120_000, "q": "good", "v": values, "f": {"*": ["SIMULATED"]}}


def _past_events() -> Iterator[Message]:
    """A month: dips and swells, the last of them with its waveform, and states."""
    chance = random.Random(7)
    for day in range(1, DAYS):
        start_ms = utc_ms(f"{MONTH}-{day:02d} 02:11") + 60_000 * chance.randrange(600)
        pct = round(chance.uniform(38, 88), 1) if day % 5 else round(chance.uniform(111, 118), 1)
        duration_s = round(10 ** chance.uniform(-1.9, 0.3), 3)
        values = {"event_kind": "dip" if pct < 100 else "swell", "event_start_ms": start_ms,
                  "event_duration_s": duration_s, "event_phases": [1, 2], "event_reference_v": 230.0,
                  "event_extreme_v": round(2.3 * pct, 2), "event_extreme_pct": pct}  # fmt: skip
        yield Message("descaling", "event", start_ms + round(1000 * duration_s), values, quality=Quality.SIMULATED)
    dip = _last_dip()
    yield Message("descaling", "event", dip["t"], dip["v"], quality=Quality.SIMULATED)
    yield event("tower", NOW_MS - 207_000, "data_gap", [DEVICE_NOT_RESPONDING(device="m-tower")])


def _last_dip() -> dict[str, Any]:
    """The recorded dip with its waveform, last night."""
    recorded = recording()["pump-2", "event"]
    moved_ms = utc_ms(f"{MONTH}-{DAYS} 02:48") - recorded["v"]["event_start_ms"]
    body = _shifted(recorded, recorded["t"] + moved_ms)
    for name in ("event_start_ms", "snapshot_start_ms"):
        body["v"][name] += moved_ms
    return body


def _past_day() -> Iterator[Message]:
    """Telemetry of a day, every 30 s, with a gap of half an hour."""
    chance = random.Random(5)
    for motor in ("descaling", "fan"):
        body = _telemetry(motor, 0)["v"]
        for t_ms in range(NOW_MS - 86_400_000, NOW_MS - 1000, 30_000):
            hours = (t_ms - NOW_MS) / 3.6e6
            if -9.5 < hours < -9.0:
                continue
            scale = 1 + 0.12 * math.sin(hours / 24 * 2 * math.pi) + chance.gauss(0, 0.01)
            values = {
                "active_power_w": body["active_power_w"] * scale,
                "system_efficiency_pct": body["system_efficiency_pct"] - 2 * (1 - scale),
                "shaft_power_w": body["shaft_power_w"] * scale,
            }
            u = {name: body[f"{name}_u"] for name in ("system_efficiency_pct", "shaft_power_w")}
            yield Message(motor, "telemetry", t_ms, values, u, quality=Quality.SIMULATED)


def _shifted(body: dict[str, Any], t_ms: int = NOW_MS - 400) -> dict[str, Any]:
    return {**body, "t": t_ms, "v": dict(body["v"]), "f": {"*": ["SIMULATED"]}, "r": dict(body.get("r", {}))}


def _scaled(values: dict[str, Any], share: float) -> dict[str, Any]:
    """Powers and currents times `share`."""
    scaled = {}
    for name, value in values.items():
        power = isinstance(value, int | float) and name.endswith(_POWERS)
        scaled[name] = float(f"{value * share:.6g}") if power else value
    return scaled
