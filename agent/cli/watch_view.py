"""What a live table shows: a screen of a given size, and the complete table for a pipe or a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass

from agent.cli import watch_notes, wrapped
from agent.cli.watch_rows import GatewayRows, followed_in_order, rows_by_gateway
from agent.cli.watch_table import Line, Span, clipped_line, group_line, layout
from agent.core.text import _
from agent.delivery.mqtt.follower import Follower

ROWS_MIN = 3  # lines of the table that notes and footer leave


@dataclass
class View:
    """What the reader has chosen.

    offset: first line of the table (or of the notes) on the screen.
    search: words of the filter.
    trouble_first: order of the motors.
    notes_only: show all notes instead of the table.
    page_lines: height of the scrolled part of the last screen.
    """

    offset: int = 0
    search: str = ""
    trouble_first: bool = True
    notes_only: bool = False
    page_lines: int = 1


def screen(follower: Follower, view: View, width: int, height: int, footer: str = "") -> list[Line]:
    """Exactly `height` lines: title, head, motors, notes, footer. Moves `view.offset` into the valid range."""
    groups = rows_by_gateway(follower, view.search, view.trouble_first)
    notes = watch_notes.notes(follower)
    table = layout(groups, width)
    title = [*_title(follower, groups, view), Span(f"  {time.strftime('%H:%M:%S')}", "dim")]
    head = [title, *([] if view.notes_only else table.head())]
    foot: list[Line] = [[Span(text, "dim")] for text in footer.splitlines()]
    if view.notes_only:
        body = [[Span(part, "yellow")] for text in notes or [_("no notes")] for part in wrapped(text, width)]
    else:
        foot = [*_short_notes(notes, min(height // 5, height - len(head) - len(foot) - ROWS_MIN)), *foot]
        body = [line for group in groups for line in (group_line(group), *map(table.row, group.rows))]
        if not follower.seen:
            body = [[Span(_("Waiting for messages on {topic} …", topic=follower.topic))]]
    view.page_lines = max(height - len(head) - len(foot) - 1, 1)
    view.offset = max(min(view.offset, len(body) - view.page_lines), 0)
    shown = body[view.offset : view.offset + view.page_lines]
    empty: list[Line] = [[]] * (view.page_lines - len(shown))
    lines = [*head, *shown, *empty, *foot, _keys(view, len(body), len(shown))]
    return [clipped_line(line, width) for line in lines[:height]]


def table(follower: Follower, width: int) -> list[Line]:
    """The complete table with all notes."""
    groups = rows_by_gateway(follower)
    if not groups:
        return [[Span(_("no message from a motor on {topic}", topic=follower.topic))]]
    columns = layout(groups, width)
    return [
        _title(follower, groups, View()),
        *columns.head(),
        *(line for group in groups for line in (group_line(group), *map(columns.row, group.rows))),
        [],
        [Span(_("±: uncertainty U (k = 2); –: unknown; !: in trouble"), "dim")],
        *([Span(text, "yellow")] for text in watch_notes.notes(follower)),
    ]


def _title(follower: Follower, groups: list[GatewayRows], view: View) -> Line:
    n, bad = sum(len(group.rows) for group in groups), sum(group.in_trouble for group in groups)
    line = [Span(_("{n:d} {n:motor|motors}", n=n), "bold")]
    if bad:
        line.append(Span("  " + _("{n:d} in trouble", n=bad), "bold red"))
    if follower.interrupted:
        line.append(Span("  " + _("no connection to the broker"), "bold red"))
    if any("SIMULATED" in watch_notes.flags_of(followed) for followed in followed_in_order(follower)):
        line.append(Span("  " + _("simulated"), "bold yellow"))
    if view.search:
        line.append(Span("  " + _("filter: {search}", search=view.search), "cyan"))
    return line


def _short_notes(notes: list[str], lines: int) -> list[Line]:
    """The first notes, each in one line; the last line counts the others."""
    if len(notes) > lines:
        hidden = len(notes) - max(lines - 1, 0)
        notes = [*notes[: max(lines - 1, 0)], _("{n:d} more {n:note|notes}: key n", n=hidden)]
    return [[Span(text, "yellow")] for text in notes[: max(lines, 0)]]


def _keys(view: View, lines: int, shown: int) -> Line:
    """The footer: what is on the screen, and the keys."""
    place = f"{view.offset + 1}–{view.offset + shown}/{lines}" if lines > shown else ""
    keys = (
        place, "↑↓ " + _("scroll"), "/ " + _("filter"),
        "t " + (_("order by name") if view.trouble_first else _("trouble first")),
        "n " + (_("table") if view.notes_only else _("notes")), "q " + _("quit"),
        _("±: U (k = 2)"),
    )  # fmt: skip
    return [Span("  ".join(filter(None, keys)), "reverse")]
