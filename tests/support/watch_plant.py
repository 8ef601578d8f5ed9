"""A plant of 43 motors at three gateways as a live table receives it, without a broker."""

from __future__ import annotations

import time

from agent.config.model import Mqtt
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import as_object
from agent.delivery.mqtt.follower import FollowedMessage, Follower

SITE = "magwatt/v1/mill-2"
NAMES = {3: "1#除鳞泵", 5: "Cooling-water pump in the old boiler house"}
VALUES = {
    "active_power_w": 71240.0, "shaft_power_w": 66000.0, "shaft_power_w_u": 900.0, "motor_speed_rpm": 1487.0,
    "current_l1_a": 130.2, "thd_i_l1_pct": 33.1, "drive_efficiency_pct": 97.1, "drive_efficiency_pct_u": 0.5,
    "motor_efficiency_pct": 95.0, "motor_efficiency_pct_u": 0.8, "system_efficiency_pct": 93.2,
    "system_efficiency_pct_u": 1.1,
}  # fmt: skip


def plant(motors: int = 40) -> Follower:
    """gw-7 has `motors` motors, all good; gw-10 two, of which pump-2 is offline; gw-9, with one, is offline."""
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    for number in range(1, motors + 1):
        add(follower, "gw-7", number)
    add(follower, "gw-10", 1)
    add(follower, "gw-10", 2).messages["state"] |= {
        "state": "offline", "reason": [as_object(DEVICE_NOT_RESPONDING(device="mcc-2"))],
    }  # fmt: skip
    add(follower, "gw-9", 1)
    follower.gateways = {f"{SITE}/gw-7": "online", f"{SITE}/gw-10": "online", f"{SITE}/gw-9": "offline"}
    return follower


def add(follower: Follower, gateway: str, number: int, age_s: float = 0.0) -> FollowedMessage:
    """A motor that is online and whose values are good, received `age_s` ago."""
    name = f"pump-{number}"
    followed = follower.seen[f"{SITE}/{gateway}/{name}"] = FollowedMessage(f"{SITE}/{gateway}", name)
    followed.messages = {
        "meta": {"name": NAMES.get(number, name)},
        "state": {"t": 1_790_000_000_000, "state": "online", "reason": []},
        "telemetry": {"v": VALUES, "q": "good", "m": {"system_efficiency_pct": "M5"}},
    }
    followed.received_s = {"telemetry": time.monotonic() - age_s}
    return followed
