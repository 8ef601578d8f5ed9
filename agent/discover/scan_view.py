"""What a person sees of a scan: a bar with what was found above it, plain lines elsewhere; in the end a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

from agent.discover.paste import to_toml
from agent.words import counted

if TYPE_CHECKING:
    from agent.discover.scan_result import Found, Result

LINE_EVERY_S = 3.0  # without a terminal: no more than one line of progress in that time


class View(Protocol):
    def say(self, text: str) -> None: ...

    def begin(self, what: str, total: int) -> None: ...

    def step(self, unit: int) -> None: ...

    def found(self, found: Found) -> None: ...


class Lines:
    """To standard error, so that the result alone is on standard output."""

    def __init__(self) -> None:
        self._told_s = 0.0
        self._what, self._done, self._total = "", 0, 0

    def say(self, text: str) -> None:
        click.echo(text, err=True)

    def begin(self, what: str, total: int) -> None:
        self._what, self._done, self._total = what, 0, total
        self._progress()

    def step(self, unit: int) -> None:
        self._done += 1
        self._progress()

    def found(self, found: Found) -> None:
        click.echo(found_text(found), err=True)

    def _progress(self) -> None:
        if time.monotonic() - self._told_s >= LINE_EVERY_S:
            self._told_s = time.monotonic()
            click.echo(f"{self._what}: {self._done} of {counted(self._total, 'unit')}", err=True)


class Bar:
    """The same on a terminal."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("listening", total=None)

    def say(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False)

    def begin(self, what: str, total: int) -> None:
        self._progress.reset(self._task, total=max(total, 1), description=what)

    def step(self, unit: int) -> None:
        self._progress.update(self._task, advance=1)

    def found(self, found: Found) -> None:
        self.say(found_text(found))


@contextmanager
def open_view() -> Iterator[View]:
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)


def found_text(found: Found) -> str:
    where = f" at {found.setting}" if found.setting else ""
    return f"unit {found.unit}{where} answers ({found.reply}, {1000 * found.took_s:.0f} ms)"


def result_text(result: Result) -> str:
    """The table, the findings, what to do next, and TOML to paste."""
    where = f"{result.target}{f' at {result.setting}' if result.setting else ''}"
    lines = [
        f"{where}: {counted(len(result.found), 'device')}, {counted(result.asked, 'question')}, {result.sought_s:.0f} s"
    ]
    if result.found:
        lines += ["", f"{'unit':>4}  {'answers with':<15} model"]
        for found in result.found:
            known = found.identified
            lines.append(f"{found.unit:>4}  {found.reply:<15} {known.text if known else 'not looked at'}")
            lines += [f"      {'':<15} {text}" for text in (reasons(known) if known else [])]
    lines += [f"note     {text}" for text in result.notes]
    lines += [f"finding  {text}" for text in result.findings]
    lines += ["", *next_steps(result)]
    if any(found.identified for found in result.found):
        lines += ["", "# to paste:", toml_of(result)]
    return "\n".join(lines)


def toml_of(result: Result) -> str:
    known = [found.identified for found in result.found if found.identified]
    return to_toml(result.target, result.setting, known)


def reasons(known: Any) -> list[str]:
    """Why, for each model in question; one line each."""
    shown = [
        ("" if known.sure else f"{match.profile.id}: ") + "; ".join((*match.reasons[:4], *match.doubts[:2]))
        for match in known.matches
    ]
    return shown + list(known.notes)


def next_steps(result: Result) -> list[str]:
    if result.stopped:
        return ["stopped; what was found so far stands above"]
    if result.found:
        if any(found.identified and not found.identified.matches for found in result.found) and not result.fc03:
            return [
                "Next: scan or identify again with function 03 allowed (--allow-fc03); docs/scan.md says what it risks."
            ]
        return ["Next: paste the tables below into a configuration, magwatt check it, then magwatt read it."]
    if result.findings:
        return ["Next: see to the findings, then scan again."]
    steps = "wires A and B (exchange them), power of the devices, termination, and whether the address is set at all"
    if result.target.serial:
        return [f"Nobody answered. Look at {steps}; --full also tries rare settings and slow devices."]
    return ["Nobody answered. Is Modbus switched on in the device, and does it allow this computer's address?"]


def result_object(result: Result) -> dict[str, Any]:
    """For --json."""
    return {
        "where": str(result.target),
        "line": str(result.setting) if result.setting else None,
        "found": [
            {
                "unit": found.unit,
                "function": found.function,
                "reply": found.reply,
                "took_ms": round(1000 * found.took_s, 1),
                **(identified_object(found.identified) if found.identified else {}),
            }
            for found in result.found
        ],
        "notes": result.notes,
        "findings": result.findings,
        "asked": result.asked,
        "seconds": round(result.sought_s, 2),
        "stopped": result.stopped,
        "toml": toml_of(result) if any(found.identified for found in result.found) else None,
    }


def identified_object(known: Any) -> dict[str, Any]:
    return {
        "sure": known.sure,
        "calls_itself": known.told or None,
        "in_library": not known.foreign if known.matches else None,
        "models": [
            {
                "profile": match.profile.id,
                "nats": round(match.score, 1),
                "named": match.named,
                "for": list(match.reasons),
                "against": list(match.doubts),
            }
            for match in known.matches
        ],
        "remarks": known.notes,
    }
