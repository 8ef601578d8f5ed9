"""Simulated devices and their identification."""

from __future__ import annotations

import asyncio
from random import Random

from support.basics import HandClock

from agent.commissioning.discovery.identify import identify
from agent.commissioning.discovery.match import Identified
from drivers.profiles import Profile, load_profile, profile_ids
from simulators.bus.memory import MemoryLink
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import DeviceIdentification, identification, identity_values, identity_words
from simulators.devices.reference_motor import ReferenceMotor, draw_machine

SERVED = [name for name in profile_ids() if load_profile(name).uses_modbus]
LOADS = (0.6, 0.1, 1.05, 0.3)
UNIT = 7


def served(profile: Profile, seed: int, marked: bool = True) -> SimulatedDevice:
    """marked: with the identification registers and the reported name of the model; otherwise with its values only."""
    random = Random(seed)
    motor = ReferenceMotor(draw_machine(random, 55, random.random() < 0.5), LOADS[seed % len(LOADS)], seed, driven=True)
    truth = {row.name: 41.0 for row in profile.registers if "percent" in row.name}
    truth |= motor.drive(5.0) if profile.kind != "meter" else motor.meter(5.0)
    truth.pop("model_code", None)  # the result of the identification must not depend on it
    if marked:
        truth |= identity_values(profile)
    return SimulatedDevice(
        UNIT,
        profile,
        lambda: truth,
        rating_kw=motor.machine.kw,
        extra=identity_words(profile) if marked else None,
    )


def look(device: SimulatedDevice, marked: bool = True, without: str = "", fc03: bool = True) -> Identified:
    device.identification = identification(device.profile) if marked else DeviceIdentification()
    candidates = [load_profile(name) for name in SERVED if name != without]
    link = MemoryLink([device], HandClock())
    return asyncio.run(identify(link, UNIT, fc03=fc03, profiles=candidates))


def names(known: Identified) -> list[str]:
    return [match.profile.id for match in known.matches]
