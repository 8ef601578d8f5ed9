"""The agent's configuration tables for the 55 kW pumps of the built-in plants: old motors on the line, new ones on
drives.
"""

from __future__ import annotations

import json

from simulators.meters.transformers import CT_CLASS
from simulators.plant import params

CT_A = 150.0  # rated primary current of the current transformers


def head(name: str, about: str, state_dir: str, mqtt_url: str) -> str:
    return f"""\
# {about}
[site]
id = {json.dumps(name)}
gateway = "gw-01"
timezone = "UTC"
simulated = true

[store]
state_dir = {json.dumps(state_dir)}

[mqtt]
url = {json.dumps(mqtt_url)}
"""


def meter(name: str, bus: str, unit: int, profile: str, *, at: str) -> str:
    return f"""\
[meter.{name}]
bus = "{bus}"
unit_id = {unit}
profile = "{profile}"
measuring_point = "{at}"
wiring = "3P4W"
ct = "{CT_A:g}/5"
ratio_applied_by = "meter"
class = "0.5"
ct_class = "{CT_CLASS}"
"""


def drive(name: str, bus: str, unit: int, profile: str, *, fed_by: str) -> str:
    return f"""\
[drive.{name}]
bus = "{bus}"
unit_id = {unit}
profile = "{profile}"
fed_by = "{fed_by}"
comm_loss = "not used"
kw = 55
class = "IE2"
"""


def old_motor(name: str, fed_by: str, title: str = "") -> str:
    return f"""\
[motor.{name}]
{_titled(title)}kind = "induction"
kw = 55
rpm = 1475
poles = 4
volts = 400
class = "IE1"
amps = 100.2
fed_by = "{fed_by}"
"""


def new_motor(name: str, fed_by: str, title: str = "") -> str:
    motor = params.MAGNET_55KW
    return f"""\
[motor.{name}]
{_titled(title)}kind = "pm"
kw = 55
rpm = 1500
poles = 8
volts = {motor.volts_v:.0f}
class = "IE5"
amps = {motor.current_a:.1f}
r1_ohm = {motor.rs20_ohm:.4f}
fed_by = "{fed_by}"
"""


def _titled(title: str) -> str:
    return f"name = {json.dumps(title)}\n" if title else ""
