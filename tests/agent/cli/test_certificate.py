"""`magwatt certificate`: lines for the configuration, what to check, and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import dcc
from support.config_text import at_input, bus, site

from agent.cli import main

LINES = [
    'class = "0.17 %"',
    'certificate = { number = "E2026-0815", laboratory = "省计量院", issued = 2026-03-01, valid_until = 2099-02-28, '
    'serial_number = "22091734" }',
]


def certificate(folder: Path, xml: str, *options: str, language: str = "en") -> Result:
    (folder / "meter.xml").write_text(xml, encoding="utf-8")
    return CliRunner().invoke(main, ["--lang", language, "certificate", str(folder / "meter.xml"), *options])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_lines_are_those_of_the_configuration(tmp_path: Path, language: str) -> None:
    done = certificate(tmp_path, dcc.certificate(), language=language)
    assert (done.exit_code, done.stderr) == (0, "")
    comment, *lines = done.stdout.splitlines()
    assert lines == LINES
    assert comment.startswith("#")
    assert all(number in comment for number in ("-0.12", "0.05", "4"))


def test_a_configured_meter_is_compared(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(site() + bus() + at_input("mcc-12", serial_number="22091735"))
    options = ("--meter", "mcc-12", "--config", str(tmp_path / "plant.toml"))
    done = certificate(tmp_path, dcc.certificate(), *options)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[1:] == LINES, "a person decides"
    assert "22091734" in done.stderr
    assert "22091735" in done.stderr
    assert certificate(tmp_path, dcc.certificate(), "--meter", "mcc-13", *options[2:]).exit_code == 2


def test_results_and_the_last_day_are_chosen(tmp_path: Path) -> None:
    results = (dcc.result(dcc.ERRORS, name="Import"), dcc.result(dcc.ERRORS, name="Export"))
    xml = dcc.certificate(*results, recalibration="")
    assert certificate(tmp_path, xml).exit_code == 1
    done = certificate(tmp_path, xml, "--result", "2", "--valid-until", "2098-01-01")
    assert done.exit_code == 0
    assert "2098-01-01" in done.stdout
    assert certificate(tmp_path, xml, "--result", "3").exit_code == 2


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    for xml in ("<!DOCTYPE a><a/>", "no", dcc.certificate(version="2.4.0")):
        done = certificate(tmp_path, xml)
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert "meter.xml" in done.stderr
