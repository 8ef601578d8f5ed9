"""`magwatt identify` over every model that can be served: the right one alone, or in a list of at most five.

The devices show values of a motor that this house's simulators compute (simulators/devices/one_motor.py) through their
own encoder, and the marks that the facts state. The counterpart: a model that is not among the candidates, and devices
that are none of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest
from identifykit import SERVED, UNIT, look, names, served
from testkit import HandClock

from agent.discover.identify import identify
from agent.discover.paste import to_toml
from agent.discover.scan_result import Target
from drivers.eavesdrop import Setting
from drivers.error_reasons import NO_RESPONSE
from drivers.errors import DeviceRefused, LinkTimeout
from drivers.framing import Request
from drivers.profiles import load_profile, profile_ids
from simulators.bus.memory import MemoryLink
from simulators.devices.named import nameplate

LIST_MAX = 5


@pytest.mark.parametrize("name", SERVED)
def test_each_model_is_named_or_listed(name: str) -> None:
    known = look(served(load_profile(name), 0))
    assert name in names(known)
    assert len(known.matches) <= LIST_MAX
    assert names(known) == [name] or not known.sure
    assert all(match.reasons for match in known.matches)
    assert known.requests < 250


@pytest.mark.soak
@pytest.mark.parametrize("marked", [True, False])
def test_over_loads_and_sizes_no_model_is_named_wrongly(marked: bool) -> None:
    counted: Counter[str] = Counter()
    for name in SERVED:
        for seed in range(40):
            known = look(served(load_profile(name), seed, marked), marked)
            right = name in names(known)
            counted["wrong single" if known.sure and not right else "single" if known.sure else
                    "in list" if right else "not in list" if known.matches else "unknown"] += 1  # fmt: skip
    print(f"\nmarked {marked}: {dict(counted)}")
    assert not counted["wrong single"]
    if marked:
        assert counted["single"] + counted["in list"] == counted.total()


def test_without_marks_the_values_alone_never_name_another() -> None:
    """Firmware that hides its marks: registers and physics are left."""
    for name in SERVED:
        known = look(served(load_profile(name), 1, marked=False), marked=False)
        assert not known.sure or names(known) == [name], names(known)


def test_a_model_that_is_not_known_is_not_called_by_a_strangers_name() -> None:
    """Left out of the library, a device may look like a relative of the same maker, who copied the map, or like nobody.

    Never like another maker's device.
    """
    relatives = Counter[str]()  # that are taken for the device itself; those called "nearest" are not
    for name in SERVED:
        known = look(served(load_profile(name), 0), without=name)
        if known.sure:
            vendor = names(known)[0].split("/")[0]
            relatives[vendor] += 1
            assert vendor == name.split("/")[0], (name, names(known))
    assert relatives.total() <= len(SERVED) / 12


class Strange:
    """A device that answers every read with what `word` gives; no map's."""

    answered_s = 0.01

    def __init__(self, word: object) -> None:
        self._word = word

    async def read_block(self, request: Request, *_: object, **__: object) -> bytes:
        if not request.registers:
            raise DeviceRefused(1, request.unit, request.address)
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
def test_a_device_that_answers_everything_is_nobody(word: object) -> None:
    known = asyncio.run(identify(Strange(word), 1, fc03=True))  # type: ignore[arg-type]
    assert not known.sure, [(match.profile.id, match.score, match.reasons) for match in known.matches]


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
    assert any("function 03" in note for note in known.notes)


def test_a_private_dialect_is_no_candidate() -> None:
    device = served(load_profile("eastron/sdm630"), 0)
    known = asyncio.run(identify(MemoryLink([device], HandClock()), UNIT, fc03=True))
    assert "huanyang/hy" in profile_ids()
    assert all(match.profile.dialect == "modbus" for match in known.matches)


def test_a_device_that_falls_silent_gives_what_is_known() -> None:
    known = asyncio.run(identify(MemoryLink([], HandClock()), UNIT, fc03=True))
    assert not known.matches
    assert known.notes[0].startswith("it fell silent")


def test_latched_pages_and_watchdog_registers_are_never_read() -> None:
    """Toshiba's FExx pages show the last trip; where reading a register feeds a watchdog, it is not read either."""
    for name in SERVED:
        profile = load_profile(name)
        forbidden = {row.name for row in profile.registers if row.latched or row.feeds_watchdog}
        from agent.discover.identify import _telling

        asked = {row.name for block in _telling(profile) for row in block.registers}
        assert not asked & forbidden


class Losing(MemoryLink):
    """The answers around `address` get lost `times` times; what is not there is refused in words."""

    address, times, asked = 0, 1, 0

    async def read_block(self, request: Request, *rest: float, **more: int) -> bytes:  # type: ignore[override]
        if request.registers and request.address <= self.address < request.address + request.registers:
            self.asked += 1
            if self.asked <= self.times:
                raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=1.0)
        return await super().read_block(request, *rest, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("times", [1, 2, 50])
def test_a_lost_answer_is_not_a_refusal(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.discover.questions.QUARANTINE_S", 0.0)
    name = "siemens/pac2200"
    device = served(load_profile(name), 0)
    known = look(device)
    assert known.sure
    link = Losing([device], HandClock(), nameplates={UNIT: nameplate(device.profile)})
    link.address, link.times = 65, times
    candidates = [load_profile(item) for item in SERVED]
    lossy = asyncio.run(identify(link, UNIT, fc03=True, profiles=candidates))
    assert link.asked >= 2
    assert names(lossy)[0] == name
    assert not any("refuse" in doubt for doubt in lossy.matches[0].doubts)
    if times == 1:
        assert lossy.matches[0].score == pytest.approx(known.matches[0].score)
    else:
        assert not lossy.foreign


def test_the_time_on_the_wire_is_not_the_devices_own() -> None:
    """At 2400 baud 60 registers take 0.6 s: a device that answers at once needs more than its 0.3 s."""
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
    ("model", "nearest", "why"),
    [
        ("delta/c2000", "delta/vfd-b", "refuses drive_temperature"),
        ("danfoss/fc202", "danfoss/fc302", "calls itself 'VLT AQUA Drive FC 202'"),
    ],
)
def test_a_relative_is_only_the_nearest_model(model: str, nearest: str, why: str) -> None:
    """What its own words or a refused register rule out is no name, though all values fit."""
    known = look(served(load_profile(model), 0), without=model)
    assert known.text == f"unknown model, nearest {nearest}"
    assert any(why in doubt for doubt in known.matches[0].doubts)
    toml = to_toml(Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E")), None, [known])
    assert f'# profile = "{nearest}"' in toml
    assert "adding-a-device" in toml


def test_a_map_of_which_something_is_refused_stands_last() -> None:
    known = look(served(load_profile("delta/c2000"), 0))
    assert names(known) == ["delta/c2000", "delta/vfd-b"]
    assert [match.foreign for match in known.matches] == [False, True]
    assert not known.foreign


def test_who_does_not_name_itself_is_told_with_a_reserve() -> None:
    """Two models left out in a hundred look like a relative whose map they hold whole: the label decides."""
    known = look(served(load_profile("yaskawa/a1000"), 0), without="yaskawa/a1000")
    assert names(known) == ["yaskawa/ga800"]
    assert any("label" in note for note in known.notes)
    assert not any("label" in note for note in look(served(load_profile("eastron/sdm630"), 0)).notes)
