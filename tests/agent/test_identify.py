"""`magwatt identify` over every model that can be served: the right one alone, or in a list of at most five.

The devices show values of a motor that this house's simulators compute (simulators/devices/one_motor.py) through their
own encoder, and the marks that the facts state. The counterpart: a model that is not among the candidates, and devices
that are none of them.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from testkit import HandClock

from agent.cli import main
from agent.discover.fingerprint import READ_ID, SERVER_ID, Evidence, chance, judge_names
from agent.discover.identified import Identified
from agent.discover.identify import identify
from agent.discover.laws import LAWS
from agent.discover.paste import to_toml
from agent.discover.scan_result import Target
from drivers.eavesdrop import Setting
from drivers.errors import DeviceRefused, LinkTimeout
from drivers.framing import Request
from drivers.profiles import Profile, load_profile, profile_ids
from simulators.bus.memory import MemoryLink
from simulators.bus.nameplate import Nameplate
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.devices.named import marked_values, marks, nameplate
from simulators.devices.one_motor import OneMotor, draw_machine

SERVED = [name for name in profile_ids() if load_profile(name).dialect in ("modbus", "sunspec")]
LOADS = (0.6, 0.1, 1.05, 0.3)
UNIT = 7
LIST_MAX = 5


def served(profile: Profile, seed: int, marked: bool = True) -> SimulatedDevice:
    """marked: with the registers and names that tell the model; without, only its values do."""
    random = Random(seed)
    motor = OneMotor(draw_machine(random, 55, random.random() < 0.5), LOADS[seed % len(LOADS)], seed, driven=True)
    shown = {row.name: 41.0 for row in profile.registers if "percent" in row.name}
    shown |= motor.drive(5.0) if profile.kind != "meter" else motor.meter(5.0)
    shown.pop("model_code", None)  # that is what is to be found out
    if marked:
        shown |= marked_values(profile)
    return SimulatedDevice(
        UNIT, profile, lambda: shown, rating_kw=motor.machine.kw, extra=marks(profile) if marked else None
    )


def look(device: SimulatedDevice, marked: bool = True, without: str = "", fc03: bool = True) -> Identified:
    plates = {UNIT: nameplate(device.profile)} if marked else {}
    candidates = [load_profile(name) for name in SERVED if name != without]
    link = MemoryLink([device], HandClock(), nameplates=plates)
    return asyncio.run(identify(link, UNIT, fc03=fc03, profiles=candidates))


def names(known: Identified) -> list[str]:
    return [match.profile.id for match in known.matches]


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
            raise DeviceRefused(1, "strange")
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


# --- weights ---


def test_what_anything_would_show_tells_nothing() -> None:
    """A float that must be a mains frequency tells more than a signed word that may be any torque."""
    frequency = load_profile("eastron/sdm630").register("frequency")
    torque = load_profile("vacon/vacon-100").register("motor_torque")
    assert frequency is not None
    assert torque is not None
    assert chance(frequency) < 0.1 < 0.25 < chance(torque)


SHAFT = "shaft power fits the motor power"
LAW = {law.text: law.deviation for law in LAWS}


@pytest.mark.parametrize(
    ("law", "values", "holds"),
    [
        ("line voltage √3 times the phase voltage", {"voltage_ll_avg": 400.0, "voltage_ln_avg": 231.0}, True),
        ("line voltage √3 times the phase voltage", {"voltage_ll_avg": 231.0, "voltage_ln_avg": 231.0}, False),
        ("S² = P² + Q²", {"apparent_power": 500.0, "active_power": 300.0, "reactive_power": 400.0}, True),
        ("S² = P² + Q²", {"apparent_power": 500.0, "active_power": 3000.0, "reactive_power": 400.0}, False),
        ("PF = P/S", {"apparent_power": 500.0, "active_power": -300.0, "power_factor": 0.6}, True),
        ("DC bus fits the mains", {"dc_bus_voltage": 565.0, "mains_voltage": 400.0}, True),
        ("DC bus fits the mains", {"dc_bus_voltage": 400.0, "mains_voltage": 400.0}, False),
        ("speed fits frequency and pole pairs", {"output_frequency": 50.0, "motor_speed": 1470.0}, True),
        ("speed fits frequency and pole pairs", {"output_frequency": 50.0, "motor_speed": 1200.0}, False),
        (SHAFT, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 17.0}, True),
        (SHAFT, {"motor_torque_nm": 100.0, "motor_speed": 1500.0, "motor_power": 5.0}, False),
        ("three phase voltages of one size", {f"voltage_l{k}n": 230.0 + k for k in (1, 2, 3)}, True),
        ("three phase voltages of one size", {f"voltage_l{k}n": 100.0 * k for k in (1, 2, 3)}, False),
    ],
)  # fmt: skip
def test_laws_hold_where_physics_does(law: str, values: dict[str, float], holds: bool) -> None:
    off = LAW[law](values)
    assert off is not None
    assert (off <= 1) == holds


def test_laws_are_silent_where_nothing_is_known() -> None:
    for law in LAWS:
        assert law.deviation({}) is None
        assert law.deviation({name: 0.0 for name in ("active_power", "apparent_power", "motor_speed")}) is None


# --- what is printed ---

HEAD = '[site]\nid = "test"\ngateway = "gw"\n\n[store]\ndir = "state"\n\n'


def check(tmp_path: Path, toml: str) -> tuple[int, str]:
    file = tmp_path / "plant.toml"
    file.write_text(HEAD + toml)
    done = CliRunner().invoke(main, ["check", str(file)])
    return done.exit_code, done.output


@pytest.mark.parametrize("name", ["eastron/sdm630", "schneider/pm5000", "abb/b23", "sunspec/meter-203"])
def test_a_meters_table_passes_check_as_it_stands(tmp_path: Path, name: str) -> None:
    target = Target(host="192.0.2.40", rtu=True, setting=Setting(9600, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.sure
    code, told = check(tmp_path, to_toml(target, target.setting, [known]))
    assert code == 0, told


@pytest.mark.parametrize("name", ["yaskawa/ga800", "abb/acs880", "invt/gd200a"])
def test_a_drives_table_waits_for_one_decision(tmp_path: Path, name: str) -> None:
    """comm_loss is the only finding; said, the table passes."""
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.sure
    toml = to_toml(target, target.setting, [known, look(served(load_profile("eastron/sdm630"), 0))])
    toml = toml.replace("unit = 7", "unit = 8", 1).replace("-7]", "-8]", 1)
    code, told = check(tmp_path, toml)
    assert code == 1, told
    assert [line for line in told.splitlines() if line.startswith("finding")] == [
        line for line in told.splitlines() if "comm_loss" in line
    ]
    code, told = check(tmp_path, toml.replace('# comm_loss = "not used"', 'comm_loss = "not used"'))
    assert code == 0, told


def test_a_list_leaves_the_choice_to_a_person(tmp_path: Path) -> None:
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    known = look(served(load_profile("schneider/atv320"), 0))
    assert names(known) == ["schneider/atv320", "schneider/atv630"] or set(names(known)) > {"schneider/atv320"}
    toml = to_toml(target, target.setting, [known])
    assert check(tmp_path, toml)[0] == 2, "no profile is chosen for anybody"
    chosen = toml.replace('# profile = "schneider/atv320"', 'profile = "schneider/atv320"')
    assert check(tmp_path, chosen)[0] == 1


def test_the_command_names_a_device_on_a_real_port() -> None:
    async def scene() -> tuple[int, str]:
        profile = load_profile("schneider/pm5000")
        bus = TcpBus([served(profile, 0)], nameplates={UNIT: nameplate(profile)})
        place = await bus.start()
        try:
            words = ["identify", "--tcp", place, "--unit", str(UNIT), "--yes-fc03"]
            done = await asyncio.to_thread(_in_process, words)
        finally:
            await bus.stop()
        return done

    code, out = asyncio.run(scene())
    assert code == 0
    assert 'profile = "schneider/pm5000"' in out
    assert "[meter.meter-7]" in out


def test_the_watchdog_is_spoken_of_before_the_first_question_and_in_the_toml() -> None:
    """No bus is there: the warning comes first. What is pasted says it again, with the drive's own parameters."""
    done = CliRunner().invoke(main, ["identify", "--tcp", "127.0.0.1:1", "--unit", "1", "--yes-fc03"])
    assert done.output.index("communication watchdog") < done.output.index("127.0.0.1:1: ")
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    toml = to_toml(target, target.setting, [look(served(load_profile("yaskawa/ga800"), 0))])
    assert "Polling may arm, feed or mask its communication watchdog" in toml
    assert "H5-09" in toml


def test_a_model_that_is_not_in_the_library_is_exit_1() -> None:
    """A Danfoss of a series that nobody described, with the map of its relatives."""

    async def scene() -> tuple[int, str]:
        stranger = Nameplate(server_id=b"\x01\xffVLT Midi Drive FC 280")
        bus = TcpBus([served(load_profile("danfoss/fc302"), 0)], nameplates={UNIT: stranger})
        place = await bus.start()
        try:
            return await asyncio.to_thread(_in_process, ["identify", "--tcp", place, "--unit", str(UNIT), "--yes-fc03"])
        finally:
            await bus.stop()

    code, out = asyncio.run(scene())
    assert code == 1
    assert out.startswith(f"# unit {UNIT}: unknown model, nearest danfoss/")
    assert "FC 280" in out


def _in_process(words: list[str]) -> tuple[int, str]:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_nobody_at_that_unit_is_one_line() -> None:
    async def scene() -> tuple[int, str]:
        bus = TcpBus([served(load_profile("schneider/pm5000"), 0)])
        place = await bus.start()
        try:
            return await asyncio.to_thread(_in_process, ["identify", "--tcp", place, "--unit", "9"])
        finally:
            await bus.stop()

    code, out = asyncio.run(scene())
    assert code == 1
    assert out.count("\n") == 1
    assert "unit 9" in out


def test_the_score_of_a_map_is_finite() -> None:
    for name in SERVED:
        for row in load_profile(name).registers:
            if row.type != "string":
                assert 0 < chance(row) <= 1
                assert math.isfinite(math.log(chance(row)))
                assert chance(replace(row)) == chance(row), "chance is the same each time"


# --- bad lines, and devices that nobody knows ---


class Losing(MemoryLink):
    """The answers around `address` get lost `times` times; what is not there is refused in words."""

    address, times, asked = 0, 1, 0

    async def read_block(self, request: Request, *rest: float, **more: int) -> bytes:  # type: ignore[override]
        if request.registers and request.address <= self.address < request.address + request.registers:
            self.asked += 1
            if self.asked <= self.times:
                raise LinkTimeout("lost")
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


@pytest.mark.parametrize(
    ("told", "is_maker"),
    [("Pulse Meter Details 12", False), ("LS Electric S100", True), ("LSELECTRIC", True), ("maker=ls;type=1", True)],
)
def test_a_makers_name_is_a_word_not_letters_inside_others(told: str, is_maker: bool) -> None:
    profile = next(load_profile(name) for name in profile_ids() if name.startswith("ls/"))
    evidence = Evidence()
    judge_names(profile, told, evidence, READ_ID)
    assert (evidence.score > 0) == is_maker, (evidence.pro, evidence.contra)


@pytest.mark.parametrize(
    ("told", "says"),
    [("FC-302P75KT5", True), ("VLT FC 301", True), ("VLT AQUA Drive FC 202", False), ("Danfoss", False)],
)
def test_a_type_code_names_the_model(told: str, says: bool) -> None:
    evidence = Evidence()
    judge_names(load_profile("danfoss/fc302"), told, evidence, SERVER_ID)
    assert evidence.named == says
