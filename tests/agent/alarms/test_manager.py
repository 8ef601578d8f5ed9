"""The rules of the manager that a sequence of one alarm does not show: causes, maintenance, levels, actions."""

from __future__ import annotations

import pytest
from support.alarms import AlarmBench, codes, definition

from agent.alarms.manager import AlarmManager
from agent.alarms.model import AlarmKey
from agent.config.alarm_definition import AlarmSettings

DIP = definition("dip", scope="plant", suppresses=frozenset(("hot", "live", "cold")), note_counts=True)


def test_a_rise_to_alarm_after_the_acknowledgement_is_announced_again_and_a_fall_is_not() -> None:
    bench = AlarmBench(definition(priority="low", priority_alarm="high"))
    bench.at(0, bench.input(True))
    bench.act("ack")
    bench.at(1)
    assert bench.at(2, bench.input(True, severity="alarm"))[0].announced
    assert bench.record().priority == "high"
    bench.act("ack")
    bench.at(3)
    for second, severity in enumerate(("warning", "alarm", "warning", "alarm"), 4):
        assert not bench.at(second, bench.input(True, severity=severity))


def test_a_rise_while_not_acknowledged_is_no_second_announcement() -> None:
    bench = AlarmBench(definition(limits=(10, 20), on_delay_s=3, priority="low", priority_alarm="high"))
    bench.until(10, bench.value(12))
    assert (bench.record().limit, bench.record().priority) == (10, "low")
    bench.until(12, bench.value(21))
    assert bench.record().priority == "low", "the on-delay holds for the second limit, too"
    bench.until(20, bench.value(21))
    assert (bench.record().limit, bench.record().priority) == (20, "high")
    assert bench.announced().total() == 1


def test_the_end_of_a_latching_alarm_is_to_be_acknowledged() -> None:
    bench = AlarmBench(definition(latching=True))
    bench.at(0, bench.input(True))
    bench.act("ack")
    bench.at(1)
    bench.at(2, bench.input(False))
    bench.at(3, bench.input(None))
    bench.act("ack")
    bench.at(4)
    assert bench.states() == [(0, "UNACK"), (1, "ACKED"), (2, "RTNUN"), (4, "NORM")]


def test_a_note_is_no_alarm_and_ends_one() -> None:
    bench = AlarmBench(definition())
    bench.at(0, bench.input(True, severity="note"))
    assert bench.manager.records() == []
    bench.at(1, bench.input(True))
    bench.at(2, bench.input(True, severity="note"))
    assert bench.states() == [(1, "UNACK"), (2, "RTNUN")]


def test_an_unknown_code_and_a_disabled_alarm_never_rise() -> None:
    bench = AlarmBench(definition(enabled=False))
    bench.at(0, bench.input(True), bench.input(True, "starting"))
    assert bench.transitions == []


def test_an_acknowledgement_does_not_hold_for_a_later_occurrence() -> None:
    bench = AlarmBench(definition())
    bench.at(0, bench.input(True))
    seen = bench.record().seq
    bench.at(1, bench.input(False))
    bench.at(2, bench.input(True))
    bench.act("ack", seq=seen)
    assert bench.at(3) == []
    bench.act("ack", seq=bench.record().seq)
    assert [str(one.after) for one in bench.at(4)] == ["ACKED"]
    assert (bench.record().acked_by, bench.record().acked_ms) == ("li", bench.utc_ms)


def test_an_action_is_applied_once_also_after_a_restart() -> None:
    bench = AlarmBench(definition())
    bench.at(0, bench.input(True))
    bench.act("ack")
    bench.at(1)
    bench.at(2, bench.input(False))
    bench.restart()
    bench.at(3, bench.input(True))
    bench.actions = 0
    bench.act("ack")  # the same row, read again
    assert bench.at(4) == []
    assert bench.announced().total() == 2


def test_without_a_stored_state_old_acknowledgements_do_not_hold() -> None:
    """Numbers start again at 1, so that a row of the lost run would fit."""
    bench = AlarmBench(definition(), start=100)
    bench.act("ack", seq=50)
    bench.t = 200
    bench.act("shelve", asset="n", seconds=3600)
    bench.at(300, bench.input(True), bench.input(True, asset="n"))
    assert codes(bench.manager.records()) == {("hot", "UNACK"): 1, ("hot", "SHLVD"): 1}, "shelving continues"


def test_safety_cannot_be_shelved_and_no_shelving_is_longer_than_12_h() -> None:
    bench = AlarmBench(definition("live", priority="safety"), definition())
    bench.at(0, bench.input(True), bench.input(True, "live"))
    bench.act("shelve", "live", seconds=60)
    bench.act("shelve", seconds=30 * 3600)
    bench.at(1)
    assert codes(bench.manager.records()) == {("hot", "SHLVD"): 1, ("live", "UNACK"): 1}
    assert bench.record().shelved_until_ms == bench.utc_ms + 12 * 3_600_000
    bench.at(1 + 12 * 3600 - 1)
    assert str(bench.record().state) == "SHLVD"
    bench.at(1 + 12 * 3600)
    assert str(bench.record().state) == "UNACK"


def test_a_clock_that_is_set_back_does_not_prolong_shelving() -> None:
    bench = AlarmBench(definition())
    bench.at(0, bench.input(True))
    bench.act("shelve", seconds=100)
    bench.at(1)
    bench.utc_ahead_s = -86400
    bench.at(99)
    assert str(bench.record().state) == "SHLVD"
    bench.at(100)
    assert str(bench.record().state) == "UNACK"


def test_maintenance_takes_alarms_out_of_service() -> None:
    bench = AlarmBench(definition(), definition("cold"))
    bench.at(0, bench.input(True), bench.input(True, asset="other"))
    bench.manager.set_out_of_service(["m"])
    bench.at(1, bench.input(True, "cold"))
    assert codes(one for one in bench.manager.records() if one.asset == "m") == {
        ("hot", "OOSRV"): 1, ("cold", "OOSRV"): 1,
    }  # fmt: skip
    assert bench.record().suppressed_by == "maintenance"
    bench.restart()
    bench.at(2, bench.input(False), bench.input(True, "cold"), bench.input(True, asset="other"))
    bench.manager.set_out_of_service([])
    bench.at(3)
    assert str(bench.record().state) == "NORM"
    assert str(bench.record("cold").state) == "UNACK"
    assert bench.announced() == {"hot": 2, "cold": 1}, "of two motors, and one after maintenance"


def test_a_motor_that_stops_does_not_hide_what_nobody_has_acknowledged() -> None:
    bench = AlarmBench(definition(blocked_off=True, off_delay_s=5))
    bench.manager.set_running("m", True)
    bench.manager.set_running("n", True)
    bench.at(0, bench.input(True), bench.input(True, asset="n"))
    bench.act("ack", asset="n")
    bench.at(1)
    bench.manager.set_running("m", False)
    bench.manager.set_running("n", False)
    bench.until(20)
    assert str(bench.record().state) == "RTNUN"
    assert (str(bench.record(asset="n").state), bench.record(asset="n").suppressed_by) == ("DSUPR", "motor_off")
    bench.manager.set_running("n", True)
    assert [str(one.after) for one in bench.at(21)] == ["NORM", "UNACK"], "the condition is still there"


def test_a_motor_that_runs_when_the_agent_starts_has_not_just_been_started() -> None:
    bench = AlarmBench(definition(blocked_start_s=60))
    bench.manager.set_running("m", True)
    assert bench.at(0, bench.input(True))


def test_one_dip_of_several_motors_is_one_alarm_of_the_plant() -> None:
    bench = AlarmBench(DIP)
    bench.at(0, *(bench.input(True, "dip", motor, severity="note") for motor in ("a", "b")))
    assert bench.announced() == {"dip": 1}
    record = bench.record("dip", "")
    assert (record.asset, record.assets) == (None, ("a", "b"))
    bench.at(1, bench.input(False, "dip", "a"))
    assert record.state == bench.record("dip", "").state
    bench.at(2, bench.input(None, "dip", "b"))
    assert str(bench.record("dip", "").state) == "UNACK", "not known of b"
    bench.at(3, bench.input(False, "dip", "b"))
    assert str(bench.record("dip", "").state) == "RTNUN"


def consequence() -> AlarmBench:
    """A dip of 2 s, then an alarm that stays."""
    bench = AlarmBench(DIP, definition(on_delay_s=4), definition("live", priority="safety"), definition("other"))
    bench.at(10, bench.input(True, "dip", None))
    bench.at(12, bench.input(False, "dip", None), bench.input(True), bench.input(True, "other"))
    return bench


def test_a_consequence_is_suppressed_and_counted() -> None:
    bench = consequence()
    bench.until(30)
    assert bench.states() == [(10, "UNACK"), (12, "RTNUN"), (12, "UNACK"), (16, "DSUPR")]
    assert (bench.record().caused_by, bench.record().suppressed_by) == ("dip", "cause")
    assert bench.record("dip", "").consequences == 1


def test_it_is_announced_when_the_cause_is_off_the_list_and_its_window_has_passed() -> None:
    bench = consequence()
    bench.until(20)
    bench.act("ack", "dip", "")
    bench.until(71)
    assert str(bench.record().state) == "DSUPR", "within 60 s a motor may have started again"
    bench.until(72)
    assert str(bench.record().state) == "UNACK"
    assert bench.record("dip", "").consequences == 0


def test_it_is_announced_with_the_acknowledgement_of_a_cause_that_ended_long_before() -> None:
    bench = consequence()
    bench.until(100)
    bench.act("ack", "dip", "")
    assert [(str(one.after), one.announced) for one in bench.at(101)] == [("NORM", False), ("UNACK", True)]


def test_what_is_on_the_list_and_occurs_again_as_a_consequence_is_not_announced_again() -> None:
    bench = AlarmBench(DIP, definition())
    bench.at(0, bench.input(True))
    bench.at(1, bench.input(False))
    bench.at(50, bench.input(True, "dip", None))
    (again,) = bench.at(51, bench.input(True))
    assert (str(again.before), str(again.after), again.announced) == ("RTNUN", "UNACK", False)


def test_it_is_announced_ten_minutes_after_the_end_of_a_cause_that_nobody_acknowledges() -> None:
    bench = consequence()
    bench.at(611)
    assert str(bench.record().state) == "DSUPR"
    bench.at(612)
    assert str(bench.record().state) == "UNACK"


def test_a_consequence_that_returns_is_never_announced() -> None:
    bench = consequence()
    bench.until(20)
    bench.at(21, bench.input(False))
    bench.until(700)
    assert str(bench.record().state) == "NORM"
    assert bench.announced() == {"dip": 1, "other": 1}


def test_what_began_before_or_long_after_the_cause_is_no_consequence() -> None:
    bench = AlarmBench(DIP, definition(on_delay_s=20), definition("cold"))
    bench.at(0, bench.input(True))
    bench.at(15, bench.input(True, "dip", None))
    bench.at(17, bench.input(False, "dip", None))
    bench.until(20)
    assert bench.announced() == {"dip": 1, "hot": 1}, "hot began 15 s before the dip"
    bench.at(78, bench.input(True, "cold"))
    assert bench.announced()["cold"] == 1, "61 s after the dip"


def test_a_safety_alarm_is_on_the_list_at_once_and_announced_with_its_cause() -> None:
    bench = consequence()
    (raised,) = bench.at(13, bench.input(True, "live"))
    record = bench.record("live")
    assert (str(record.state), raised.announced) == ("UNACK", False)
    assert (record.caused_by, record.suppressed_by) == ("dip", "")
    assert bench.record("dip", "").consequences == 1
    bench.until(71)
    assert "live" not in bench.announced()
    (own,) = bench.at(72)
    assert (str(own.before), str(own.after), own.announced) == ("UNACK", "UNACK", True), "the window has passed"
    assert bench.record("live").since_ms == record.since_ms
    bench.until(700)
    assert bench.announced()["live"] == 1
    assert str(bench.record().state) == "UNACK"


def test_a_safety_alarm_that_is_acknowledged_with_its_cause_is_never_announced() -> None:
    bench = consequence()
    bench.at(13, bench.input(True, "live"))
    bench.act("ack", "live")
    bench.restart()
    bench.at(20, bench.input(True, "live"))
    assert str(bench.record("live").state) == "UNACK", "rows of the operator file belong to the process before"
    bench.act("ack", "live")
    bench.until(700, bench.input(True, "live"))
    assert str(bench.record("live").state) == "ACKED"
    assert "live" not in bench.announced()


def test_a_chain_of_causes_ends_and_names_the_first_cause() -> None:
    """The bus fails because of the dip; the devices of the bus do not respond."""
    bus = definition("bus", scope="gateway", suppresses=frozenset(("live", "hot")), on_delay_s=2)
    dip = definition("dip", scope="plant", suppresses=frozenset(("bus",)))
    bench = AlarmBench(dip, bus, definition("live", priority="safety"), definition())
    bench.at(0, bench.input(True, "dip", None))
    bench.at(1, bench.input(False, "dip", None), bench.input(True, "bus", None, covers=("m",)))
    bench.until(4)
    bench.at(5, bench.input(True), bench.input(True, "live"), bench.input(True, asset="n"))
    assert {one.caused_by for one in bench.manager.records() if one.asset == "m"} == {"dip"}
    assert bench.announced() == {"dip": 1, "hot": 1}, "motor n is not on this bus"
    bench.until(100)
    assert bench.record("live").caused_by == "bus", "the window of the dip has passed, the bus still fails"
    bench.until(700)
    assert bench.announced() == {"dip": 1, "hot": 1, "bus": 1}


def test_suppression_continues_after_a_restart() -> None:
    bench = consequence()
    bench.until(20)
    bench.restart()
    bench.t = 30
    bench.until(611, bench.input(True))
    assert bench.announced() == {"dip": 1, "other": 1}
    bench.until(612, bench.input(True))
    assert bench.announced()["hot"] == 1


def test_removed_motors_and_codes_have_no_alarm_and_release_their_consequences() -> None:
    bench = AlarmBench(DIP, definition())
    bench.at(0, bench.input(True, "dip", None))
    bench.at(1, bench.input(True), bench.input(True, asset="gone"))
    bench.manager.reconfigure(AlarmSettings({"hot": definition()}), keep=lambda key: key.asset != "gone")
    bench.at(2)
    assert sorted(bench.manager.take_removed()) == [AlarmKey("", "dip"), AlarmKey("gone", "hot")]
    assert codes(bench.manager.records()) == {("hot", "UNACK"): 1}


def test_other_definitions_hold_from_the_next_delay_on() -> None:
    bench = AlarmBench(definition(on_delay_s=5))
    bench.manager.reconfigure(AlarmSettings({"hot": definition(on_delay_s=2)}), keep=lambda _key: True)
    bench.until(10, bench.input(True))
    assert bench.states() == [(3, "UNACK")]


def test_an_alarm_that_is_enabled_again_or_gets_a_lower_limit_rises_without_a_new_input() -> None:
    bench = AlarmBench(definition(enabled=False), definition("cold", limits=(10,)))
    bench.at(0, bench.input(True), bench.value(7, "cold"), bench.input(True, asset="gone"))
    both = AlarmSettings({"hot": definition(), "cold": definition("cold", limits=(5,))})
    bench.manager.reconfigure(both, keep=lambda key: key.asset != "gone")
    bench.at(1)
    assert bench.announced() == {"hot": 1, "cold": 1}


def test_the_time_of_a_transition_is_the_end_of_its_delay_whenever_the_update_comes() -> None:
    bench = AlarmBench(definition(on_delay_s=2.5))
    bench.at(0, bench.input(True))
    bench.at(9.25, bench.input(False))
    assert bench.states() == [(2.5, "UNACK"), (9.25, "RTNUN")]


def test_only_alarms_that_were_raised_have_a_record_and_values_alone_are_sent_once_a_minute() -> None:
    bench = AlarmBench(definition())
    bench.at(0, bench.input(False))
    assert bench.manager.records() == bench.manager.take_changed() == []
    sent = []
    for second in range(1, 131):
        bench.at(second, bench.input(True, value=float(second)))
        sent += [record.value for record in bench.manager.take_changed()]
    assert sent == [1.0, 61.0, 121.0]


@pytest.mark.parametrize("stored", [None, {}, {"v": 99}])
def test_a_stored_state_of_another_version_is_no_state(stored: dict[str, int] | None) -> None:
    manager = AlarmManager(AlarmSettings({"hot": definition()}), stored)
    bench = AlarmBench(definition())
    assert [one.seq for one in manager.update([bench.input(True)], 0.0, 0)] == [1]
