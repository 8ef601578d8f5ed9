"""The plant as a graph: feeders, shared meters and their allocation, devices that are not polled."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from support.config_text import at_input, bus, drive, load, load_all, magnet, meter, motor, problems, site

from agent.cli import main
from agent.config import reasons as codes
from agent.config.topology import assets, polled_devices

BASE = site() + bus(tcp="192.0.2.40:502")


def test_meters_in_series_are_not_a_loop(tmp_path: Path) -> None:
    text = BASE + at_input("a", fed_by="b") + at_input("b", 2, fed_by="c") + at_input("c", 3)
    assert load_all(tmp_path, text)[1].problems == []


def test_a_loop_is_one_problem_and_its_branches_are_none(tmp_path: Path) -> None:
    text = BASE + at_input("a", fed_by="b") + at_input("b", 2, fed_by="c") + at_input("c", 3, fed_by="b")
    (only,) = problems(tmp_path, text)
    assert (only.key, only.reason) == ("meter.b.fed_by", codes.FED_BY_LOOP(meters=("b", "c")))


def test_an_unchecked_watchdog_is_a_finding_and_the_drive_is_not_polled(tmp_path: Path) -> None:
    text = BASE + at_input("m") + drive("d", "m", comm_loss=None) + magnet("p", "d")
    config, report = load_all(tmp_path, text)
    [finding] = report.findings
    assert (finding.key, finding.reason.code) == ("drive.d.comm_loss", codes.COMM_LOSS_PARAMETER_NOT_STATED)
    assert "H5-0" in finding.reason.data["parameter"]  # of the profile
    assert [item.name for item in polled_devices(config)] == ["m"]
    done = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")])
    assert done.exit_code == 1


def test_a_motor_with_a_meter_only(tmp_path: Path) -> None:
    config = load(tmp_path, BASE + meter("m") + motor("p", "m"))
    (only,) = assets(config)
    assert only.meter is not None
    assert (only.name, only.meter.name, only.drive, only.shared) == ("p", "m", None, False)


def test_two_drives_share_a_meter_by_their_power(tmp_path: Path) -> None:
    text = BASE + at_input("m") + drive("d1", "m", 2) + drive("d2", "m", 3) + magnet("p1", "d1") + magnet("p2", "d2")
    config = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert set(found) == {"p1", "p2", "m"}, "the shared meter is an asset of its own"
    assert found["p1"].rule == "drive-power"
    assert found["p1"].shared
    assert [branch.name for branch in found["p1"].branches] == ["d1", "d2"]


def test_a_motor_direct_on_line_and_a_drive_share_a_meter_by_rating(tmp_path: Path) -> None:
    text = (
        BASE
        + meter("m", measuring_point="feeder")
        + drive("d", "m")
        + magnet("p1", "d", kw=100)
        + motor("p2", "m", kw=50)
    )
    config = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert found["p2"].rule == "rated-power"
    assert {branch.name: branch.rated_kw for branch in found["p2"].branches} == {"d": 100, "p2": 50}


def test_two_motors_share_a_drive_by_rating(tmp_path: Path) -> None:
    text = BASE + at_input("m") + drive("d", "m") + magnet("p1", "d", kw=30) + magnet("p2", "d", kw=10)
    config = load(tmp_path, text)
    found = {asset.name: asset for asset in assets(config)}
    assert (found["p1"].drive_share, found["p2"].drive_share) == (0.75, 0.25)
    assert found["p1"].shared


def test_a_bus_that_is_only_listened_to_needs_no_permission_to_poll(tmp_path: Path) -> None:
    """Nothing is sent, so that no watchdog can accept this computer as its master."""
    line = bus(tcp=None, serial="/dev/ttyS7", line="19200 8N1", mode="listen")
    for comm_loss in (None, "armed"):
        text = site() + line + at_input("m") + drive("d", "m", comm_loss=comm_loss) + magnet("p", "d")
        config, report = load_all(tmp_path, text)
        assert report.findings == []
        assert [item.name for item in polled_devices(config)] == ["m", "d"]


def test_only_a_serial_line_can_be_listened_to(tmp_path: Path) -> None:
    (only,) = problems(tmp_path, site() + bus(mode="listen") + meter())
    assert (only.key, only.reason.code) == ("bus.b.mode", codes.LISTEN_NEEDS_A_LINE)
    assert load(tmp_path, site() + bus(framing="rtu", mode="listen") + meter()).buses["b"].listens
    sunspec = meter(profile="sunspec/meter-203")
    (only,) = problems(tmp_path, site() + bus(framing="rtu", mode="listen") + sunspec)
    assert only.reason.code == codes.SUNSPEC_ON_LISTENED_BUS
