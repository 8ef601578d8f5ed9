"""The setup from the first question to the last record: what the browser shows, and what it may do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

from agent.acquisition.poll_plan import plan
from agent.commissioning.discovery.scan_result import ScanResult, advice_without_device
from agent.commissioning.init.configuration import write_configuration
from agent.commissioning.init.question import OpenQuestion, ScanStep
from agent.commissioning.init.session import PASSWORD_FILE, InitSession, write_password
from agent.commissioning.wizard.answers import Answer, Reply, operator_name
from agent.commissioning.wizard.dialogue import Dialogue
from agent.commissioning.wizard.record import CommissioningRecord
from agent.commissioning.wizard.wizard import commission_plant, records_folder
from agent.config.loader import ConfigError, load_config
from agent.config.model import Config
from agent.config.schema import reason_of_error
from agent.config.topology import assets
from agent.core.local_time import zone_of
from agent.core.text import _, text_of, use
from agent.runtime.configuration_findings import add_findings, grouped
from agent.web.setup import question_view, walk_view
from agent.web.setup.board import Board
from agent.web.setup.scan_job import RunScan, ScanJob, run_scan
from agent.web.setup.walk import Walk
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import Code, InvalidValue, cause_of

Stage = Literal["file", "questions", "password", "scan", "written", "walk", "end"]
Commission = Callable[[Config, Path, str, Dialogue], Coroutine[Any, Any, list[CommissioningRecord]]]

OUT_OF_DATE = Code("setup_out_of_date", "the page was out of date; here is the present question")
FIRST_QUESTION = Code("setup_first_question", "this is the first question")
REMARK_MISSING = Code("setup_remark_missing", "enter what you found instead")


def commission_all(
    config: Config, folder: Path, by: str, dialogue: Dialogue
) -> Coroutine[Any, Any, list[CommissioningRecord]]:
    """All motors of the plant."""
    return commission_plant(config, folder, by, dialogue, [])


class Setup:
    """The state of the one setup of this process. Thread-safe; texts are in the language of the process.

    session: of the questions, continued.
    ended: the operator has finished.
    """

    def __init__(
        self, session: InitSession, overwrite: bool = False, scan: RunScan = run_scan,
        commission: Commission = commission_all,
    ) -> None:  # fmt: skip
        self.session, self.board = session, Board()
        self.written = False
        self._scan, self._commission = scan, commission
        self._lock = threading.RLock()
        self._stage: Stage = "file" if session.file.exists() and not overwrite else "questions"
        self._job: ScanJob | None = None
        self._walk: Walk | None = None
        self._report: dict[str, Any] | None = None  # of the last scan
        self._failure = ""  # why the configuration could not be written
        self._config: Config | None = None
        self._findings: list[str] = []
        self._language = "en"

    @property
    def ended(self) -> bool:
        return self._stage == "end"

    @property
    def records(self) -> list[Path]:
        """The records of the last commissioning."""
        return [path for outcome in self._walk.outcomes.values() if (path := outcome.path)] if self._walk else []

    @property
    def open_points(self) -> int:
        """Of the last commissioning."""
        return sum(outcome.points or 0 for outcome in self._walk.outcomes.values()) if self._walk else 0

    def use_language(self, language: str) -> None:
        """Switches all texts, also the comments of the configuration and the records."""
        with self._lock:
            self._language = language
            use(language, zone_of(self._config.site.timezone if self._config else "UTC"))
            self.board.changed()

    def view(self) -> dict[str, Any]:
        """What the browser shows."""
        with self._lock:
            found: dict[str, Any] = {"stage": self._stage, "file": str(self.session.file),
                                     "simulated": bool(self._config and self._config.site.simulated)}  # fmt: skip
            if self._stage == "file":
                found |= {"answers": str(self.session.answers_file), "kept": self.session.answers_file.exists()}
            elif self._stage == "questions":
                found |= self._questions_view()
            elif self._stage == "password":
                found["path"] = str(self.session.password_file())
            elif self._stage == "scan" and self._job:
                found["scan"] = self._job.view()
            elif self._stage == "written":
                found |= {"findings": self._findings, "commissioned": self._walk is not None}
            elif self._stage == "walk" and self._walk and self._walk.assets:
                found["walk"] = walk_view.view(self._walk)
            if self._walk and self._walk.error:
                found["error"] = text_of(self._walk.error)
            if self._stage in ("written", "end") and self._walk:
                found["motors"] = [
                    {"title": asset.title, "points": self._walk.outcomes[asset.name].points}
                    for asset in self._walk.assets
                ]
                found["folder"] = str(records_folder(self.session.file))
            return found

    def close(self) -> None:
        """Ends what runs. Everything that was entered, and the records until now, are kept."""
        if self._job:
            self._job.cancel()
            self._job.join(10.0)
        if self._walk:
            self._walk.stop()

    # What the operator may do. Each raises InvalidValue with a text for the field, and OSError.

    def choose(self, choice: str) -> None:
        """At an existing configuration: replace it at the end, commission it as it is, or end."""
        with self._lock:
            self._expect("file")
            if choice == "commission":
                self._load()
            self._stage = {"replace": "questions", "commission": "written"}.get(choice, "end")  # type: ignore[assignment]
            self._continue()

    def answer(self, key: str, typed: str) -> None:
        with self._lock:
            question = self._open(key)
            try:
                self.session.answer(question, typed)
            except ValueError as error:
                raise InvalidValue(question_view.cause_in_browser(reason_of_error(error))) from None
            self._report = None
            if question.key == PASSWORD_FILE and self.session.password_file():
                self._stage = "password"
            self._continue()

    def back(self, key: str) -> None:
        with self._lock:
            self._open(key)
            if not self.session.back():
                raise InvalidValue(FIRST_QUESTION)
            self._report = None
            self._continue()

    def set_password(self, password: str) -> None:
        """Empty: the file is created later."""
        with self._lock:
            self._expect("password")
            path = self.session.password_file()
            if password and path:
                write_password(path, password)
            self._stage = "questions"
            self._continue()

    def cancel_scan(self) -> None:
        with self._lock:
            if self._job:
                self._job.cancel()

    def write(self) -> None:
        """Tries to write the configuration again."""
        with self._lock:
            self._expect("questions")
            self._continue()

    def begin_walk(self, by: str) -> None:
        """by: name of the operator."""
        with self._lock:
            self._expect("written")
            name = operator_name(by)
            if self._config is None or not assets(self._config):
                return
            config, folder = self._config, records_folder(self.session.file)
            self._walk = Walk(
                config, lambda dialogue: self._commission(config, folder, name, dialogue), self._walk_changed
            )
            self._stage = "walk"
            self._walk.start()
            self.board.changed()

    def reply(self, number: int, reply: Reply, remark: str) -> None:
        """The reply to a statement; with "no" the actual state."""
        remark = " ".join(remark.split())
        if reply == "no" and not remark:
            raise InvalidValue(REMARK_MISSING)
        self._step(number, Answer(reply, remark if reply == "no" else ""))

    def check_again(self, number: int, again: bool) -> None:
        self._step(number, again)

    def next_motor(self, number: int) -> None:
        self._step(number, None)

    def end(self) -> None:
        with self._lock:
            if self._stage != "scan":
                self._stage = "end"
            self.board.changed()

    def _expect(self, stage: Stage) -> None:
        if self._stage != stage:
            raise InvalidValue(OUT_OF_DATE)

    def _open(self, key: str) -> OpenQuestion:
        """The open question, if the browser shows it."""
        self._expect("questions")
        step = self.session.step
        if not isinstance(step, OpenQuestion) or ".".join(step.key) != key:
            raise InvalidValue(OUT_OF_DATE)
        return step

    def _step(self, number: int, value: Any) -> None:
        with self._lock:
            self._expect("walk")
            if not self._walk or not self._walk.answer(number, value):
                raise InvalidValue(OUT_OF_DATE)

    def _continue(self) -> None:
        """Begins what follows: a scan, or writing the configuration."""
        if self._stage == "questions":
            step = self.session.step
            if isinstance(step, ScanStep):
                self._begin_scan(step)
            elif step is None:
                self._write()
        self.board.changed()

    def _begin_scan(self, step: ScanStep) -> None:
        target, options = self.session.begin_scan(step)

        def on_end(result: ScanResult | Exception) -> None:
            with self._lock:
                self._report = _report_of(result)
                self.session.end_scan(step, result)
                self._stage, self._job = "questions", None
                self._continue()

        self._job = ScanJob(step.bus, target, options, self.board.changed, on_end, self._scan)
        self._stage = "scan"
        self._job.start()

    def _write(self) -> None:
        try:
            write_configuration(self.session.file, self.session.answers)
            self._load()
        except ConfigError as error:
            self._failure = "\n".join(problem.text(text_of) for problem in error.problems)
        except OSError as error:
            self._failure = text_of(FILE_UNWRITABLE(path=str(self.session.file), error=cause_of(error)))
        else:
            self._failure, self._stage, self.written = "", "written", True

    def _load(self) -> None:
        config, report = load_config(self.session.file)
        add_findings(config, report, None)
        self._config = config
        self._findings = [
            _("{text} ({keys})", text=text_of(item.reason), keys=tuple(map(_owner, (item.key, *others))))
            for item, others in grouped([*report.findings, *report.notes])
        ]
        self._findings += [
            _("bus {name}: polling needs {share:pct} % of the bus time", name=bus.name, share=bus.utilization)
            for bus in plan(config)
        ]
        use(self._language, zone_of(config.site.timezone))

    def _walk_changed(self) -> None:
        if self._walk and self._walk.ended:
            with self._lock:
                self._stage = "written" if self._stage == "walk" else self._stage
        self.board.changed()

    def _questions_view(self) -> dict[str, Any]:
        step = self.session.step
        question = question_view.view(step) if isinstance(step, OpenQuestion) else None
        return {"sections": question_view.sections(), "question": question, "report": self._report,
                "failure": self._failure, "first": not self.session.answers}  # fmt: skip


def _owner(key: str) -> str:
    """meter.meter-1.ct → meter-1; the device or motor that a finding is about."""
    return ".".join(key.split(".")[1:2]) or key


def _report_of(result: ScanResult | Exception) -> dict[str, Any]:
    """What a scan found, above the next question."""
    if not isinstance(result, ScanResult):
        return {"error": text_of(result), "devices": [], "lines": []}
    lines = [*result.findings, *result.notes]
    if not result.found and not result.stopped:
        lines.append(advice_without_device(result))
    return {
        "error": "", "lines": [text_of(line) for line in lines],
        "devices": [
            {"unit": item.unit, "model": text_of(item.identified.summary) if item.identified else _("not identified")}
            for item in result.found
        ] if not result.stopped else [],
    }  # fmt: skip
