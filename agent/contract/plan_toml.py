"""A plan as TOML, which people edit before it is signed: reading it, and writing a draft with comments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from agent.config.certificates import CERTIFICATE_KEYS
from agent.config.schema import PROBLEM, Diagnostic
from agent.contract.documents import check_format, unsigned
from agent.contract.plan import SCHEMA
from agent.contract.plan_reader import PlanError, plan_of
from agent.contract.plan_versions import PlanVersion
from agent.core.text import N_, _
from drivers.file_reasons import FILE_MISSING, FILE_UNREADABLE
from drivers.reasons import InvalidValue, Reason, cause_of
from drivers.toml_file import TomlError, parse_toml, read_limited
from drivers.toml_lines import key_lines

COMMENTS = {  # key → what a person has to know
    "contract": N_("Number of the contract."),
    "applies": N_("Days on which this version applies, both included; delete last if no end is agreed."),
    "project": N_("Project boundary (what belongs to it and what does not)."),
    "party": N_(
        "The public keys are those that `magwatt contract key` prints; the private keys never leave the parties."
    ),
    "method": N_("Method of GB/T 28750: baseline_model, or direct_comparison."),
    "formula": N_(
        "Formula of the contract: adjusted_baseline, direct_comparison (with reference_kw), saving_rate (with "
        "saving_rate), specific_energy (with specific_energy_kwh and quantity)."
    ),
    "price": N_('Prices and rates are in quotation marks, so that each digit counts; a VAT rate of 6 % is "0.06".'),
    "sharing": N_(
        'Share of the energy-service company, year by year from the first day, as a list: ["0.80", "0.70"] is 80 %, '
        "then 70 %."
    ),
    "settlement": N_("rounding: half_up, half_even or down; negative_month: zero or settle."),
    **dict.fromkeys(
        CERTIFICATE_KEYS.values(),
        N_("Calibration certificate: number, laboratory, issued, valid_until; delete the table if there is none."),
    ),
}


def read_toml_plan(path: Path) -> PlanVersion:
    """The plan of a TOML file, without signatures. Raises InvalidValue, PlanError with all problems."""
    try:
        data = read_limited(path)
        raw = parse_toml(data)
    except FileNotFoundError:
        raise InvalidValue(FILE_MISSING, path=str(path)) from None
    except OSError as error:
        raise InvalidValue(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    except TomlError as error:
        raise PlanError([_not_toml(path.name, error)]) from None
    document = as_json(raw)
    if isinstance(document.get("s"), str):
        check_format(str(path), document["s"], SCHEMA)
    plan = plan_of(document, path.name, key_lines(data.decode("utf-8-sig")))
    return PlanVersion(str(path), unsigned(document), plan)


def _not_toml(file: str, error: TomlError) -> Diagnostic:
    line = error.syntax.line if error.syntax else None
    return Diagnostic(PROBLEM, file, line, error.key, None, error.reason)


def as_json(value: Any) -> Any:
    """TOML values as JSON: dates as text."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def toml_text(document: Mapping[str, Any], to_decide: Mapping[str, Reason]) -> str:
    """A draft as TOML. to_decide: dotted key → what is to be decided; its line has a mark."""
    return "\n".join(_table(document, "", to_decide)) + "\n"


def _table(table: Mapping[str, Any], head: str, to_decide: Mapping[str, Reason]) -> Iterator[str]:
    """The values of a table, then its tables."""
    for key, value in table.items():
        if not isinstance(value, dict):
            place = f"{head}.{key}".lstrip(".")
            if key in COMMENTS:
                yield f"# {_(COMMENTS[key])}"
            mark = "  # " + _("to be decided") if place in to_decide else ""
            yield f"{_key(key)} = {_value(value)}{mark}"
    for key, value in table.items():
        if isinstance(value, dict):
            place = f"{head}.{key}".lstrip(".")
            yield ""
            if key in COMMENTS:
                yield f"# {_(COMMENTS[key])}"
            if any(not isinstance(item, dict) for item in value.values()):
                yield f"[{'.'.join(map(_key, _parts(head, key)))}]"
            yield from _table(value, place, to_decide)


def _parts(head: str, key: str) -> list[str]:
    return [*(head.split(".") if head else []), key]


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _value(name)


def _value(value: Any) -> str:
    """A value as TOML, whose basic strings have the escapes of JSON; a list of tables has one line for each."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
