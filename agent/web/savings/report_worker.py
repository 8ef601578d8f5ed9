"""The report of a month in a separate process, so that the page stays small: files in a folder of the cache.

    python -m agent.web.savings.report_worker CONFIG MONTH FOLDER

It reads the state file as `magwatt report` does and writes report.csv, report.json, report-en.html, report-zh.html,
page.json (texts, as `rendered`), the pictures, and the files of contracts; or error.json with the reason, and ends with
exit code 2.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys
from pathlib import Path
from typing import Any

import msgspec

from agent.config.loader import ConfigError, load_config
from agent.config.model import Config
from agent.contract.contract_of_month import ContractOfMonth, contracts_of_month
from agent.contract.plan_reader import PlanError
from agent.contract.sheet.page import added_to_report
from agent.contract.sheet.sheet import Sheet
from agent.core.child_process import end_with_parent
from agent.core.codec import encode_reason
from agent.core.linear_algebra import check_linear_algebra
from agent.delivery.site_clock import utc_ms
from agent.delivery.store import default_directory
from agent.delivery.store.database_file import NAME
from agent.savings.ledger import checkpoints
from agent.savings.ledger.signing_key import FILE, LedgerKey, load
from agent.savings.ledger.verify import check_tables
from agent.savings.records.repository import present_ms
from agent.savings.report.export import as_csv, as_json
from agent.savings.report.html.page import page
from agent.savings.report.model.ledger_check import ExternalCheckpoints, LedgerVerifier
from agent.savings.report.model.month import ReportMonth
from agent.savings.report.rendered import pictures, rendered
from agent.savings.report.writer import cover_of, months_of
from agent.web.base.state_file import StateFile
from agent.web.savings.contract_files import contract_files
from drivers.file_reasons import FILE_UNREADABLE
from drivers.reasons import CodedError, InvalidValue, Reason, cause_of

FAILED = 2


def write_report(config_path: Path, month: str, folder: Path) -> None:
    """Raises CodedError, ConfigError, OSError, sqlite3.Error."""
    config, _ = load_config(config_path)
    check_linear_algebra()
    directory = config.state_dir or default_directory()
    check = LedgerVerifier(_key(directory), _external(config))

    def read(db: sqlite3.Connection) -> tuple[int, list[ReportMonth], list[Sheet], dict[str, str]]:
        if reason := check_tables(db, directory / NAME):
            raise InvalidValue(reason)
        now_ms = present_ms(config, db, utc_ms(config, db))
        months = months_of(db, config, (), month, now_ms, check)
        contracts, problem = _contracts(db, config, month, now_ms, check)
        sheets = [each.sheet for each in contracts if each.sheet is not None]
        return now_ms, months, sheets, contract_files(db, month, contracts, problem)

    now_ms, months, sheets, contract_texts = StateFile(directory).read(read)
    added = added_to_report(sheets)
    name = f"magwatt-{config.site.id}-{month}.json"
    command = ["magwatt", "ledger", "verify", "--config", str(config_path), "--checkpoint", name]
    cover = cover_of(config, now_ms, shlex.join(command))
    files = {
        "report.csv": as_csv(months), "report.json": as_json(months, cover).encode(),
        "report-en.html": page(months, cover, "en", *added).encode(),
        "report-zh.html": page(months, cover, "zh", *added).encode(),
        "page.json": _json(rendered(months, cover)),
        **{file: text.encode() for file, text in {**pictures(months, cover), **contract_texts}.items()},
    }  # fmt: skip
    for file, content in files.items():
        (folder / file).write_bytes(content)


def _contracts(
    db: sqlite3.Connection, config: Config, month: str, now_ms: int, check: LedgerVerifier
) -> tuple[list[ContractOfMonth], Reason | None]:  # fmt: skip
    """The contracts of the month, and why they cannot be used; None: they can."""
    try:
        return contracts_of_month(db, config, month, tuple(config.motors), now_ms, check), None
    except InvalidValue as error:
        return [], error.reason
    except PlanError as error:
        return [], error.problems[0].reason


def _key(directory: Path) -> LedgerKey | None:
    path = directory / FILE
    return load(path) if path.is_file() else None


def _external(config: Config) -> ExternalCheckpoints:
    path = config.checkpoint_file
    return {str(path): checkpoints.read(path.read_text(encoding="utf-8"))} if path and path.is_file() else {}


def _json(body: Any) -> bytes:
    return msgspec.json.encode(body, enc_hook=_plain)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else encode_reason(value)  # Markup is a kind of str


def main(arguments: list[str]) -> int:
    config, month, folder = arguments
    try:
        write_report(Path(config), month, Path(folder))
    except (CodedError, ConfigError, OSError, sqlite3.Error) as error:
        cause = error.problems[0].reason if isinstance(error, ConfigError) else cause_of(error)
        reason = cause if isinstance(cause, Reason) else FILE_UNREADABLE(path=config, error=cause)
        (Path(folder) / "error.json").write_bytes(msgspec.json.encode(reason.as_object()))
        return FAILED
    return 0


if __name__ == "__main__":
    end_with_parent()
    os.nice(10)
    sys.exit(main(sys.argv[1:]))
