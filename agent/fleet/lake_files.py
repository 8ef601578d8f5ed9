"""The files of a lake by gateway and partition, from their names. Files that cannot be used are findings."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import cache
from pathlib import Path

from msgspec import Struct

from agent.delivery.files.lake.parts import VERSION
from agent.fleet.reasons import CLOCK_WAS_BACK, LAKE_FILE_MISPLACED, LAKE_FILE_UNREADABLE, LAKE_VERSION_UNKNOWN
from drivers.reasons import Reason

Key = tuple[int, int]  # run and number of an id; of a record: number of restorations, its number
_LONG_DAYS = {len("2026-10-01"): 2, len("2026-10"): 59}  # by the length of the partition
_MAGIC = b"PAR1"
_ROWS = re.compile(r"part-(\d+)-(\d+)_(\d+)-(\d+)(?:-\d+)?\.parquet")
_RECORDS = re.compile(r"records-(\d+)-(\d+)_(\d+)-[0-9a-f]{8}\.parquet")


class LakeFile(Struct, frozen=True):
    """A file of a lake.

    site, gateway: whose rows are in it. ledger: identity of its ledger; empty: it has other rows.
    partition: day or month of its folder; empty: it has none.
    first, last: smallest and largest id, or number of a record; None: the name has none.
    size: bytes.
    """

    path: Path
    site: str
    gateway: str
    ledger: str
    partition: str
    first: Key | None
    last: Key | None
    size: int


def files_of(
    lake: Path, dataset: str, findings: list[Reason], wanted: Callable[[str], bool] = lambda _: True
) -> list[LakeFile]:  # fmt: skip
    """The complete files of a data set, by site, gateway, partition and first row.

    wanted: whether a partition (2026-10-01, 2026-10 or "") is read.
    """
    found, unknown = list[LakeFile](), Counter[str]()
    for path in sorted((lake / dataset).rglob("*.parquet")):
        if any(part.startswith(".") for part in path.relative_to(lake).parts):
            continue  # an upload that was interrupted, and will be continued
        keys = dict(part.split("=", 1) for part in path.relative_to(lake / dataset).parts[:-1] if "=" in part)
        if keys.get("v", str(VERSION)) != str(VERSION):
            unknown[keys["v"]] += 1
            continue
        partition = keys.get("day", keys.get("month", ""))
        if not {"site", "gateway", "v"} <= keys.keys() or not _is_partition(partition):
            findings.append(LAKE_FILE_MISPLACED(path=str(path)))
        elif wanted(partition):
            if (size := _complete_size(path)) is None:
                findings.append(LAKE_FILE_UNREADABLE(path=str(path)))
            else:
                place = keys["site"], keys["gateway"], keys.get("ledger", ""), partition
                found.append(LakeFile(path, *place, *_keys(path.name), size))
    for version, n in sorted(unknown.items()):
        findings.append(LAKE_VERSION_UNKNOWN(dataset=dataset, version=version, n=n))
    found.sort(key=lambda file: (file.site, file.gateway, file.partition, file.first or (0, 0)))
    findings += clock_findings(found)
    return found


def by_gateway(files: Iterable[LakeFile], bytes_max: int) -> Iterator[list[LakeFile]]:
    """Groups of complete gateways, each of about this size or of one gateway."""
    group, size = list[LakeFile](), 0
    gateways: dict[tuple[str, str], list[LakeFile]] = defaultdict(list)
    for file in files:
        gateways[file.site, file.gateway].append(file)
    for found in gateways.values():
        more = sum(file.size for file in found)
        if group and size + more > bytes_max:
            yield group
            group, size = [], 0
        group, size = [*group, *found], size + more
    if group:
        yield group


def newest_of_ledgers(files: Iterable[LakeFile]) -> list[LakeFile]:
    """Without files from before a backup was restored: the ledger as it continued is in the others."""
    found = list(files)
    restores: dict[tuple[str, str, str], int] = {}
    for file in found:
        ledger, number = (file.site, file.gateway, file.ledger), file.first[0] if file.first else 0
        restores[ledger] = max(restores.get(ledger, 0), number)
    return [
        file for file in found
        if (file.first[0] if file.first else 0) == restores[file.site, file.gateway, file.ledger]
    ]  # fmt: skip


def overlapping(files: Iterable[LakeFile]) -> tuple[list[LakeFile], list[LakeFile]]:
    """Files whose rows are in no other file, and those of which this does not follow from the names.

    A row is in the partition of its time, so that only files of one partition are compared.
    """
    alone, others = list[LakeFile](), list[LakeFile]()
    partitions: dict[tuple[str, ...], list[LakeFile]] = defaultdict(list)
    for file in files:
        partitions[file.site, file.gateway, file.ledger, file.partition].append(file)
    for found in partitions.values():
        cluster, end = list[LakeFile](), (-1, -1)
        for file in sorted(found, key=lambda file: file.first or (-1, -1)):
            if file.first is None or file.last is None or (cluster and file.first <= end):
                cluster.append(file)
            else:
                (alone if len(cluster) == 1 else others).extend(cluster)
                cluster = [file]
            end = max(end, file.last or (1 << 62, 0))
        (alone if len(cluster) == 1 and cluster[0].first is not None else others).extend(cluster)
    return alone, others


def clock_findings(files: Iterable[LakeFile]) -> list[Reason]:
    """Gateways of which later rows are dated long before earlier ones: ids increase, the dates do not.

    Long: two days, and of the records of a ledger, which are in folders of months, two months.
    """
    gateways: dict[tuple[str, ...], list[LakeFile]] = defaultdict(list)
    for file in files:
        if file.first is not None and file.partition:
            gateways[file.site, file.gateway, file.ledger].append(file)
    found = list[Reason]()
    for (site, gateway, *_), of_gateway in gateways.items():
        newest = ""
        for file in sorted(of_gateway, key=lambda file: file.first or (0, 0)):
            if file.partition < newest and _days_between(file.partition, newest) >= _LONG_DAYS[len(newest)]:
                found.append(CLOCK_WAS_BACK(site=site, gateway=gateway, day=file.partition, before=newest))
                break
            newest = max(newest, file.partition)
    return found


@cache
def _is_partition(text: str) -> bool:
    """Whether it is a day, a month, or empty."""
    try:
        return not text or (
            len(text) in _LONG_DAYS and text == date.fromisoformat(f"{text}-01"[:10]).isoformat()[: len(text)]
        )
    except ValueError:
        return False


def _days_between(early: str, late: str) -> int:
    return (date.fromisoformat(f"{late}-01"[:10]) - date.fromisoformat(f"{early}-01"[:10])).days


def _keys(name: str) -> tuple[Key | None, Key | None]:
    if match := _ROWS.fullmatch(name):
        boot, first, last_boot, last = map(int, match.groups())
        return (boot, first), (last_boot, last)
    if match := _RECORDS.fullmatch(name):
        restores, first, last = map(int, match.groups())
        return (restores, first), (restores, last)
    return None, None


def _complete_size(path: Path) -> int | None:
    """Bytes of a file that begins and ends as Parquet does; None: it is truncated, or is something else."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 12:
                return None
            file.seek(-8, 2)
            tail = file.read(8)
            file.seek(0)
            footer = int.from_bytes(tail[:4], "little")
            return size if file.read(4) == tail[4:] == _MAGIC and footer + 12 <= size else None
    except OSError:
        return None
