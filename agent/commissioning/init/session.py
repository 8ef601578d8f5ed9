"""The questions of `magwatt init` in order, for a terminal or a browser: each answer is kept in a file immediately."""

from __future__ import annotations

import os
from pathlib import Path

from agent.commissioning.discovery.scan_result import ScanOptions, ScanResult, Target, parse_expected
from agent.commissioning.init.answers import Answers, as_toml, read_answers, value_of, write_atomically
from agent.commissioning.init.buses import setting_of, with_scan, with_scan_due
from agent.commissioning.init.previous import previous
from agent.commissioning.init.question import OpenQuestion, ScanStep
from agent.commissioning.init.steps import Surroundings, next_step
from agent.config import keys
from agent.config.schema import ConfigReport
from agent.core.files import give_owner_of_folder
from agent.core.text import N_
from drivers.errors import ConnectFailed

HEADINGS = {
    "site": N_("Gateway"), "store": N_("Gateway"), "mqtt": N_("Broker"), "bus": N_("Buses"), "init": N_("Buses"),
    "meter": N_("Meters"), "drive": N_("Drives"), "motor": N_("Motors"),
}  # fmt: skip
PASSWORD_FILE = ("mqtt", "password_file")


class InitSession:
    """The answers of an operator until every question is answered.

    file: the configuration to write.
    answers: until now.
    """

    def __init__(self, file: Path, around: Surroundings) -> None:
        self.file, self.answers = file, Answers()
        self._around = around
        self._before: list[Answers] = []  # at the questions of this session

    @property
    def answers_file(self) -> Path:
        return answers_path(self.file)

    @property
    def step(self) -> OpenQuestion | ScanStep | None:
        """The open step; None: everything is answered."""
        return next_step(self.answers, self._around)

    def resume(self) -> ConfigReport | None:
        """Continues with the answers of an interrupted session; None: there are none. Problems: nothing was resumed.

        Raises OSError and TomlError.
        """
        if not self.answers_file.exists():
            return None
        answers, report = read_answers(self.answers_file)
        if not report.problems:
            self.answers = answers
        return report

    def answer(self, question: OpenQuestion, typed: str) -> None:
        """Raises ValueError with the remedy for a wrong answer, OSError if the answers cannot be written."""
        found = question.answered(self.answers, question.value(typed))
        self._before.append(self.answers)
        self._keep(found)

    def back(self) -> bool:
        """Returns to the previous question, also of an earlier session. False: there is none."""
        found = self._before.pop() if self._before else previous(self.answers, self._around)
        if found is not None:
            self._keep(found)
        return found is not None

    def password_file(self) -> Path | None:
        """The file of the broker's password that is still to be created; None: there is none to create."""
        name = value_of(self.answers, PASSWORD_FILE)
        path = self.file.parent / name if name else None
        return path if path is not None and not path.exists() else None

    def begin_scan(self, step: ScanStep) -> tuple[Target, ScanOptions]:
        """What to scan. Until `end_scan` the answers file states that the scan was interrupted."""
        write_atomically(self.answers_file, as_toml(with_scan_due(self.answers, step.bus, "interrupted")))
        return scan_of(self.answers, step.bus)

    def end_scan(self, step: ScanStep, result: ScanResult | Exception) -> None:
        """Adds the devices that were found. Without any, or after an error, the question whether to scan follows again.

        Nothing of an interrupted scan is kept: it does not show which devices are missing.
        """
        if isinstance(result, ScanResult) and result.found and not result.stopped:
            return self._keep(with_scan(self.answers, step.bus, result))
        why = "unreachable" if isinstance(result, ConnectFailed) else ""
        if isinstance(result, ScanResult) and result.stopped:
            why = "interrupted"
        self._keep(with_scan_due(self.answers, step.bus, why))

    def _keep(self, answers: Answers) -> None:
        write_atomically(self.answers_file, as_toml(answers))
        self.answers = answers


def answers_path(file: Path) -> Path:
    """The answers file of a configuration: plant.answers.toml of plant.toml."""
    return file.with_name(f"{file.stem}.answers.toml")


def scan_of(answers: Answers, bus: str) -> tuple[Target, ScanOptions]:
    """The bus and the options of its scan, from the answers."""
    table, state = answers["bus"][bus], answers["init"]["bus"][bus]
    setting = setting_of(answers, bus)
    expected = parse_expected(str(state["expect"])) if state.get("expect") else None
    # Unit identifiers on the labels: only these are queried, so that the scan is short.
    units = expected.units if expected and expected.units else ScanOptions().units
    options = ScanOptions(units, fc03=state["fc03"], expected=expected)
    if "serial" in table:
        return Target(serial=table["serial"], setting=setting), options
    host, port = keys.BUS["tcp"].convert(table["tcp"])
    rtu = value_of(table, ("framing",)) in ("rtu", "dlt645")
    return Target(host=host, port_number=port, rtu=rtu, setting=setting), options


def write_password(path: Path, password: str) -> None:
    """Creates a password file, readable by its owner only. Raises OSError, also if there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    give_owner_of_folder(path)
