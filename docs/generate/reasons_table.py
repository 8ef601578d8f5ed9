"""The table of all codes for reasons.md, which tables.py writes."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from drivers.reasons import CODES

ROOT = Path(__file__).parents[2]
PACKAGES = ("drivers", "agent", "simulators")
_DECLARES = re.compile(r"\bCode\(")


def declare_all() -> None:
    """Imports every module that declares codes."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            if _DECLARES.search(file.read_text(encoding="utf-8")):
                module = file.relative_to(ROOT).with_suffix("")
                import_module(".".join(module.parts).removesuffix(".__init__"))


def table_markdown() -> str:
    """One row for each code: its name, the fields of its data, its English text with the fields."""
    declare_all()
    lines = ["| code | data | text |", "|---|---|---|"]
    for name, code in sorted(CODES.items()):
        fields = ", ".join(f"`{field}`" for field in code.fields) or "–"
        text = code.text.replace("|", "\\|")
        lines.append(f"| `{str.__str__(name)}` | {fields} | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table_markdown(), end="")
