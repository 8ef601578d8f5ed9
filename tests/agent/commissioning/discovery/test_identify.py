"""Identification of every model that can be simulated: the right one alone, or in a list of at most five.

The devices serve the values of a simulated motor (simulators/devices/reference_motor.py) through their own encoder, and
the identification registers of their profiles. Also: a model that is not among the candidates, and devices that are
none.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest
from support.basics import HandClock
from support.identification import SERVED, UNIT, look, names, served

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.identify import identify, sampled_blocks
from agent.commissioning.discovery.scan_result import Target
from drivers.error_reasons import NO_RESPONSE
from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.profiles import load_profile, profile_ids
from drivers.reasons import Code
from drivers.serial_sniffer import SerialSetting
from simulators.bus.memory import MemoryLink
from simulators.devices.identity import identification

LIST_MAX = 5


@pytest.mark.parametrize("name", SERVED)
def test_each_model_is_named_or_listed(name: str) -> None:
    known = look(served(load_profile(name), 0))
    assert name in names(known)
    assert len(known.matches) <= LIST_MAX
    assert names(known) == [name] or not known.conclusive
    assert all(match.pro for match in known.matches)
    assert known.requests < 250


@pytest.mark.soak
@pytest.mark.parametrize("marked", [True, False])
def test_over_loads_and_sizes_no_model_is_named_wrongly(marked: bool) -> None:
    counted: Counter[str] = Counter()
    for name in SERVED:
        for seed in range(40):
            known = look(served(load_profile(name), seed, marked), marked)
            right = name in names(known)
            counted["wrong single" if known.conclusive and not right else "single" if known.conclusive else
                    "in list" if right else "not in list" if known.matches else "unknown"] += 1  # fmt: skip
    print(f"\nmarked {marked}: {dict(counted)}")
    assert not counted["wrong single"]
    if marked:
        assert counted["single"] + counted["in list"] == counted.total()


def test_without_identification_values_do_not_name_another_model() -> None:
    """Firmware without identification registers: the evidence is the values and their relations."""
    for name in SERVED:
        known = look(served(load_profile(name), 1, marked=False), marked=False)
        assert not known.conclusive or names(known) == [name], names(known)


def test_an_unknown_model_is_not_named_as_another_one() -> None:
    """A device whose profile is not in the library may match a related model of the same manufacturer, or none.

    It never matches a device of another manufacturer.
    """
    relatives = Counter[str]()  # identified as the device; similar models do not count
    for name in SERVED:
        known = look(served(load_profile(name), 0), without=name)
        if known.conclusive:
            vendor = names(known)[0].split("/")[0]
            relatives[vendor] += 1
            assert vendor == name.split("/")[0], (name, names(known))
    assert relatives.total() <= len(SERVED) / 12


class Strange:
    """A device that responds to every read with the contents that `word` returns, which are of no map."""

    response_s = 0.01

    def __init__(self, word: object) -> None:
        self._word = word

    async def read_block(self, request: Request, *_: object, **__: object) -> bytes:
        if not request.registers:
            raise ModbusExceptionResponse(1, request.unit, request.address)
        words = [self._word(request.address + k) for k in range(request.registers)]  # type: ignore[operator]
        return b"".join(word.to_bytes(2, "big") for word in words)

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    "word",
    [
        lambda address: 0,
        lambda address: 1,
        lambda address: 0xFFFF,
        lambda address: 0x8000,
        lambda address: address,
        lambda address: 230,
        lambda address: Random(address).randrange(1 << 16),
        lambda address: Random(address + 7).randrange(5000),
        lambda address: int(10 ** Random(address + 99).uniform(0, 4.8)) & 0xFFFF,
    ],
)
def test_a_device_that_responds_to_every_request_is_not_identified(word: object) -> None:
    known = asyncio.run(identify(Strange(word), 1, fc03=True))  # type: ignore[arg-type]
    assert not known.conclusive, [(match.profile.id, match.score, match.pro) for match in known.matches]


def test_without_function_3_only_function_4_is_used() -> None:
    class Watched(MemoryLink):
        functions: set[int] = set()  # noqa: RUF012

        async def read_block(self, request: Request, *args: float, **more: int) -> bytes:  # type: ignore[override]
            self.functions.add(request.function)
            return await super().read_block(request, *args, **more)  # type: ignore[arg-type]

    device = served(load_profile("eastron/sdm630"), 0)
    link = Watched([device], HandClock())
    known = asyncio.run(identify(link, UNIT, fc03=False))
    assert Watched.functions == {4, 0x11, 0x2B}
    assert "eastron/sdm630" in names(known)
    total = sum(load_profile(item).uses_modbus for item in profile_ids())
    (note,) = [note for note in known.notes if note.code == codes.FUNCTION_03_NEEDED]
    assert 0 < note.data["n"] < note.data["total"] == total


def test_a_private_dialect_is_no_candidate() -> None:
    device = served(load_profile("eastron/sdm630"), 0)
    known = asyncio.run(identify(MemoryLink([device], HandClock()), UNIT, fc03=True))
    assert "huanyang/hy" in profile_ids()
    assert all(match.profile.dialect == "modbus" for match in known.matches)


def test_a_device_that_stops_responding_has_a_partial_result() -> None:
    known = asyncio.run(identify(MemoryLink([], HandClock()), UNIT, fc03=True))
    assert not known.matches
    assert known.notes == [codes.DEVICE_STOPPED_RESPONDING()]


def test_latched_pages_and_watchdog_registers_are_never_read() -> None:
    """Toshiba's FExx pages contain the last trip. Registers whose reading resets a watchdog are not read either."""
    for name in SERVED:
        profile = load_profile(name)
        forbidden = {row.name for row in profile.registers if row.latched or row.feeds_watchdog}
        read = {row.name for block in sampled_blocks(profile) for row in block.registers}
        assert not read & forbidden


class Losing(MemoryLink):
    """The responses with `address` are lost `times` times; absent registers cause exception responses."""

    address, times, requests = 0, 1, 0

    async def read_block(self, request: Request, *rest: float, **more: int) -> bytes:  # type: ignore[override]
        if request.registers and request.address <= self.address < request.address + request.registers:
            self.requests += 1
            if self.requests <= self.times:
                raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=1.0)
        return await super().read_block(request, *rest, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [1, 2, 50])
def test_a_lost_response_is_not_an_exception_response(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.commissioning.discovery.cached_reader.QUARANTINE_S", 0.0)
    name = "siemens/pac2200"
    device = served(load_profile(name), 0)
    known = look(device)
    assert known.conclusive
    device.identification = identification(device.profile)
    link = Losing([device], HandClock())
    link.address, link.times = 65, times
    candidates = [load_profile(item) for item in SERVED]
    lossy = asyncio.run(identify(link, UNIT, fc03=True, profiles=candidates))
    assert link.requests >= 2
    assert names(lossy)[0] == name
    rejections = {codes.REGISTER_REJECTED, codes.REGISTERS_REJECTED, codes.QUANTITY_REJECTED}
    assert not rejections & {reason.code for reason in lossy.matches[0].contra}
    if times == 1:
        assert lossy.matches[0].score == pytest.approx(known.matches[0].score)
    else:
        assert not lossy.only_similar


def test_transmission_time_is_not_response_time() -> None:
    """At 2400 baud 60 registers take 0.6 s: with an immediate response the timeout must still exceed 0.3 s."""
    seen: dict[int, float] = {}

    class Timed(MemoryLink):
        async def read_block(  # type: ignore[override]
            self, request: Request, timeout_s: float, *rest: float, **more: int
        ) -> bytes:
            seen[request.registers] = timeout_s
            return await super().read_block(request, timeout_s, *rest, **more)  # type: ignore[arg-type]

    character_s = 11 / 2400
    link = Timed([served(load_profile("eastron/sdm630"), 0)], HandClock())
    asyncio.run(identify(link, UNIT, 0.3, fc03=True, character_s=character_s))
    for registers, timeout_s in seen.items():
        if registers:
            assert timeout_s >= 0.3 + (8 + 5 + 2 * registers) * character_s - 1e-9


@pytest.mark.parametrize(
    ("model", "similar", "code", "data"),
    [
        ("delta/c2000", "delta/vfd-b", codes.QUANTITY_REJECTED, {"quantity": "drive_temperature"}),
        ("danfoss/fc202", "danfoss/fc302", codes.REPORTED_IDENTIFICATION, {"text": "VLT AQUA Drive FC 202"}),
    ],
)
def test_an_excluded_model_is_only_similar(model: str, similar: str, code: Code, data: dict[str, str]) -> None:
    """A model is excluded by the reported name or by a rejected register, though all values fit."""
    known = look(served(load_profile(model), 0), without=model)
    assert known.summary == codes.MODEL_SIMILAR(models=(similar,))
    against = [reason.data for reason in known.matches[0].contra if reason.code == code]
    assert any(data.items() <= found.items() for found in against)
    toml = to_toml(Target(serial="/dev/ttyUSB9", setting=SerialSetting(19200, 8, "E")), None, [known])
    assert f'# profile = "{similar}"' in toml
    assert "adding-a-device" in toml


def test_a_map_with_a_rejected_register_is_last() -> None:
    known = look(served(load_profile("delta/c2000"), 0))
    assert names(known) == ["delta/c2000", "delta/vfd-b"]
    assert [match.only_similar for match in known.matches] == [False, True]
    assert not known.only_similar


def test_a_device_without_identification_needs_its_label() -> None:
    """Two models in a hundred have the complete map of a related model: the label decides."""
    known = look(served(load_profile("yaskawa/a1000"), 0), without="yaskawa/a1000")
    assert names(known) == ["yaskawa/ga800"]
    assert codes.COMPARE_LABEL() in known.notes
    assert codes.COMPARE_LABEL() not in look(served(load_profile("eastron/sdm630"), 0)).notes
