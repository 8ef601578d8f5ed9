"""The stream of a motor on the line shows its defect at the textbook frequency, by numpy's FFT of decoded counts."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from support.plant import scenario_file

from drivers import ews_protocol
from simulators.devices.ews_sender import AMPS_MAX, INSTANTS, RATE_HZ, EwsSender
from simulators.scenarios.checks import check
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.record_parser import scenario_record

SECONDS = 20
Floats = npt.NDArray[np.float64]


class Seen(NamedTuple):
    """Stream of the crusher of `broken-bar` over 20 s: current of L1 in A, mean true frequency and slip."""

    i_a: Floats
    hertz: float
    slip: float

    def level_db(self, hertz: float) -> float:
        """Return the amplitude relative to the fundamental, dB; Hann window, maximum of the neighbouring bins."""
        spectrum = np.abs(np.fft.rfft(self.i_a * np.hanning(len(self.i_a))))
        k = round(abs(hertz) * len(self.i_a) / RATE_HZ)
        return float(20 * np.log10(spectrum[k - 2 : k + 3].max() / spectrum.max()))


def crusher(at_s: float = 7000.0, **defect: Any) -> Seen:
    raw = scenario_file("broken-bar")
    raw["train"][0]["defect"] |= defect
    record = scenario_record(raw)
    check(record)
    plant, sender, counts, rows = ScenarioPlant(record, Random(5)), EwsSender(5, 0.0), list[Floats](), list[Any]()
    plant.step(at_s)
    for second in range(1, SECONDS + 4):
        plant.step(1.0)
        source = plant.sampled()
        assert source is not None
        sender.sample(source, dt_s=1.0, utc_ns=10**18 + second * 10**9, due_ns=second * 10**9)
        rows.append(plant.truth()["crusher"])
        for piece in b"".join(sender.due_frames((second + 1) * 10**9)).split(b"\0"):
            frame = ews_protocol.parse(piece) if piece else None
            if frame is not None and frame.type == ews_protocol.SAMPLES:
                counts.append(np.frombuffer(frame.payload, "<i2").reshape(INSTANTS, 6)[:, 3] * (AMPS_MAX / 32767))
    i_a = np.concatenate(counts)[-round(SECONDS * RATE_HZ) :]
    hertz = sum(row["frequency_hz"] for row in rows[3:]) / SECONDS
    rpm = sum(row["motor_speed_rpm"] for row in rows[3:]) / SECONDS
    assert np.sqrt((i_a**2).mean()) == pytest.approx(rows[-1]["current_l1_a"], rel=0.01), (
        "as the meter of the same motor"
    )
    return Seen(i_a, hertz, 1 - rpm / (30 * hertz))


def test_a_broken_rotor_bar_has_its_sidebands_in_the_stream() -> None:
    """(1 ± 2s)·f, −29.2 dB: from −28.4 dB at δ = 0.1, by an earlier kernel, at 80 % load, same inertia. The resistance
    of the
    cage has increased by 10 %, all on one axis: δ = 0.1/1.1.
    """
    broken, sound = crusher(), crusher(at_s=60.0)
    lower, upper = (broken.hertz * (1 + side * 2 * broken.slip) for side in (-1, 1))
    assert broken.level_db(lower) == pytest.approx(-29.2, abs=1.0)
    assert broken.level_db(upper) == pytest.approx(-29.2, abs=1.5)
    assert sound.level_db(sound.hertz * (1 - 2 * sound.slip)) < -70


def test_eccentricity_appears_at_the_shaft_frequency() -> None:
    """f ± fr, for static and dynamic eccentricity together."""
    off, round_ = crusher(kind="eccentricity", to=0.3), crusher(kind="eccentricity", to=0.0)
    shaft = off.hertz / 2 * (1 - off.slip)
    for side in (-1, 1):
        assert off.level_db(off.hertz + side * shaft) > round_.level_db(off.hertz + side * shaft) + 20


def test_a_bearing_defect_appears_at_the_ball_frequency() -> None:
    """f ± 3.6·fr: nine balls, d/D = 0.2, n/2·(1 − d/D) passages for each turn."""
    bad, good = crusher(kind="bearing", to=0.05), crusher(kind="bearing", to=0.0)
    balls = 3.6 * bad.hertz / 2 * (1 - bad.slip)
    for side in (-1, 1):
        assert bad.level_db(bad.hertz + side * balls) > good.level_db(bad.hertz + side * balls) + 10
