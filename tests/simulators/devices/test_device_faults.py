"""Faults of a device: displayed values and times, on every kind of bus."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

import pytest
from support.plant import scenario_problem

from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.profiles import load_profile
from drivers.reading import Value
from drivers.reasons import InvalidValue, Reason
from simulators.bus.memory import MemoryLink
from simulators.clock import LoopClock, run_virtual
from simulators.devices.device import Refused, SimulatedDevice
from simulators.devices.device_faults import KINDS, REFUSALS, WARM_UP_S, DeviceFault, DeviceState
from simulators.reasons import FAULT_TIMES, SCENARIO_CHOICE


def sound(now_s: float) -> Mapping[str, Value]:
    return {"active_power": 1000.0 + now_s, "energy_import": 50.0 + now_s, "serial_number": "4711"}


def displayed(kind: str, *at_s: float, code: int = 6) -> list[DeviceState]:
    """Return the states at the given times of a fault from 10 s to 20 s, in steps of 1 s."""
    found = []
    for end_s in at_s:
        state = DeviceState([DeviceFault(kind, 10, 20, code)])
        for now_s in range(int(end_s) + 1):
            state.update(now_s, sound(now_s))
        found.append(state)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_before_its_start_a_fault_has_no_effect(kind: str) -> None:
    (before,) = displayed(kind, 9)
    assert (before.silent, before.exception_code, before.values) == (False, None, sound(9))
    healthy = DeviceState()
    healthy.update(15, sound(15))
    assert healthy.values == sound(15)


def test_each_kind_of_fault_has_its_effect() -> None:
    during, after = displayed("silent", 10, 20)
    assert during.silent
    assert not after.silent
    during, after = displayed("refusing", 15, 20, code=4)
    assert (during.exception_code, after.exception_code) == (4, None)
    during, after = displayed("stuck", 19, 20)
    assert during.values == sound(10)
    assert after.values == sound(20)
    during, after = displayed("blank", 15, 20)
    assert during.values == {"energy_import": 65.0, "serial_number": "4711"}
    assert after.values == sound(20)
    during, waking, after = displayed("reboot", 15, 20, 20 + WARM_UP_S)
    assert during.silent
    assert waking.values == {**sound(20), "active_power": 0.0}
    assert after.values == sound(23)
    (after,) = displayed("counter-reset", 25)
    assert after.values == {**sound(25), "energy_import": 15.0}


def test_two_faults_of_one_kind_are_reported_each_in_its_time() -> None:
    state = DeviceState([DeviceFault("silent", 10, 20), DeviceFault("silent", 30, 40), DeviceFault("stuck", 35, 40)])
    for now_s, silent, stuck in ((9, 0, 0), (15, 1, 0), (25, 0, 0), (35, 1, 1), (40, 0, 0)):
        state.update(now_s, sound(now_s))
        assert state.active(now_s) == {"silent": silent, "stuck": stuck}
        assert state.silent == bool(silent)


def test_a_concurrent_read_gets_no_partial_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A serial line reads in another thread: a silent device must not respond between two instants."""
    state = DeviceState([DeviceFault("silent", 10, 20), DeviceFault("refusing", 10, 20)])
    state.update(12, sound(12))
    is_active, met = DeviceFault.is_active, []

    def looking(trouble: DeviceFault, now_s: float) -> bool:
        met.append((state.silent, state.exception_code))
        return is_active(trouble, now_s)

    monkeypatch.setattr(DeviceFault, "is_active", looking)
    state.update(13, sound(13))
    assert met == [(True, 6)] * 2


def test_a_blanked_value_is_not_available_in_the_registers() -> None:
    """An Eastron meter returns a float NaN, where 0 would be wrong."""
    (state,) = displayed("blank", 15)
    device = SimulatedDevice(1, load_profile("eastron/sdm630"), lambda: state.values, state=state)
    words = device.read(4, 0x34, 2)
    assert math.isnan(struct.unpack(">f", struct.pack(">HH", *words))[0])


def test_a_silent_device_causes_a_timeout_and_an_exception_of_a_gateway() -> None:
    (state,) = displayed("silent", 15)
    device = SimulatedDevice(1, load_profile("eastron/sdm630"), lambda: state.values, state=state)
    with pytest.raises(Refused, match="exception 11"):
        device.read(4, 0x34, 2)

    async def read(clock: LoopClock) -> int:
        link = MemoryLink([device], clock)
        for request in (Request(1, 4, 0x34, 2), Request(1, 0x2B, 0, 0)):
            with pytest.raises(LinkTimeout):
                await link.read_block(request, 0.5)
        return clock.monotonic_ns()

    assert run_virtual(read) == 1_000_000_000


def test_a_rejected_request_has_its_exception_code() -> None:
    (state,) = displayed("refusing", 15, code=6)
    device = SimulatedDevice(1, load_profile("eastron/sdm630"), lambda: state.values, state=state)

    async def read(clock: LoopClock) -> int:
        with pytest.raises(ModbusExceptionResponse) as refused:
            await MemoryLink([device], clock).read_block(Request(1, 4, 0x34, 2), 0.5)
        return refused.value.code

    assert run_virtual(read) == 6


@pytest.mark.parametrize(
    ("arguments", "place", "cause"),
    [
        (("asleep", 1, 2), "kind", SCENARIO_CHOICE(allowed=KINDS, value="asleep")),
        (("stuck", 2, 2), "to_h", FAULT_TIMES(from_s=2, to_s=2)),
        (("refusing", 1, 2, 99), "code", SCENARIO_CHOICE(allowed=tuple(map(str, REFUSALS)), value="99")),
    ],
)
def test_an_invalid_fault_of_a_device(arguments: tuple[str, float, float], place: str, cause: Reason) -> None:
    with pytest.raises(InvalidValue) as caught:
        DeviceFault(*arguments)
    assert scenario_problem(caught.value.reason) == (place, cause)
