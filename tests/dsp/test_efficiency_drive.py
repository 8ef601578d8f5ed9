"""Drive losses by class and by eight points, against published tables and a converter built otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsp import efficiency_drive as drive
from dsp.tables import reference_drive_loss_w


def converter_w(i: float, f: float) -> float:
    """Another model than the one that is fitted: threshold, resistance, switching; bridge and choke with the power."""
    q = i * f
    return 180 + i * (780 + 540 * i) + 380 * i + q * (330 + 180 * q)


def test_drive_losses_at_the_reference_point_and_down() -> None:
    assert drive.drive_loss_w(3240, 1.0, 0.9) == pytest.approx(3240, rel=0.01)
    points = [drive.drive_loss_w(3240, i, 0.9) for i in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert points == sorted(points)
    assert points[0] > 0, "a drive that waits still needs power"
    factors = [drive.drive_class_factor(name)[0] for name in ("IE2", "IE1", "IE0")]
    assert factors == sorted(factors)
    assert drive.drive_class_factor(None)[1] > drive.drive_class_factor("IE2")[1]


def test_eight_points_give_the_losses_everywhere() -> None:
    """S3: within 5 % of the loss and 0.3 points of the efficiency over 25–100 % of frequency and current."""
    surface = drive.eight_point([converter_w(i, f) for f, i in drive.EIGHT_POINTS])
    for f in (0.25, 0.4, 0.6, 0.8, 1.0):
        for i in (0.25, 0.4, 0.6, 0.8, 1.0):
            true_w, found_w = converter_w(i, f), surface.loss_w(i, f)
            assert abs(found_w / true_w - 1) < 0.05
            out_w = 55_000 * i * f
            assert abs(out_w / (out_w + found_w) - out_w / (out_w + true_w)) < 0.003
    assert surface.loss_w(0.0, 0.0) > 0
    assert surface.loss_w(0.5, -0.5) == surface.loss_w(0.5, 0.5)


@pytest.mark.parametrize("bad", [(1, 2, 3), (1,) * 7 + (0,), (1,) * 7 + (float("nan"),)])
def test_points_that_are_none(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="eight losses"):
        drive.eight_point(bad)


def test_reference_drive_losses() -> None:
    assert reference_drive_loss_w(55) == 3240
    assert 3240 < reference_drive_loss_w(60) < 4350
    assert reference_drive_loss_w(200) == 10_000
    assert reference_drive_loss_w(2000) == 2 * reference_drive_loss_w(1000)
    assert reference_drive_loss_w(0.05) == 100


def test_drive_shape_against_the_doe_table(data: Path) -> None:
    """Generic efficiencies of the US DOE tip sheet, 75 hp, printed to a whole percent: so ±0.005 / η of loss each."""
    lines = (data / "efficiency" / "vfd_efficiency_doe.csv").read_text().splitlines()
    row = next(line.split(",") for line in lines if line.startswith("75,"))
    for load, efficiency in zip((0.25, 0.42, 0.50, 0.75), map(float, row[3:7]), strict=True):
        true_w = load * 55_000 * (1 / efficiency - 1)
        print_w = load * 55_000 * 0.005 / efficiency**2
        speed = load ** (1 / 3)  # a pump: power with the cube of the speed, current with its square
        got_w = drive.drive_loss_w(55_000 * (1 / 0.97 - 1), speed**2, speed)
        assert abs(got_w - true_w) <= 0.35 * got_w + print_w
