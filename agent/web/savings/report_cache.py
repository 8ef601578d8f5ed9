"""Reports of months, computed by child processes one at a time and kept as folders on disk, bounded in number and size.

A folder MONTH-FINGERPRINT is complete: it was renamed after its last file was written. Without one for the present
data, the newest one of the month is used while a child computes the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from drivers.reasons import Code, Reason, cause_of, reason_of

log = logging.getLogger(__name__)

TIMEOUT_S = 300.0
FOLDERS_MAX, BYTES_MAX = 36, 300_000_000
RETRY_S = 60.0  # after a failure
PART = ".part"

REPORT_PROCESS_FAILED = Code(
    "page_report_failed", "the process that computes the report ended with exit code {code:d}; its log has the cause"
)
REPORT_TIMEOUT = Code("page_report_timeout", "the report was not ready after {timeout_s:g} s, and was stopped")
REPORT_FOLDER_UNUSABLE = Code("page_report_folder", "no folder can be written for reports ({cause})")


class CachedReport(Struct, frozen=True):
    """folder: None: there is none yet. current: made from the present data. failed: why the last attempt failed."""

    folder: Path | None
    current: bool
    failed: Reason | None = None


class ReportCache:
    """config_file: of the plant. root: folder of the reports of this plant; None: in the cache
    folder of the service or user. For one event loop."""

    def __init__(self, config_file: Path, root: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._config_file, self._root, self._timeout_s = config_file, root, timeout_s
        self._one_at_a_time = asyncio.Lock()
        self._tasks: dict[str, asyncio.Task[None]] = {}  # month → its computation
        self._failed: dict[str, tuple[str, float, Reason]] = {}  # month → fingerprint, monotonic time, reason

    async def report(self, month: str, fingerprint: str, wait_s: float) -> CachedReport:
        """The report of a month; a computation is started if there is none of the present data.

        fingerprint: of the data. wait_s: longest wait for the computation.
        """
        found = self._found(month, fingerprint)
        if found.current or found.failed is not None:
            return found
        task = self._tasks.get(month)
        if task is None:
            task = self._tasks[month] = asyncio.create_task(self._compute(month, fingerprint))
            task.add_done_callback(lambda _: self._tasks.pop(month, None))
        await asyncio.wait([task], timeout=wait_s)
        return self._found(month, fingerprint)

    async def stop(self) -> None:
        """Ends the running child."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _found(self, month: str, fingerprint: str) -> CachedReport:
        known = {}
        with contextlib.suppress(OSError):
            known = {path.name: path for path in self._folder().glob(f"{month}-*") if path.suffix != PART}
        name = f"{month}-{fingerprint}"
        if name in known:
            return CachedReport(known[name], True)
        newest = max(known.values(), key=_made_s, default=None)
        failed = self._failed.get(month)
        if failed and failed[0] == fingerprint and time.monotonic() - failed[1] < RETRY_S:
            return CachedReport(newest, False, failed[2])
        return CachedReport(newest, False)

    async def _compute(self, month: str, fingerprint: str) -> None:
        async with self._one_at_a_time:
            reason: Reason | None
            try:
                reason = await self._child(month, fingerprint)
            except OSError as error:
                reason = REPORT_FOLDER_UNUSABLE(cause=cause_of(error))
            if reason is None:
                self._failed.pop(month, None)
            else:
                log.warning("report of %s: %s", month, reason)
                self._failed[month] = fingerprint, time.monotonic(), reason

    async def _child(self, month: str, fingerprint: str) -> Reason | None:
        """Computes a report. Returns why there is none; None: it is complete. Raises OSError."""
        folder = self._folder() / f"{month}-{fingerprint}"
        part = folder.with_suffix(PART)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        try:
            code = await run_worker(self._config_file, month, part, self._timeout_s)
            if code != 0:
                return _stated(part) or REPORT_PROCESS_FAILED(code=code)
            for old in self._folder().glob(f"{month}-*"):
                if old != part:
                    shutil.rmtree(old, ignore_errors=True)
            part.rename(folder)
            self._shrink(folder)
        except TimeoutError:
            return REPORT_TIMEOUT(timeout_s=self._timeout_s)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return None

    def _folder(self) -> Path:
        """Raises OSError."""
        if self._root is None:
            plant = hashlib.sha256(str(self._config_file).encode()).hexdigest()[:12]
            self._root = usable_folder() / plant
            self._root.mkdir(mode=0o700, exist_ok=True)
        return self._root

    def _shrink(self, newest: Path) -> None:
        """Deletes the oldest reports until the number and the bytes are within the limits; never the newest."""
        folders = sorted((path for path in self._folder().iterdir() if path.suffix != PART), key=_made_s, reverse=True)
        size = 0
        for number, path in enumerate(folders):
            size += sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else 0
            if path != newest and (number >= FOLDERS_MAX or size > BYTES_MAX):
                shutil.rmtree(path, ignore_errors=True)


async def run_worker(config_file: Path, month: str, folder: Path, timeout_s: float) -> int:
    """Exit code of agent/web/savings/report_worker.py, at low priority. Raises TimeoutError, OSError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "agent.web.savings.report_worker", str(config_file), month, str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    try:
        return await asyncio.wait_for(process.wait(), timeout_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def usable_folder(roots: Iterable[Path] | None = None) -> Path:
    """The first folder that can be used: of the service, of the user, of the system. Raises OSError."""
    problem: OSError = FileNotFoundError()
    for root in _roots() if roots is None else roots:
        try:
            folder = root / "reports"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK) and folder.stat().st_uid == os.geteuid():
                return folder
        except OSError as error:
            problem = error
    raise problem


def _roots() -> list[Path]:
    service, user = os.environ.get("CACHE_DIRECTORY", "").split(":")[0], os.environ.get("XDG_CACHE_HOME")
    roots = [*([Path(service)] if service else []), *([Path(user) / "magwatt"] if user else [])]
    with contextlib.suppress(RuntimeError):  # no home: a hardened service
        roots.append(Path.home() / ".cache" / "magwatt")
    return [*roots, Path(tempfile.gettempdir()) / f"magwatt-{os.getuid()}"]


def _stated(folder: Path) -> Reason | None:
    """The reason that the child wrote."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return reason_of(msgspec.json.decode((folder / "error.json").read_bytes(), type=dict))
    return None


def _made_s(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0
