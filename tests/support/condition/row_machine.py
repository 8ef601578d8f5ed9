"""Machines for rows of one second: ratings, winding, thermal bodies and load, drawn at random.

Ranges follow catalogues: 0.75 to 400 kW, 4 to 12 poles, 380 to 690 V, winding resistance and reactance per unit falling
and time constants growing with size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

SIZES_KW = (0.75, 1.5, 3.0, 5.5, 7.5, 11.0, 18.5, 30.0, 45.0, 75.0, 110.0, 160.0, 250.0, 400.0)
APPLICATIONS = ("pump", "fan", "conveyor", "mixer", "centrifuge", "hoist")


@dataclass(frozen=True)
class Machine:
    """kind: magnet or induction. fed: by a drive; otherwise on the line. Impedances in ohm per phase (star), at 20 °C.

    emf_v: line to line at rated speed, 20 °C. saturation: share of xq lost at rated current. magnetizing: share of the
    rated current of an induction motor. inertia_s: time to rated speed at rated torque.
    winding_s, frame_s: time constants. rise_k: of the winding at rated load. fan_on_shaft: cooling follows speed.
    bearing_share, bearing_speed_k: bearing temperature from the frame and from speed.
    shutoff: power of a pump at a closed valve, share of that at its best point; static_head: share of the head.
    drop: of the rectifier and its inductors at rated load, share of the voltage.
    """

    kind: str
    fed: bool
    application: str
    kw: float
    volts: float
    supply_hz: float
    rpm: float
    poles: int
    hz: float
    amps: float
    efficiency: float
    r1_ohm: float
    xq_ohm: float
    emf_v: float
    saturation: float
    magnetizing: float
    inertia_s: float
    winding_s: float
    frame_s: float
    rise_k: float
    winding_class: str
    fan_on_shaft: bool
    bearing_share: float
    bearing_speed_k: float
    shutoff: float
    static_head: float
    working_load: float
    drop: float

    def nameplate(self) -> dict[str, object]:
        """Keys of motor.toml."""
        plate: dict[str, object] = {
            "kind": self.kind, "at": "drive_input" if self.fed else "line", "kw": self.kw, "rpm": round(self.rpm),
            "hz": self.hz, "poles": self.poles, "volts": self.volts, "amps": round(self.amps, 1),
            "nm": round(1000 * self.kw / (self.rpm * math.pi / 30), 1), "winding_class": self.winding_class,
            "application": self.application, "r1_ohm": self.r1_ohm,
        }  # fmt: skip
        if self.kind == "magnet":
            plate |= {"emf_v": round(self.emf_v), "xq_ohm": round(self.xq_ohm, 4)}
        return plate


_INERTIA_S = {
    "pump": (0.4, 2),
    "fan": (8, 35),
    "conveyor": (2, 6),
    "mixer": (1, 4),
    "centrifuge": (25, 55),
    "hoist": (0.5, 1.5),
}


def draw_machine(
    rng: Random, application: str | None = None, kind: str | None = None, fed: bool | None = None
) -> Machine:
    application = application or rng.choice(APPLICATIONS)
    if application in ("hoist", "centrifuge"):
        fed = True
    fed = rng.random() < 0.85 if fed is None else fed
    kind = kind or ("magnet" if fed and rng.random() < 0.75 else "induction")
    kw = rng.choice(SIZES_KW)
    size = math.log(kw / 0.75) / math.log(400 / 0.75)  # 0 … 1
    supply_hz = rng.choice((50.0, 60.0))
    volts = rng.choice((380.0, 400.0, 400.0, 460.0, 690.0 if kw > 100 else 415.0))
    if kind == "magnet":
        poles = rng.choice((4, 6, 8, 10, 12))
        rpm = rng.choice((1500.0, 1800.0, 2400.0, 3000.0)) if kw < 200 else rng.choice((1000.0, 1500.0))
        hz = rpm * poles / 120
        power_factor, efficiency = 1.0, 0.86 + 0.1 * size + rng.uniform(-0.01, 0.01)
    else:
        poles = rng.choice((2, 4, 4, 6))
        hz = supply_hz
        rpm = 120 * hz / poles * (1 - (0.045 - 0.037 * size))
        power_factor, efficiency = 0.78 + 0.1 * size, 0.8 + 0.15 * size
    emf_v = volts * rng.uniform(0.8, 0.9)
    if kind == "magnet":  # no current in the d axis, magnets at 80 °C
        amps = 1000 * kw / (math.sqrt(3) * emf_v * (1 - 0.0011 * 60)) * rng.uniform(1.0, 1.04)
    else:
        amps = 1000 * kw / (math.sqrt(3) * volts * power_factor * efficiency)
    base_ohm = volts / math.sqrt(3) / amps
    low, high = _INERTIA_S[application]
    return Machine(
        kind=kind, fed=fed, application=application, kw=kw, volts=volts, supply_hz=supply_hz, rpm=rpm, poles=poles,
        hz=hz, amps=amps, efficiency=efficiency, r1_ohm=round(base_ohm * (0.05 - 0.035 * size), 5),
        xq_ohm=base_ohm * rng.uniform(0.3, 0.6), emf_v=emf_v, saturation=rng.uniform(0, 0.12),
        magnetizing=0.55 - 0.3 * size, inertia_s=rng.uniform(low, high),
        winding_s=rng.uniform(180, 420) * (1 + 2 * size),
        frame_s=rng.uniform(1200, 2400) * (1 + 2 * size), rise_k=rng.uniform(60, 88), winding_class="F",
        fan_on_shaft=rng.random() < 0.7, bearing_share=rng.uniform(0.3, 0.6), bearing_speed_k=rng.uniform(4, 14),
        shutoff=rng.uniform(0.45, 0.62), static_head=rng.choice((0.0, rng.uniform(0.2, 0.5))),
        working_load=rng.uniform(0.6, 0.92), drop=rng.uniform(0.05, 0.09),
    )  # fmt: skip
