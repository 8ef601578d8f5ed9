"""The scripts of the first view as one file, because on a slow connection each request costs a round trip.

Each script keeps its own scope; what it exports, the file exports, too. A view that is loaded later imports by the
names of the scripts, which the import map of the page leads to the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from posixpath import dirname, join, normpath, relpath

from msgspec import Struct

_IMPORT = re.compile(r'^import\s+(?:\{([^}]*)\}|(\w+))\s+from\s+"([^"]+)";\n', re.MULTILINE)
_LIST = re.compile(r"^export \{([^}]*)\};\n", re.MULTILINE)
_DECLARED = re.compile(r"^export\s+(?:default\s+)?((?:async\s+)?function|const)\s+(\w+)", re.MULTILINE)
_LATER = re.compile(r"""(\bimport\([`"])(\.[^`"]*)""")
_REST = re.compile(r"^(?:export\b|import\s).*", re.MULTILINE)


class Bundle(Struct, frozen=True):
    """text: of the file. names: of the scripts in it, in the order in which they run."""

    text: str
    names: tuple[str, ...]


def bundle(sources: Mapping[str, str], first: str) -> Bundle:
    """`first` and the scripts that it imports, directly or through others.

    sources: name → text. Names of exports are unique, are imported under the same name, and are never assigned again.
    Raises ValueError for a statement or a name that does not fit into one file.
    """
    names = tuple(dict.fromkeys(_in_order(sources, first, ())))
    parts, known, libraries = [], set[str](), dict[str, None]()
    for name in names:
        text = sources[name]
        for braces, single, path in _IMPORT.findall(text):
            wanted = {item.strip() for item in (braces or single).split(",")}
            if not path.startswith("."):
                libraries[f'import {{{braces}}} from "{path}";' if braces else f'import {single} from "{path}";'] = None
                known |= wanted
            elif not wanted <= known:
                raise ValueError(f"{name}: {sorted(wanted - known)} of {path}")
        again = {item.strip() for found in _LIST.findall(text) for item in found.split(",")}
        declared = [found[1] for found in _DECLARED.findall(text)]
        body = _DECLARED.sub(r"\1 \2", _LIST.sub("", _IMPORT.sub("", text)))
        rest = _REST.findall(body)
        if rest or not again <= known or known & set(declared):
            raise ValueError(f"{name}: {rest}, {sorted(again - known)}, {sorted(known & set(declared))}")
        known |= set(declared)
        parts.append(_scoped(_LATER.sub(partial(_as_seen, first, name), body), declared))
        parts += [f"export {{{', '.join(sorted(again))}}};\n"] if again else []
    return Bundle("\n".join((*libraries, *parts)), names)


def _in_order(sources: Mapping[str, str], name: str, outer: tuple[str, ...]) -> Iterator[str]:
    """Each script after those that it imports."""
    if name in outer:
        raise ValueError(f"{name} imports itself through {outer}")
    for *_, path in _IMPORT.findall(sources[name]):
        if path.startswith("."):
            yield from _in_order(sources, normpath(join(dirname(name), path)), (*outer, name))
    yield name


def _as_seen(first: str, name: str, later: re.Match[str]) -> str:
    """An import that script `name` makes later, with its path as seen from `first`."""
    path = normpath(join(dirname(name), later[2]))
    return f"{later[1]}./{relpath(path, dirname(first) or '.')}"


def _scoped(body: str, declared: list[str]) -> str:
    """Without exports a block, which may wait for a promise."""
    if not declared:
        return f"{{\n{body}}}\n"
    listed = ", ".join(declared)
    return f"export const {{{listed}}} = (() => {{\n{body}return {{{listed}}};\n}})();\n"
