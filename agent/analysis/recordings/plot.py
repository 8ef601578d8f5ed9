"""Picture of one window: waveforms, phasors, spectrum with the limits that apply. Requires matplotlib."""

from __future__ import annotations

import errno
import logging
import math
import os
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.analysis.recordings import plot_panels, plot_phasors
from agent.analysis.recordings import reasons as codes
from agent.analysis.recordings.limits import MeasurementPoint
from agent.analysis.recordings.reader import RecordingSource
from agent.analysis.recordings.reasons import ReplayError
from agent.core.text import N_, _
from drivers.file_reasons import FILE_UNWRITABLE, OUTPUT_FOLDER_MISSING, PATH_IS_FOLDER
from drivers.reasons import cause_of

_FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "SimHei"]  # texts and file names may be Chinese
_STYLE: dict[Any, Any] = {
    "font.family": _FONTS, "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#DDDDDD", "axes.axisbelow": True, "legend.frameon": False, "svg.fonttype": "none",
}  # fmt: skip


def check(path: Path) -> None:
    """Raises ReplayError if no picture can be written to this path. To be called before the analysis."""
    if path.suffix.lower() not in (".png", ".svg"):
        raise ReplayError(codes.PLOT_NAME_INVALID, path=str(path))
    if find_spec("matplotlib") is None:
        raise ReplayError(codes.PLOT_LIBRARY_MISSING)
    if not path.parent.is_dir():
        raise ReplayError(OUTPUT_FOLDER_MISSING, path=str(path), folder=str(path.parent))
    if path.is_dir():
        raise ReplayError(PATH_IS_FOLDER, path=str(path))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ReplayError(FILE_UNWRITABLE, path=str(path), error=os.strerror(errno.EACCES))


class Picked:
    """Selects the window to draw: the one at `at_s` seconds, or the one without a flag nearest to the middle."""

    def __init__(self, source: RecordingSource, at_s: float | None) -> None:
        self._source, self._at_s = source, at_s
        self._middle = (source.last - source.first) / 2
        self._best = (True, math.inf)
        self.window: Any = None

    def add(self, window: Any) -> None:
        middle = (window.start_index + window.end_index) / 2
        rank = (
            (bool(window.flags), abs(middle - self._middle)) if self._at_s is None
            else (False, abs(self._source.time_s(middle) - self._at_s))
        )  # fmt: skip
        if rank < self._best:
            self._best, self.window = rank, window


def draw(path: Path, source: RecordingSource, window: Any, place: MeasurementPoint | None) -> None:
    """Writes the picture. place: draw the limits that apply there. Raises ReplayError if the file cannot be written."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it logs every missing font
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(12.0, 10.5 if len(_kinds(source)) == 2 else 7.5), layout="constrained")
        figure.suptitle(_title(source, window), fontsize=13, fontweight="bold", parse_math=False)
        _fill(figure, source, window, place)
        try:
            figure.savefig(path, dpi=120)
        except OSError as error:
            raise ReplayError(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None


def _kinds(source: RecordingSource) -> list[str]:
    """Which of u and i the recording contains."""
    present = source.recording.present
    return [kind for kind, at in (("u", 0), ("i", 3)) if any(present[at : at + 3])]


def _title(source: RecordingSource, window: Any) -> str:
    begin, end = source.time_s(window.start_index), source.time_s(window.end_index)
    flags = " ".join(flag.name for flag in type(window.flags) if flag and flag & window.flags)
    parts = [Path(source.name).name, _("{from_s:.4f} to {to_s:.4f} s", from_s=begin, to_s=end)]
    text = N_("{frequency_hz:.4f} Hz, {n:d} cycles") if window.n_cycles else N_("no frequency found")
    parts.append(_(text, frequency_hz=window.frequency_hz, n=window.n_cycles))
    return "   ".join([*parts, f"[{flags}]"] if flags else parts)


def _fill(figure: Any, source: RecordingSource, window: Any, place: MeasurementPoint | None) -> None:
    kinds = _kinds(source)
    grid = figure.add_gridspec(2 * len(kinds), 3, width_ratios=(1, 1, 0.95), height_ratios=[1.0] * 2 * len(kinds))
    first = None
    for row, kind in enumerate(kinds):
        axes = figure.add_subplot(grid[row, :2], sharex=first)
        first = first or axes
        plot_panels.waves(axes, source, window, kind, last=row == len(kinds) - 1)
        plot_panels.spectrum(figure.add_subplot(grid[len(kinds) + row, :2]), window, kind, place)
    plot_phasors.phasors(figure.add_subplot(grid[: len(kinds), 2], projection="polar"), window, kinds)
    plot_panels.figures(figure.add_subplot(grid[len(kinds) :, 2]), window)
