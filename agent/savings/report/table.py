"""An HTML table from cells that are HTML already."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = (), kind: str = "") -> str:
    """numbers: columns that stand to the right. On a narrow screen it scrolls by itself."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(
            f'<{tag}{" class=n" if k in numbers else ""}>{cell}</{tag}>' for k, cell in enumerate(cells)
        ) + "</tr>"  # fmt: skip

    named = f' class="{kind}"' if kind else ""
    body = "".join(row(cells, "td") for cells in rows)
    return f"<div class='wide'><table{named}><thead>{row(head, 'th')}</thead><tbody>{body}</tbody></table></div>"


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Name and value, one a line."""
    return (
        f"<table class='pairs'>{''.join(f'<tr><th>{name}</th><td>{value}</td></tr>' for name, value in rows)}</table>"
    )


def dated(moment: str) -> str:
    """`2026-10-03 14:15` such that a narrow column breaks it between date and time, not within the date."""
    date, _, time = moment.partition(" ")
    return f"<span class='date'>{date}</span>{' ' if time else ''}{time}"
