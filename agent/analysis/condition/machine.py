"""What is known about a machine and where it is measured: nameplate, winding data, temperatures, application."""

from __future__ import annotations

import math
from typing import Literal

from msgspec import Struct


class MachineData(Struct, frozen=True, kw_only=True):
    """Data of a motor, or of a drive of which only the supply side is recorded. None: not known, never a default.

    kind: induction or magnet; None for a drive.
    at: where voltage and current are measured.
    kw, rpm, hz, volts, amps, nm: rated values; volts line to line.
    poles: number of poles, not of pairs.
    rotor_bars: of a cage. slots: of the stator of a magnet motor.
    r1_ohm: resistance of a phase (star) at 20 °C.
    ls_h: synchronous inductance of a phase. xq_ohm: reactance of the q axis at `hz`.
    flux_wb: peak flux linkage of a phase with magnets at 20 °C. emf_v: line-to-line EMF, rms, at `rpm` and 20 °C.
    winding_degc, magnet_degc: during the recording.
    winding_class: thermal class, such as F.
    carrier_hz: switching frequency of the drive.
    application: pump, fan, hoist, conveyor, mixer, …
    dc_link_uf: capacitance of the DC link when new.
    """

    kind: Literal["induction", "magnet"] | None = None
    at: Literal["line", "drive_output", "drive_input"] | None = None
    kw: float | None = None
    rpm: float | None = None
    hz: float | None = None
    poles: int | None = None
    volts: float | None = None
    amps: float | None = None
    nm: float | None = None
    rotor_bars: int | None = None
    slots: int | None = None
    r1_ohm: float | None = None
    ls_h: float | None = None
    xq_ohm: float | None = None
    flux_wb: float | None = None
    emf_v: float | None = None
    winding_degc: float | None = None
    magnet_degc: float | None = None
    winding_class: str | None = None
    carrier_hz: float | None = None
    application: str | None = None
    dc_link_uf: float | None = None

    @property
    def pole_pairs(self) -> int | None:
        return self.poles // 2 if self.poles else None

    @property
    def rated_slip(self) -> float | None:
        """Of an induction motor; None if rpm, hz or poles are missing or contradict each other."""
        if not (self.rpm and self.hz and self.poles):
            return None
        slip = 1 - self.rpm * self.poles / (120 * self.hz)
        return slip if 0 < slip < 0.2 else None

    @property
    def flux_20c_wb(self) -> float | None:
        """Peak flux linkage of a phase at 20 °C, from flux_wb or from the EMF."""
        if self.flux_wb or not (self.emf_v and self.rpm and self.poles):
            return self.flux_wb
        return self.emf_v * math.sqrt(2 / 3) / (2 * math.pi * self.rpm * self.poles / 120)
