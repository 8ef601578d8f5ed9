"""The systemd unit of the page: it has no way to a device."""

from __future__ import annotations

from tests.deploy.test_unit import WEB_UNIT, settings


def test_the_page_reaches_no_device_and_no_privilege() -> None:
    unit = settings(WEB_UNIT)
    assert "DeviceAllow" not in unit
    assert "SupplementaryGroups" not in unit
    assert unit["PrivateDevices"] == ["yes"]
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["User"] == ["magwatt"]
    assert not {"StateDirectory", "ReadWritePaths"} & unit.keys(), "the state of the agent is read only"


def test_the_unit_listens_on_this_computer_only() -> None:
    unit = settings(WEB_UNIT)
    assert unit["ExecStart"] == ["/opt/magwatt/bin/magwatt web --config /etc/magwatt/plant.toml"]
