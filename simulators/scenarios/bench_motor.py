"""The virtual devices of one motor with a given nameplate, or of several equal ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from drivers.profiles import Profile, load_profile
from drivers.reasons import InvalidValue, Reason
from drivers.vocabulary import vocabulary
from simulators import reasons as codes
from simulators.devices.bench import REFRESH_S, BenchDevice, Place, name_of, unrepresentable
from simulators.devices.nameplate import supply_of
from simulators.devices.ratios import Ratios
from simulators.devices.reference_motor import MotorParameters, ReferenceMotor

LOAD, SPEED = (0.6, 0.8), (0.85, 0.98)  # ranges of the mean torque and of the speed with a drive, shares of rated
SWING, SWING_S = 0.12, (180.0, 420.0)  # slow change of the load, so that energies and averages move


class RequestedDevice(NamedTuple):
    """A model with its unit identifier."""

    profile_id: str
    unit: int


@dataclass(frozen=True, slots=True)
class BenchMotor:
    """The motor of virtual devices, and the transformers of its meters."""

    machine: MotorParameters
    ratios: Ratios

    @property
    def about(self) -> Reason:
        """All data of the motor."""
        machine = self.machine
        return codes.BENCH_MOTOR(
            kw=machine.kw, rpm=machine.rpm, poles=machine.poles, volts=machine.volts, amps=machine.amps,
            cos_phi=machine.cos_phi, hz=machine.hertz, efficiency=machine.efficiency,
            kind=codes.BENCH_INDUCTION() if machine.induction else codes.BENCH_MAGNET(),
        )  # fmt: skip


def devices_of(motor: BenchMotor, devices: Sequence[RequestedDevice], rng: Random) -> tuple[BenchDevice, ...]:
    """The devices in their order. The first meter and the first drive have one motor, and so on.

    Raises InvalidValue if a register cannot show a value of the motor at full load.
    """
    profiles = {item.unit: load_profile(item.profile_id) for item in devices}
    meters = [item for item in devices if profiles[item.unit].kind != "vfd"]
    drives = [item for item in devices if profiles[item.unit].kind == "vfd"]
    made = {
        device.unit: device
        for meter, drive in zip_longest(meters, drives)
        for device in _train(motor, meter, drive, profiles, rng)
    }
    return tuple(made[item.unit] for item in devices)


def _train(
    motor: BenchMotor, meter: RequestedDevice | None, drive: RequestedDevice | None, profiles: dict[int, Profile],
    rng: Random,
) -> Iterator[BenchDevice]:  # fmt: skip
    load, speed, seed = rng.uniform(*LOAD), rng.uniform(*SPEED), rng.getrandbits(32)
    driven, swing = drive is not None or not motor.machine.induction, (SWING, rng.uniform(*SWING_S))
    mains_v, mains_hz = supply_of(motor.machine)

    def instrument(profile: Profile, load: float) -> ReferenceMotor:
        return ReferenceMotor(motor.machine, load, seed, driven, speed, refresh_s=profile.refresh_s or REFRESH_S,
                              mains_v=mains_v, mains_hz=mains_hz, swing=swing)  # fmt: skip

    for item in filter(None, (meter, drive)):
        profile = profiles[item.unit]
        ratios = Ratios() if item is drive else motor.ratios
        if profile.dialect == "dlt645":
            ratios = dataclasses.replace(ratios, in_meter=False)  # it shows secondary values
        for name, value in unrepresentable(profile, instrument(profile, 1.0), ratios).items():
            unit = vocabulary()[name].unit
            raise InvalidValue(codes.BENCH_RANGE, profile=profile.id, quantity=name, value=value, unit=unit)
        place = Place()
        if item is drive and meter is not None and profiles[meter.unit].phases == 3:
            place = Place(fed_by=name_of(profiles[meter.unit], meter.unit))
        elif item is meter and profile.phases == 3 and drive is not None:
            place = Place("drive-input")
        elif item is meter and profile.phases == 3 and motor.machine.induction:
            place = Place("motor")
        yield BenchDevice(profile, item.unit, Random(seed), motor=instrument(profile, load), ratios=ratios, place=place)
