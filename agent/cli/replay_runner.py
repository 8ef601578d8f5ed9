"""`magwatt replay`: read a recording, analyse it in one pass, print the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct, field

from agent.analysis.recordings import plot, rows
from agent.analysis.recordings.limits import MeasurementPoint, compare_with_limits
from agent.analysis.recordings.reader import RecordingSettings, RecordingSource
from agent.analysis.recordings.reasons import NO_COMPLETE_WINDOW
from agent.analysis.recordings.summary import RecordingSummary
from agent.analysis.recordings.summary_text import summary_text
from agent.core import kernel_cache
from agent.core.codec import encode_reason_with_text
from agent.core.text import _, text_of
from drivers.recordings.recording import load, parse_map

_LONG_BYTES = 5_000_000  # size of a file from which a progress bar is shown


class ReplayOptions(Struct, frozen=True):
    """What to analyse and print.

    settings: how the recording is interpreted.
    mapping: channels by role, as `--map` takes them; empty: from the names in the file.
    as_json: print JSON instead of text.
    summary: print aggregated values instead of windows.
    place: the place whose limits are compared; None: no limits.
    plot: file for the picture of one window; None: no picture.
    plot_at_s: time of this window, seconds; None: near the middle.
    """

    settings: RecordingSettings = field(default_factory=RecordingSettings)
    mapping: str = ""
    as_json: bool = False
    summary: bool = False
    place: MeasurementPoint | None = None
    plot: Path | None = None
    plot_at_s: float | None = None


def replay_file(file: Path, options: ReplayOptions) -> int:
    """Print a line for each window, or the summary. Return 1 if there is no window or a limit is exceeded, else 0.

    Raises FileError for a file or option that cannot be used.
    """
    mapping = parse_map(options.mapping)
    if options.plot:
        plot.check(options.plot)
    with _progress(file, options) as step:
        recording = load(file, mapping)
        for note in recording.notes:
            click.echo(text_of(note), err=True)
        kernel_cache.prepare()
        source = RecordingSource(recording, options.settings, str(file))
        _print_notes(source)
        summary = RecordingSummary(source) if options.summary else None
        selection = plot.Picked(source, options.plot_at_s) if options.plot else None
        count = 0
        for window in source.windows(lambda samples: step(samples / (source.last - source.first))):
            count += 1
            if selection:
                selection.add(window)
            if summary:
                summary.add(window)
            else:
                if count == 1 and not options.as_json:
                    click.echo(rows.headings())
                _print(rows.window_object(window, source.time_s), options.as_json)
    _print_notes(source)
    if not count:
        click.echo(text_of(NO_COMPLETE_WINDOW(file=str(file), length_s=source.seconds)), err=True)
        return 1
    if options.plot and selection:
        plot.draw(options.plot, source, selection.window, options.place)
    return _conclude(summary, source, options) if summary else 0


def _print_notes(source: RecordingSource) -> None:
    while source.notes:
        click.echo(text_of(source.notes.pop(0)), err=True)


def _print(row: dict[str, Any], as_json: bool) -> None:
    events = [f"         {rows.format_event(event)}" for event in row["events"]]
    click.echo(msgspec.json.encode(row).decode() if as_json else "\n".join([rows.format_row(row), *events]))


def _conclude(summary: RecordingSummary, source: RecordingSource, options: ReplayOptions) -> int:
    summary.finish()
    found = summary.as_object()
    if options.place:
        found["limits"] = compare_with_limits(summary, options.place, source.seconds)
    encoded = msgspec.json.encode(found, enc_hook=encode_reason_with_text).decode()
    click.echo(encoded if options.as_json else summary_text(found))
    return int(any(one.get("exceeded") for one in found.get("limits", [])))


@contextmanager
def _progress(file: Path, options: ReplayOptions) -> Iterator[Callable[[float], None]]:
    """A progress bar for a long file, if stderr is a terminal and no lines are printed to it.

    Yields a function to call with the completed share, 0 to 1.
    """
    try:
        long = file.stat().st_size > _LONG_BYTES or file.with_suffix(".dat").stat().st_size > _LONG_BYTES
    except (OSError, ValueError):
        long = False
    if not (long and sys.stderr.isatty()) or (sys.stdout.isatty() and not options.summary):
        yield lambda part: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task(_("reading {file}", file=file.name), total=None)
        yield lambda part: bar.update(
            task, description=_("analysing {file}", file=file.name), total=1.0, completed=part
        )
