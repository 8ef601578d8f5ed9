"""A magnet motor that turns without its drive is live; without values it is live or unknown."""

from __future__ import annotations

from support.condition.steady_rows import Watched, machine, row, stopped

from agent.analysis.condition.answers import Confidence, NotObservable, Severity
from drivers.reasons import CODES

CODE = "live_terminals"
METER = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a")
SILENT = dict.fromkeys(
    ("drive_state", "f_out_hz", "speed_rpm", "u_out_v", "i_out_a", "p_out_kw", "torque_pct", "u_dc_v", "drive_degc")
)


def meter_row(t_s: float, **values: float | None) -> dict[str, float | None]:
    return {name: value for name, value in row(t_s, **values).items() if name in METER}


def ramp_down(watched: Watched) -> Watched:
    for rpm in range(1200, -1, -100):
        watched.feed(1, speed_rpm=float(rpm), f_out_hz=rpm / 20)
    return watched


def test_a_coasting_motor_is_live_with_its_emf() -> None:
    watched = Watched().feed(60).feed(3, stopped, drive_state=3.0, speed_rpm=1200.0, u_out_v=None)
    finding = watched.found[CODE]
    assert finding.severity is Severity.ALARM
    assert finding.confidence is Confidence.CERTAIN
    assert 60 < finding.at_s <= 62
    assert finding.value is not None
    assert abs(finding.value - 330 * 1200 / 1500) < 2  # EMF is proportional to speed


def test_a_ready_drive_and_a_motor_turned_by_the_water_is_live() -> None:
    assert CODE in Watched().feed(30, stopped).feed(5, stopped, speed_rpm=-500.0).found


def test_nothing_is_found_while_the_drive_runs_or_after_a_stop_by_the_drive() -> None:
    assert not ramp_down(Watched().feed(60)).feed(60, stopped).found


def test_a_silent_drive_is_live_or_unknown_but_lost_polls_are_not() -> None:
    watched = Watched().feed(60).feed(4, **SILENT).feed(30)
    assert CODE not in watched.found
    finding = watched.feed(12, **SILENT).found[CODE]
    assert finding.confidence is Confidence.POSSIBLE
    assert finding.at_s <= 94 + 10
    watched.feed(5)
    assert CODE not in watched.condition.active()


def test_a_speed_that_falls_to_zero_at_once_is_not_trusted() -> None:
    watched = Watched().feed(60).feed(5, stopped, drive_state=2.0)
    assert watched.found[CODE].confidence is Confidence.POSSIBLE


def test_a_drive_that_responds_again_gives_the_evidence() -> None:
    watched = Watched().feed(60).feed(15, **SILENT).feed(5, stopped, drive_state=3.0, speed_rpm=900.0, u_out_v=None)
    active = watched.condition.active()[CODE]
    assert active.confidence is Confidence.CERTAIN
    assert active.at_s == watched.found[CODE].at_s


def test_without_a_reported_speed_nothing_is_known() -> None:
    assert Watched().feed(20, stopped, speed_rpm=None, u_out_v=None).found[CODE].confidence is Confidence.POSSIBLE
    single = Watched()
    for _ in range(10):
        single.feed(1, stopped, speed_rpm=None).feed(5, stopped)
    assert not single.found


def test_a_meter_alone_shows_a_running_motor_and_its_silence_proves_nothing() -> None:
    watched = Watched().feed(60, meter_row)
    assert not watched.found
    assert CODE in watched.feed(20, meter_row, i1_a=0.1, i2_a=0.1, i3_a=0.1).found


def test_after_a_gap_the_silence_counts_from_the_first_row() -> None:
    watched = Watched().feed(60)
    watched.t_s += 3600
    assert CODE not in watched.feed(2, **SILENT).feed(5).found


def test_a_drive_without_current_at_speed_is_live() -> None:
    assert CODE in Watched().feed(60).feed(15, i_out_a=0.0, p_out_kw=0.0, torque_pct=0.0).found


def test_it_is_never_clear_and_nothing_is_called_safe() -> None:
    assert isinstance(ramp_down(Watched().feed(90)).feed(90, stopped).answer(CODE), NotObservable)
    assert not [code for code in CODES.values() if code.startswith("condition_row") and "safe" in code.text.lower()]


def test_an_induction_motor_has_no_such_finding() -> None:
    watched = Watched(machine(kind="induction", emf_v=None)).feed(60).feed(9, stopped, drive_state=3.0, speed_rpm=900.0)
    assert CODE not in watched.found
    assert isinstance(watched.answer(CODE), NotObservable)


def test_a_pump_that_stops_within_two_seconds_is_not_trusted_either() -> None:
    """One row shows a low speed between operation and 0: the motor may have lost its load, or the drive its speed."""
    watched = Watched().feed(60).feed(1, stopped, drive_state=2.0, speed_rpm=60.0, u_out_v=13.0)
    assert watched.feed(3, stopped, drive_state=2.0).found[CODE].confidence is Confidence.POSSIBLE


def test_a_speed_before_a_gap_is_no_fall_of_the_speed() -> None:
    watched = Watched().feed(60)
    watched.t_s += 3600
    assert not watched.feed(30, stopped).found


def test_a_fast_stop_by_the_drive_is_no_fall_of_the_speed() -> None:
    watched = Watched().feed(60).feed(1, speed_rpm=800.0, f_out_hz=40.0).feed(1, speed_rpm=200.0, f_out_hz=10.0)
    assert not watched.feed(30, stopped).found
