"""Tests use public interfaces of the product and take no tolerance from it."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from tests.architecture.imports import PACKAGES, ROOT

# Modules and names that are private and have no public counterpart, each with its reason.
ALLOWED = {
    "agent.core.text._": "the gettext function; its name is a convention",
    "dsp._jit": "flags and list of kernels: tests compile one for another processor and one without a cache",
    "dsp._simd": "array layout and vector operations of kernels, which only kernels can use",
}
# Lengths of time: a conversion, not a tolerance.
UNITS = re.compile(r"(QUARTER|HOUR|DAY|WEEK)_(S|MS|NS)")
NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}
PATCHERS = {"setattr", "delattr", "getattr", "object"}


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def classes(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """Class of a test file → the methods and attributes that it and its bases in test files define."""
    own: dict[str, set[str]] = {}
    bases: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        names = own.setdefault(node.name, set())
        bases.setdefault(node.name, set()).update(ast.unparse(base).split(".")[-1] for base in node.bases)
        for inner in ast.walk(node):
            match inner:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
                case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)

    def inherited(name: str) -> set[str]:
        return own.get(name, set()).union(*(inherited(base) for base in bases.get(name, set()) - {name}))

    return {name: inherited(name) for name in own}


def imported(tree: ast.Module) -> dict[str, str]:
    """Local name → dotted name, for imports from the product."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.asname or name.name: name.name for name in node.names if name.name.split(".")[0] in PACKAGES}
    return found


def private_names(tree: ast.Module, known: Mapping[str, set[str]]) -> Iterator[tuple[int, str]]:
    """Private names of others that a test file imports, reads, sets or patches.

    known: the names that a class of the tests defines; they are accepted on self, cls and super() in that class only.
    """
    own: dict[int, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            own |= {id(inner): known.get(node.name, set()) for inner in ast.walk(node)}
    for name in imported(tree).values():
        if is_private(name) and not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED):
            yield 1, name
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=owner, attr=name) if is_private(name) and name not in NAMEDTUPLE:
                if ast.unparse(owner) not in ("self", "cls", "super()") or name not in own.get(id(node), set()):
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=arguments) if called in PATCHERS:
                for argument in arguments[:2]:
                    if isinstance(argument, ast.Constant) and is_private(str(argument.value)):
                        yield node.lineno, str(argument.value)


def number(node: ast.AST, names: dict[str, str]) -> bool:
    """Whether an expression is a numeric constant of the product."""
    match node:
        case ast.Name(id=local) if local in names:
            dotted = names[local]
        case ast.Attribute(value=ast.Name(id=local), attr=name) if local in names and name.isupper():
            dotted = f"{names[local]}.{name}"
        case _:
            return False
    name = dotted.rpartition(".")[2]
    if not name.isupper() or UNITS.fullmatch(name):
        return False
    value = pkgutil.resolve_name(dotted)
    return type(value) in (int, float) or (isinstance(value, tuple) and isinstance(next(iter(value), None), float))


def tolerances(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Bounds and tolerances of assertions that contain a numeric constant of the product."""
    names = imported(tree)
    for asserted in (node for node in ast.walk(tree) if isinstance(node, ast.Assert)):
        for node in ast.walk(asserted.test):
            bounds: list[ast.AST] = []
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                bounds = [node]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("approx"):
                bounds = [keyword.value for keyword in node.keywords]
            for bound in bounds:
                yield from ((node.lineno, ast.unparse(part)) for part in ast.walk(bound) if number(part, names))


@cache
def parsed() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "tests").rglob("*.py"))}


def test_no_test_touches_a_private_name_of_the_product() -> None:
    files = parsed()
    known = classes(files.values())
    found = [f"{file}:{line}: {name}" for file, tree in files.items() for line, name in private_names(tree, known)]
    assert not found


def test_each_allowed_name_is_used() -> None:
    used = {name for tree in parsed().values() for name in imported(tree).values()}
    assert not [name for name in ALLOWED if not any(f"{item}.".startswith(f"{name}.") for item in used)]


def test_no_tolerance_is_imported_from_the_code_under_test() -> None:
    assert not [f"{file}:{line}: {name}" for file, tree in parsed().items() for line, name in tolerances(tree)]


def test_violations_are_found() -> None:
    source = """
from dsp.efficiency_airgap import M7_U
from agent.core.stable_hash import _digest
from drivers.modbus_link import ModbusLink

class Own(ModbusLink):
    def __init__(self):
        self._mine = self._pending

def test_x(monkeypatch, store):
    assert store._writer
    monkeypatch.setattr("agent.core.clock._offset", 1)
    monkeypatch.setattr(store, "_offset", 1)
    assert 1 == pytest.approx(1, rel=M7_U)
    assert 1 < 2 * M7_U
"""
    tree = ast.parse(source)
    names = [name for _, name in private_names(tree, classes([tree]))]
    assert names == [
        "agent.core.stable_hash._digest",
        "store._writer",
        "agent.core.clock._offset",
        "_offset",
        "self._pending",
    ]
    assert [name for _, name in tolerances(tree)] == ["M7_U", "M7_U"]
