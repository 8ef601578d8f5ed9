"""`magwatt replay --plot`: the file is written in the right format and shows the measured values."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.plot_panels import spectrum
from agent.analysis.recordings.plot_phasors import phasors
from agent.analysis.recordings.reasons import ReplayError
from agent.cli import main
from agent.cli.replay_runner import ReplayOptions, replay_file
from agent.core.text import _
from drivers.file_reasons import OUTPUT_FOLDER_MISSING, PATH_IS_FOLDER
from drivers.reasons import Code

pytest.importorskip("matplotlib")
ROOT = Path(__file__).parents[4]
SHIFT = 2 * np.pi / 3 * np.arange(3)[:, None]


def replay(*words: str) -> Result:
    result = CliRunner().invoke(main, ["replay", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def recording(path: Path, fifth_pct: float = 7.0, seconds: float = 1.0) -> str:
    t = 2 * np.pi * 50 * np.arange(round(seconds * 10_000)) / 10_000
    u = 325.27 * (np.sin(t - SHIFT) + fifth_pct / 100 * np.sin(5 * (t - SHIFT)))
    np.savez(path, fs=10e3, u_abc=u, i_abc=14.142 * np.sin(t - SHIFT - 0.5))
    return str(path)


def texts(path: Path) -> list[str]:
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_png_has_all_three_phases_in_it(tmp_path: Path) -> None:
    from matplotlib.image import imread

    done = replay(recording(tmp_path / "a.npz"), "--plot", str(tmp_path / "a.png"))
    assert done.exit_code == 0
    assert len(done.stdout.splitlines()) == 1 + 5, "the same lines as without a picture"
    pixels = np.round(255 * imread(tmp_path / "a.png")[:, :, :3]).astype(int)
    assert pixels.shape[0] > 800
    assert pixels.shape[1] > 1200
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00), (0x00, 0x9E, 0x73)):
        assert (np.abs(pixels - colour).max(axis=2) < 3).sum() > 1000


@pytest.mark.text
def test_an_svg_contains_titles_and_values(tmp_path: Path) -> None:
    """The title has file, time and frequency; order 5 with 7 % is marked as above the 6 % of EN 50160."""
    words = ("--supply", "230", "--limits", "en50160", "--plot", str(tmp_path / "a.svg"), "--at", "0.7")
    assert replay(recording(tmp_path / "a$x$.npz"), *words).exit_code == 0
    found = texts(tmp_path / "a.svg")
    assert any(item.startswith("a$x$.npz   0.6000 to 0.8000 s   50.0000 Hz, 10 cycles") for item in found)
    for word in ("Voltages", "Currents", "U1", "I3", "EN 50160 [S]", "above a limit", "Fundamental phasors"):
        assert word in found, word
    assert any("order (of 50 Hz)" in item for item in found)
    at = found.index("THD-U %")
    assert found[at + 1 : at + 4] == ["7.00", "7.00", "7.00"]
    assert replay(recording(tmp_path / "b.npz", fifth_pct=5.0), *words).exit_code == 0
    assert "above a limit" not in texts(tmp_path / "a.svg")


def test_the_two_wattmeter_method_shows_two_voltages(tmp_path: Path) -> None:
    """A channel u2 of the file has no meaning there and is not drawn."""
    words = ("--wiring", "3P3W-2", "--plot", str(tmp_path / "a.svg"))
    assert replay(recording(tmp_path / "a.npz"), *words).exit_code == 0
    assert {"u12", "u32", "i1", "i2", "i3"} <= set(texts(tmp_path / "a.svg"))
    assert "u2" not in texts(tmp_path / "a.svg")


def test_no_limit_is_drawn_over_pulses(tmp_path: Path) -> None:
    t = np.arange(40_000) / 40_000
    carrier = 2 * np.abs(2 * ((2000 * t) % 1) - 1) - 1
    np.savez(
        tmp_path / "a.npz", fs=40e3, u_abc=np.where(0.8 * np.sin(2 * np.pi * 50 * t - SHIFT) > carrier, 270.0, -270.0)
    )
    words = ("--nominal-v", "400", "--limits", "en50160", "--plot", str(tmp_path / "a.svg"))
    assert replay(str(tmp_path / "a.npz"), *words).exit_code == 0
    found = texts(tmp_path / "a.svg")
    assert "EN 50160 [S]" not in found
    expected = _("no limits: {reason}", reason=codes.VOLTAGE_NOT_MAINS(rest_pct=12345))
    assert any(re.fullmatch(re.escape(expected).replace("12345", r"\d+"), item) for item in found), found


@pytest.mark.parametrize("kind", ["constant", "gap", "one current"])
def test_every_recording_gives_a_picture(tmp_path: Path, kind: str) -> None:
    t = 2 * np.pi * 50 * np.arange(10_000) / 10_000
    u = 325 * np.sin(t - SHIFT)
    if kind == "gap":
        u[:, 1000:9500] = np.nan
    arrays = {"constant": {"u_abc": np.ones((3, 10_000))}, "gap": {"u_abc": u}, "one current": {"x": u[0] / 1e6}}[kind]
    np.savez(tmp_path / "a.npz", fs=10e3, **arrays)
    done = replay(
        str(tmp_path / "a.npz"), *(["--map", "i2=x"] if "x" in arrays else []), "--plot", str(tmp_path / "a.png")
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", codes.PLOT_NAME_INVALID),
        ("none/a.png", OUTPUT_FOLDER_MISSING),
        ("folder.png", PATH_IS_FOLDER),
    ],
)
def test_a_path_that_cannot_be_written_is_an_error(tmp_path: Path, name: str, expected: Code) -> None:
    (tmp_path / "folder.png").mkdir()
    done = replay(recording(tmp_path / "a.npz"), "--plot", str(tmp_path / name))
    assert done.exit_code == 2
    assert str(tmp_path / name) in done.output
    assert len(done.output.splitlines()) == 1, "before the analysis, which prints a line for each window"
    with pytest.raises(ReplayError) as error:
        replay_file(tmp_path / "a.npz", ReplayOptions(plot=tmp_path / name))
    assert error.value.reason.code == expected
    assert error.value.reason.data["path"] == str(tmp_path / name)


def test_without_matplotlib_the_error_has_the_install_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.analysis.recordings.plot.find_spec", lambda name: None)
    done = replay(recording(tmp_path / "a.npz"), "--plot", str(tmp_path / "a.png"))
    assert done.exit_code == 2
    assert len(done.output.splitlines()) == 1
    assert "`pip install 'magwatt[plot]'`" in done.output
    with pytest.raises(ReplayError) as error:
        replay_file(tmp_path / "a.npz", ReplayOptions(plot=tmp_path / "a.png"))
    assert error.value.reason == codes.PLOT_LIBRARY_MISSING()
    assert replay(recording(tmp_path / "a.npz")).exit_code == 0, "other functions do not require it"


@pytest.mark.parametrize(("u_v", "i_a"), [(230.0, 106.9), (5774.0, 0.03), (0.0, 12.0), (100.0, 0.0), (999.9, 1e-4)])
def test_rings_of_the_phasors_have_round_values_that_fit_the_arrows(u_v: float, i_a: float) -> None:
    """An arrow of rms x ends at x / (value of a ring) rings."""
    from matplotlib.figure import Figure

    turns = np.exp(-1j * SHIFT.ravel())
    window = SimpleNamespace(phasor_u_v=u_v * turns, phasor_i_a=i_a * turns * np.exp(-0.3j))
    axes = Figure().add_subplot(projection="polar")
    phasors(axes, window, ["u", "i"])
    radii = axes.get_yticks()
    assert 2 <= len(radii) <= 5
    lengths = [item.xy[1] for item in axes.texts if hasattr(item, "arrow_patch")]
    assert max(lengths) <= 1.0
    for unit, rms, length in (("V", u_v, lengths[0]), ("A", i_a, lengths[-1])):
        labels = [(item.get_position()[1], item.get_text()) for item in axes.texts if item.get_text().endswith(unit)]
        assert len(labels) == (len(radii) if rms else 0)
        for radius, text in labels:
            number, prefixed = text.split()
            value = float(number) * {"": 1.0, "k": 1e3, "m": 1e-3}[prefixed.removesuffix(unit)]
            assert value * length / radius == pytest.approx(rms), "geometry of the arrow"


@pytest.mark.parametrize(("fifth_pct", "top_pct"), [(0.001, 1.0), (0.5, 1.0), (7.0, 7.0)])
def test_noise_is_not_drawn_as_large_harmonics(fifth_pct: float, top_pct: float) -> None:
    """The axis reaches 1 % of the fundamental, or the largest harmonic, and little more."""
    from matplotlib.figure import Figure

    harmonics_v = np.zeros((3, 51))
    harmonics_v[:, 1], harmonics_v[:, 5] = 230.0, 2.3 * fifth_pct
    window = SimpleNamespace(sg_u_v=harmonics_v, h_u_v=harmonics_v, sg_i_a=harmonics_v, n_cycles=10, frequency_hz=50.0,
                             u_rms_v=np.full(3, 230.0), u_dc_v=np.zeros(3))  # fmt: skip
    for kind, unit in (("u", 1.0), ("i", 2.3)):  # percent of the fundamental, amperes
        axes = Figure().add_subplot()
        spectrum(axes, window, kind, None)
        assert top_pct < axes.get_ylim()[1] / unit < 1.25 * top_pct


def test_the_environment_of_the_demo_can_draw() -> None:
    """`make demo` installs the extra `demo`: README's `replay --plot` needs what the extra `plot` has."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    own = re.search(r"^magwatt\[(.*)\]$", extras["demo"][0])
    assert own
    assert "plot" in own[1].split(",")
