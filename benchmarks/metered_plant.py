"""The configuration of an agent that polls equal meters on one bus at 1 s, with motors at the first of them."""

from __future__ import annotations

from collections.abc import Sequence

PROFILE = "schneider/pm5000"

SITE = """\
[site]
id = "bench"
gateway = "gw-01"
simulated = true

[store]
state_dir = "state"
{store}
[mqtt]
url = "{broker}"

[bus.line]
{bus}
poll_interval = "1s"
"""

METER = """
[meter.meter-{unit}]
bus = "line"
unit_id = {unit}
profile = "{profile}"
measuring_point = "{point}"
class = "0.5"
"""

MOTOR = """
[motor.motor-{unit}]
kind = "induction"
kw = {kw:g}
rpm = 1475
poles = 4
volts = 400
class = "IE3"
fed_by = "meter-{unit}"
"""


def configuration(
    broker: str, bus: str, meters: int, powers_kw: Sequence[float] = (), *, point: str = "motor", store: str = ""
) -> str:
    """bus, store: further lines of their tables. powers_kw: of the motors at the first meters. point: of each meter."""
    text = SITE.format(broker=broker, bus=bus, store=store)
    text += "".join(METER.format(unit=unit, profile=PROFILE, point=point) for unit in range(1, meters + 1))
    return text + "".join(MOTOR.format(unit=unit, kw=kw) for unit, kw in enumerate(powers_kw, 1))
