"""`magwatt replay --summary`: aggregates, flicker, events and limits, compared with closed forms and published data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.limits import place_of
from agent.analysis.recordings.reader import RecordingSettings
from agent.cli import main
from drivers.reasons import Code

SHIFT = 2 * np.pi / 3 * np.arange(3)[:, None]
GENERATOR = "u1=VA_GC1,u2=VB_GC1,u3=VC_GC1,i1=IA_GC1,i2=IB_GC1,i3=IC_GC1"


def replay(*words: str) -> Result:
    result = CliRunner().invoke(main, ["replay", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def summary(*words: str, exit_code: int = 0) -> dict[str, Any]:
    done = replay(*words, "--summary", "--json")
    assert done.exit_code == exit_code, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, Any] = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
    return found


def mains(
    path: Path, seconds: float = 4.0, u: dict[int, float] | None = None, i: dict[int, float] | None = None
) -> str:
    """230 V and 100 A of 50 Hz at 10 kS/s, with harmonics in percent."""
    t = 2 * np.pi * 50 * np.arange(round(seconds * 10_000)) / 10_000
    shapes = []
    for rms, harmonics in ((230.0, u or {}), (100.0, i or {})):
        wave = sum(share / 100 * np.sin(order * (t - SHIFT)) for order, share in {1: 100.0, **harmonics}.items())
        shapes.append(rms * 2**0.5 * wave)
    np.savez(path, fs=10e3, u_abc=shapes[0], i_abc=shapes[1])
    return str(path)


def test_the_generator_has_the_published_values(data: Path) -> None:
    """59.996 Hz, 10.98 MW as windows average it, u2 1.133 %, 7.56/7.58/7.47 kV between 1.3 and 2.2 s."""
    file = str(data / "recordings" / "pycomtrade_gen" / "test_data2" / "test2.cfg")
    found = summary(file, "--map", GENERATOR, "--from", "1.3", "--to", "2.2", "--supply", "7967")
    (value,) = found["values_3s"]
    assert value["frequency_hz"] == pytest.approx(59.996, abs=0.005)
    assert value["p_w"] == pytest.approx(10.98e6, rel=0.01)
    assert value["u2_pct"] == pytest.approx(1.133, abs=0.1)
    assert value["u_rms_v"] == pytest.approx([7563, 7584, 7468], rel=1e-3)
    assert value["u_dc_v"][1] == pytest.approx(-144, abs=2), "the offset of its sensor"
    assert value["start_s"] == pytest.approx(1.3, abs=1e-3)
    assert found["events"] == []
    assert found["energy_wh"] == pytest.approx(value["p_w"] * (value["end_s"] - value["start_s"]) / 3600, rel=1e-4)
    whole = summary(file, "--map", GENERATOR, "--supply", "7967")
    (event,) = whole["events"]
    assert event["kind"] == "dip"
    assert 0.2 <= event["start_s"] <= 0.32, "its trigger is at 0.3 s"
    assert event["end_s"] < 1.2, "the disturbance is over by 1.2 s"


def test_no_limits_apply_at_a_drives_output(data: Path) -> None:
    file = str(data / "recordings" / "vfd_scope" / "hv350" / "scope_3.csv")
    found = summary(file, "--map", "i1=4", "--limits", "en50160", "--nominal-v", "400")
    assert found["values_3s"][0]["i_rms_a"] == [pytest.approx(2.084, rel=1e-3), None, None]
    assert found["values_3s"][0]["frequency_hz"] == pytest.approx(10.001, abs=0.005)
    (one,) = found["limits"]
    assert not one["applies"]
    assert one["reason"]["code"] == codes.FREQUENCY_NOT_MAINS
    assert one["reason"]["data"]["frequency_hz"] == pytest.approx(10.001, abs=0.005)


def test_a_rectifier_and_shorted_windings_have_the_published_values(data: Path, tmp_path: Path) -> None:
    """Diode bridge: THD of the current 29.3 %, order 5 24.0 %, PF 0.959. Motor: i2 over i1 by shorted turns."""
    folder = data / "recordings" / "rectifier_scope" / "in_r_load"
    at_s, u1, _, i1 = (
        column
        for name in ("CH1.CSV", "CH2.CSV")
        for column in np.genfromtxt(folder / name, delimiter=",", usecols=(3, 4)).T
    )
    np.savez(tmp_path / "a.npz", fs=1 / np.median(np.diff(at_s)), u=u1, i=i1)
    (value,) = summary(str(tmp_path / "a.npz"), "--map", "u1=u,i1=i")["values_3s"]
    assert abs(value["pf"]) == pytest.approx(0.959, abs=5e-3)
    assert value["thd_i_pct"][0] == pytest.approx(29.3, abs=1.0), "three cycles, eight bits"
    i2 = {}
    with zipfile.ZipFile(data / "recordings" / "itsc_motor" / "itsc_dev.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".csv"):
                currents = np.genfromtxt(archive.open(name), delimiter=",").T[-3:]
                np.savez(tmp_path / "b.npz", fs=1000.0, i_abc=currents)
                (value,) = summary(str(tmp_path / "b.npz"))["values_3s"]
                i2.setdefault(name.split("/")[0], []).append(value["i2_pct"])
    means = {kind: np.mean(values) for kind, values in i2.items()}
    for kind, percent in {"A1": 11.1, "A2": 19.1, "A3": 23.3, "A4": 24.1}.items():
        assert means[f"SC_{kind}_B0_C0"] == pytest.approx(percent, abs=0.4), (
            "fits of a whole second, here of its fifths"
        )
    assert 1.5 <= means["SC_HLT"] <= 4.5


def test_no_limits_apply_to_pwm_at_mains_frequency(tmp_path: Path) -> None:
    """Two-level inverter at 50 Hz: no limits apply, although the frequency is that of mains."""
    t = np.arange(40_000) / 40_000
    carrier = 2 * np.abs(2 * ((2000 * t) % 1) - 1) - 1
    legs = np.where(0.8 * np.sin(2 * np.pi * 50 * t - SHIFT) > carrier, 270.0, -270.0)
    np.savez(tmp_path / "a.npz", fs=40e3, u_abc=legs - legs.mean(axis=0))
    found = summary(str(tmp_path / "a.npz"), "--limits", "ieee519", "--limits", "iec61000-2-4", "--nominal-v", "400")
    assert found["values_3s"][0]["frequency_hz"] == pytest.approx(50.0, abs=0.01)
    assert [one["applies"] for one in found["limits"]] == [False, False]
    assert [one["reason"]["code"] for one in found["limits"]] == [codes.VOLTAGE_NOT_MAINS] * 2
    assert all(one["reason"]["data"]["rest_pct"] > 25 for one in found["limits"])


def test_limits_that_are_kept_and_exceeded(tmp_path: Path) -> None:
    """EN 50160 prints 6 % for order 5 and 5 % for order 7; IEEE 519 4 % for the currents of orders 2 to 10 below 20."""
    file = mains(tmp_path / "a.npz", u={5: 7.0, 7: 4.0}, i={5: 4.5, 7: 3.0})
    found = summary(file, "--supply", "230", "--limits", "en50160", exit_code=1)
    (one,) = found["limits"]
    held = {(item["quantity"], item["order"]): item for item in one["findings"]}
    assert held["h_u", 5]["held"] is False
    assert held["h_u", 5]["value"] == pytest.approx(7.0, abs=0.01)
    assert held["h_u", 5]["use_pct"] == pytest.approx(700 / 6, abs=0.2)
    assert held["h_u", 5]["mark"] == "S"
    assert held["h_u", 7]["held"] is True
    assert held["thd_u", 0]["value"] == pytest.approx(65**0.5, abs=0.01)
    assert held["thd_u", 0]["held"] is False, "8.06 of 8 %"
    assert held["u", 0]["value"] == pytest.approx(100 * ((1 + 0.0065) ** 0.5 - 1), abs=0.01)
    assert held["plt", 0]["held"] is None
    assert one["indicative"]
    assert one["exceeded"] == 2
    assert "PowerMonitor" in one["source"]
    words = ("--supply", "230", "--limits", "ieee519", "--isc-il", "10", "--demand-a", "100")
    (one,) = summary(file, *words, exit_code=1)["limits"]
    weekly = {
        (item["quantity"], item["order"]): item["held"] for item in one["findings"]
        if item["interval_s"] == 600 and item["percent_of_values"] == 95
    }  # fmt: skip
    assert weekly["h_i", 5] is False
    assert weekly["h_i", 7] is True
    assert weekly["tdd", 0] is False, "5.41 of 5 %"
    assert summary(mains(tmp_path / "b.npz"), "--supply", "230", "--limits", "gbt")["limits"][0]["exceeded"] == 0


@pytest.mark.text
def test_the_text_of_a_summary_has_its_findings(tmp_path: Path) -> None:
    """The largest current of order 5, 4.6 of 4 %, is exceeded; that of order 7, 3 of 4 %, is within."""
    words = ("--supply", "230", "--limits", "ieee519", "--isc-il", "10", "--demand-a", "100")
    plain = replay(mains(tmp_path / "a.npz", i={5: 4.6, 7: 3.0}), "--summary", *words).stdout
    lines = {" ".join(line.split()) for line in plain.splitlines()}
    assert "EXCEEDED current harmonic 5 4.6 of 4 % of IL (115 %), 95 % of the 10 min values of a week [M]" in lines
    assert "within current harmonic 7 3 of 4 % of IL (75 %), 95 % of the 10 min values of a week [M]" in lines
    assert "[M] value quoted from memory, not checked against the standard" in plain


def test_flagged_values_are_not_compared_with_limits(tmp_path: Path) -> None:
    """A dip and harmonics above the limit: the 3 s value with the dip is excluded."""
    file = Path(mains(tmp_path / "a.npz", seconds=9.5, u={5: 9.0}))
    with np.load(file) as old:
        u, i = old["u_abc"].copy(), old["i_abc"]
    u[:, 40_000:41_000] *= 0.3
    np.savez(file, fs=10e3, u_abc=u, i_abc=i)
    found = summary(str(file), "--supply", "230", "--limits", "gbt", exit_code=1)
    assert [value["flagged"] for value in found["values_3s"]] == [False, True, False, False]
    assert [event["kind"] for event in found["events"]] == ["dip"]
    assert found["events"][0]["extreme_pct"] == pytest.approx(30 * (1 + 0.0081) ** 0.5, abs=0.2)
    harmonics, unbalance, _ = found["limits"]
    assert next(item for item in harmonics["findings"] if item["order"] == 5)["value"] == pytest.approx(9.0, abs=0.01)
    assert harmonics["flagged_left_out"] == 1
    assert all(item["held"] for item in unbalance["findings"])


def test_a_three_second_value_is_the_root_of_mean_squares(tmp_path: Path) -> None:
    t = np.arange(41_000) / 10_000
    wave = (1 + 0.3 * t / 4) * 230 * 2**0.5 * np.sin(2 * np.pi * 50 * t - SHIFT)
    np.savez(tmp_path / "a.npz", fs=10e3, u_abc=wave, i_abc=wave / 23)
    first = summary(str(tmp_path / "a.npz"))["values_3s"][0]
    windows = [json.loads(line) for line in replay(str(tmp_path / "a.npz"), "--json").stdout.splitlines()][:15]
    u = np.array([window["u_rms_v"] for window in windows])
    assert first["windows"] == 15
    assert first["u_rms_v"] == pytest.approx(np.sqrt((u**2).mean(axis=0)), rel=1e-8)
    assert first["p_w"] == pytest.approx(np.mean([window["p_w"] for window in windows]), rel=1e-8)
    # and of the signal itself: mean of (1 + 0.075 t)^2 over 3 s
    assert first["u_rms_v"] == pytest.approx([230 * ((1.225**3 - 1) / (3 * 0.225)) ** 0.5] * 3, rel=1e-3)


def test_ten_minutes_and_their_flicker(tmp_path: Path) -> None:
    """39 changes a minute of 0.894 % on 230 V, 50 Hz are Pst 1 (IEC 61000-4-15, table 5: within 5 %)."""
    t = np.arange(609 * 2100) / 2100  # order 18 ends well inside the band
    steps = np.where((t * 39 / 120) % 1 < 0.5, 1.0, -1.0)  # two changes a period
    u1 = 230 * 2**0.5 * np.sin(2 * np.pi * 50 * t) * (1 + 0.00894 / 2 * steps)
    np.savez(tmp_path / "a.npz", fs=2100.0, u1=u1)
    found = summary(str(tmp_path / "a.npz"), "--map", "u1=u1", "--supply", "230")
    (flicker,) = found["pst"]
    assert flicker["pst"] == [pytest.approx(1.0, abs=0.05), None, None]
    assert 599.99 <= flicker["end_s"] <= 600.21, "the window that completes ten minutes"
    whole, part = found["values_10min"]
    assert (whole["whole"], part["whole"]) == (True, False)
    assert (whole["start_s"], whole["end_s"], part["start_s"], part["end_s"]) == (0.0, 600.0, 600.0, 609.0)
    assert whole["windows"] == 3000
    assert whole["min"]["u_rms_v"][0] == pytest.approx(230 * (1 - 0.00447), rel=1e-4)
    assert whole["max"]["u_rms_v"][0] == pytest.approx(230 * (1 + 0.00447), rel=1e-4)
    assert any(value["start_s"] == pytest.approx(600.0, abs=1e-3) for value in found["values_3s"])
    assert len(found["frequency_10s"]) == 60
    assert all(item["frequency_hz"] == pytest.approx(50.0, abs=1e-3) for item in found["frequency_10s"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--limits", "en50160"), "--nominal-v"),
        (("--limits", "en50160", "--nominal-v", "400", "--nominal", "drive"), "--nominal drive"),
        (("--limits", "ieee519", "--supply", "230", "--isc-il", "20"), "--demand-a"),
        (("--supply", "230", "--nominal", "drive"), "--nominal drive"),
        (("--supply", "-1"), "--supply -1"),
        (("--at", "0.1"), "--plot"),
        (("--lamp", "120V"), "--supply"),
        (("--isc-il", "20"), "--limits"),
        (("--demand-a", "nan"), "--demand-a nan"),
    ],
)
def test_conflicting_options_are_one_line_and_exit_2(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    done = replay(mains(tmp_path / "a.npz", 0.5), "--summary", *words)
    assert done.exit_code == 2
    assert expected in done.output
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("how", "nominal_v", "isc_over_il", "expected"),
    [
        (RecordingSettings(), None, None, codes.LIMIT_VOLTAGE_MISSING),
        (RecordingSettings(nominal="drive"), 400.0, None, codes.LIMITS_AT_DRIVE_OUTPUT),
        (RecordingSettings(supply_v=230.0), None, 20.0, codes.DEMAND_CURRENT_MISSING),
    ],
)
def test_the_place_of_the_limits_must_be_complete(
    how: RecordingSettings, nominal_v: float | None, isc_over_il: float | None, expected: Code
) -> None:
    with pytest.raises(codes.ReplayError) as error:
        place_of(("en50160",), how, nominal_v, isc_over_il, None, 2)
    assert error.value.reason == expected()
