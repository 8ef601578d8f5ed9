"""The imports between the files of the product, read from the sources: at the top, in functions, for types only."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("agent", "drivers", "dsp", "simulators")


def module_of(file: Path) -> str:
    """The module of a file; a package's `__init__.py` is the module of the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> dict[str, Path]:
    return {module_of(file): file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))}


@cache
def import_statements(file: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return tuple(node for node in tree if isinstance(node, ast.Import | ast.ImportFrom))


def names_imported(file: Path) -> Iterator[str]:
    """Dotted names that a file imports; for `from a import b` both a.b and a."""
    for node in import_statements(file):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{file}: imports are absolute"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph() -> dict[str, set[str]]:
    """Module → the modules of the product that it imports. A name taken from a package counts as an import of the
    package, a module taken from it only as an import of the module.
    """
    known = modules()
    graph: dict[str, set[str]] = {}
    for module, file in known.items():
        found: set[str] = set()
        for node in import_statements(file):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif node.module is not None:
                exported = _names_of(known.get(node.module))
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    found.add(inner if inner in known and alias.name not in exported else node.module)
        graph[module] = (found & known.keys()) - {module}
    return graph


def _names_of(package: Path | None) -> set[str]:
    """Names that a package's `__init__.py` imports from its modules."""
    if package is None or package.name != "__init__.py":
        return set()
    tree = ast.parse(package.read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def cycles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan 1972), each sorted."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def package_graph(graph: Mapping[str, Iterable[str]], packages: Iterable[str]) -> dict[str, set[str]]:
    """The imports between packages: a module belongs to the longest of `packages` that contains it."""
    ordered = sorted(packages, key=len, reverse=True)

    def owner(module: str) -> str | None:
        return next((package for package in ordered if module == package or module.startswith(f"{package}.")), None)

    found: dict[str, set[str]] = {package: set() for package in ordered}
    for module, imported in graph.items():
        package = owner(module)
        if package is not None:
            found[package] |= {other for name in imported if (other := owner(name)) not in (None, package)}  # type: ignore[misc]
    return found
