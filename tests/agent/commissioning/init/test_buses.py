"""What the result of a scan adds to the answers."""

from __future__ import annotations

from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.scan_result import FoundDevice, ScanResult, Target
from agent.commissioning.init.answers import value_of
from agent.commissioning.init.buses import with_scan
from drivers.serial_sniffer import SerialSetting


def test_a_line_that_another_master_polls_is_only_listened_to() -> None:
    setting = SerialSetting(9600, 8, "E")
    target = Target(serial="/dev/ttyUSB0", listens=True, period_s=5.0)
    result = ScanResult(target, setting, [FoundDevice(7, setting, 3, 0, 0.0, Identified(7))])
    answers = with_scan({"bus": {"line": {"serial": "/dev/ttyUSB0"}}}, "line", result)
    assert value_of(answers, ("bus", "line", "mode")) == "listen"
    assert value_of(answers, ("bus", "line", "poll_interval")) == "5s"
    assert value_of(answers, ("init", "bus", "line", "found")) == [7]
    polled = with_scan({"bus": {"line": {}}}, "line", ScanResult(Target(serial="/dev/ttyUSB0"), setting))
    assert value_of(polled, ("bus", "line", "mode")) is None
