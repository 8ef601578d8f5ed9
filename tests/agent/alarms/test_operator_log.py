"""The file of acknowledgements and shelving: written by commands, read by the agent."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.alarms.model import AlarmKey
from agent.alarms.operator_log import KEPT_MS, OperatorLog, OperatorLogError

KEY = AlarmKey("pump-1", "dry_run")


def test_the_agent_reads_what_is_new_in_its_order(tmp_path: Path) -> None:
    reader, writer = OperatorLog(tmp_path), OperatorLog(tmp_path)
    assert reader.new() == []
    assert writer.acknowledge(KEY, 1000, "li", seq=7, reason="阀门") == 1000
    writer.shelve(AlarmKey("", "bus_failure", "south"), 2000, 9000, "wang", "new cable")
    first, second = reader.new()
    assert (first.number, first.key, first.action, first.seq, first.by, first.reason, first.until_ms) == (
        1000, KEY, "ack", 7, "li", "阀门", None,
    )  # fmt: skip
    assert (second.key.part, second.action, second.until_ms, second.at_ms) == ("south", "shelve", 9000, 2000)
    assert reader.new() == []
    writer.unshelve(AlarmKey("", "bus_failure", "south"), 3000, "wang")
    assert [action.action for action in reader.new()] == ["unshelve"]
    assert [action.number for action in writer.after(1000)] == [2000, 3000]


def test_numbers_rise_within_a_millisecond_after_a_deletion_and_with_a_clock_that_is_set_back(tmp_path: Path) -> None:
    log = OperatorLog(tmp_path)
    assert [log.acknowledge(KEY, at_ms, "li") for at_ms in (5000, 5000, 4000)] == [5000, 5001, 5002]
    log.path.unlink()
    assert log.acknowledge(KEY, 6000, "li") == 6000, "an agent that has applied 5002 applies this one"


def test_rows_are_deleted_when_they_are_older_than_events(tmp_path: Path) -> None:
    log = OperatorLog(tmp_path)
    log.acknowledge(KEY, 1, "li")
    log.acknowledge(KEY, KEPT_MS + 2, "li")
    assert [action.at_ms for action in log.after(0)] == [KEPT_MS + 2]


def test_a_damaged_file_is_an_error_and_is_read_when_it_is_whole_again(tmp_path: Path) -> None:
    log = OperatorLog(tmp_path)
    log.acknowledge(KEY, 9, "li")
    whole = log.path.read_bytes()
    log.path.write_bytes(b"no database" * 100)
    for call in (log.new, lambda: log.acknowledge(KEY, 1, "li")):
        with pytest.raises(OperatorLogError, match=r"alarms\.sqlite"):
            call()
    log.path.write_bytes(whole)
    assert [action.number for action in log.new()] == [9]
