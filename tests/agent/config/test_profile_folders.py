"""A folder of own register maps: used, or rejected with every reason."""

from __future__ import annotations

from pathlib import Path

from support.config_text import bus, load, meter, problems, site

from agent.acquisition.pollers import pollers
from agent.core.clock import SystemClock
from drivers.profiles import set_profile_folders

OWN_PROFILE = """
schema = 1
[device]
id = "acme/p9"
vendor = "Acme"
model = "P9"
kind = "meter"
confidence = "one_source"
[protocol]
transports = ["tcp"]
function_code = 3
max_registers = 20
word_order = "big"
byte_order = "big"
addressing = "as printed"
dialect = "modbus"
max_registers_basis = "documented"
min_gap_ms = 0
timeout_ms = 500
refresh_ms = 1000
reads_across_gaps = "unknown"
[protocol.tcp]
port = 502
unit_id = 1
[[register]]
name = "active_power"
address = 7
type = "i32"
scale = 0.1
unit = "W"
poll = "fast"
[[source]]
kind = "vendor_manual_page"
ref = "Acme P9 manual, page 12"
covers = "all"
"""
OWN = site(profiles="maps") + bus() + meter("m", profile="acme/p9", measuring_point="feeder")


def test_a_folder_of_own_profiles(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "p9.toml").write_text(OWN_PROFILE, encoding="utf-8")
    try:
        config = load(tmp_path, OWN)
        assert config.meters["m"].profile == "acme/p9"
        (poller,) = pollers(config, SystemClock(), lambda reading: None)
        assert [(b.function, b.address, b.count) for b in poller.devices[0].device.blocks()] == [(3, 7, 2)]
    finally:
        set_profile_folders(())


def test_a_folder_of_own_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    [first, *_] = problems(tmp_path, OWN)
    assert first.key == "site.profiles"
    assert str(tmp_path / "maps") in str(first)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "p9.toml").write_text(OWN_PROFILE.replace("active_power", "activ_power"), encoding="utf-8")
    [problem] = problems(tmp_path, OWN)
    set_profile_folders(())
    assert problem.key == "meter.m.profile"
    assert "activ_power" in str(problem)
    assert "'active_power'" in str(problem)
