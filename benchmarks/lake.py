"""The lake: bytes and processor time of the two layouts, and questions about 15 million rows.

`python -m benchmarks.lake [--gateways N]` (0: layouts only). Rows of the simulated pump station, as many as a file of
the sink has, are converted with both layouts, by turns in one run. Then a lake of N gateways (default 10) with 6 motors
each and 3 days of 1 s rows, and another one with 15 million records of intervals, are asked in separate processes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from agent.delivery.files import parquet
from agent.delivery.files.conversion import ConfigurationFile
from agent.delivery.files.lake.configurations import export_configurations
from agent.delivery.files.lake.parts import Origin, folder_of, name_of, write
from agent.delivery.files.lake.records import SCHEMA
from agent.delivery.files.lake.rows import convert, day_of
from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load

ROOT = "magwatt/v1/demo/gw-01"
SIMULATED_S = 3600.0
METRICS = (
    "active_power_w", "reactive_power_var", "apparent_power_va", "power_factor", "frequency_hz", "voltage_l1n_v",
    "voltage_l2n_v", "voltage_l3n_v", "current_l1_a", "current_l2_a", "current_l3_a", "energy_import_kwh",
    "motor_speed_rpm", "motor_efficiency_pct", "motor_efficiency_pct_u",
)  # with t, id, asset and q: 19 columns  # fmt: skip
PAIRS = 3
FILE_BYTES = 50_000_000  # as `file.rotate`
START_MS = 1_790_784_000_000  # 2026-10-01 00:00 in Shanghai
MOTORS, DAYS = 6, 3
QUESTION = """
    select asset, sum(mean_w) * 0.25 from (
        select asset, epoch_ms(t) // 900000 as quarter, avg({value}) as mean_w
        from read_parquet([{paths}]) {where} group by all
    ) group by asset
"""
ROWS_ASKED = 1_000_000  # the file is read as often as gives about as many


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gateways", type=int, default=10)
    options.add_argument("--ask", help=argparse.SUPPRESS)
    options.add_argument("--lake", type=Path, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.ask:
        print(json.dumps(ask(arguments.ask, arguments.lake)))
        return
    with tempfile.TemporaryDirectory(prefix="magwatt-lake-") as folder:
        layouts(Path(folder))
        if not arguments.gateways:
            return
        write_rows(Path(folder) / "rows", arguments.gateways)
        write_records(Path(folder) / "records", 15_000_000 // (12 * 2880) + 1)
        for question, lake in (("coverage", "rows"), ("savings", "records")):
            command = [sys.executable, "-m", "benchmarks.lake", "--ask", question, "--lake", str(Path(folder) / lake)]
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            print(f"{question}: {found['rows'] / 1e6:.1f} M rows, {found['wall_s']:.2f} s, processor "
                  f"{found['cpu_s']:.2f} s, {found['rows'] / found['cpu_s'] / 1e6:.1f} M rows per processor second, "
                  f"{found['memory_mb']:.0f} MB")  # fmt: skip


def layouts(folder: Path) -> None:
    """Prints bytes per row, and the ratios of processor time of conversion and of one question."""
    lines: list[bytes] = []

    def keep(topic: str, payload: bytes, _retained: bool) -> None:
        if topic.endswith("/telemetry"):
            lines.append(b'{"topic":' + json.dumps(topic).encode() + b"," + payload[1:] + b"\n")

    run_accelerated(load("pump-station"), SIMULATED_S, keep)
    for name, hour in (("all metrics", lines), (f"{len(METRICS) + 4} columns", list(map(_selected, lines)))):
        sizes = [sum(path.stat().st_size for path in paths) / len(hour) for paths in _converted(folder, hour)[:2]]
        rows, conversion, question = _as_large_as_a_file(hour), list[float](), list[float]()
        for _ in range(PAIRS):
            long, wide, ratio = _converted(folder, rows)
            conversion.append(ratio)
            copies = ROWS_ASKED // len(rows)
            question.append(_asked(long, copies, "value", "where metric = 'active_power_w'")
                            / _asked(wide, copies, "active_power_w"))  # fmt: skip
        print(f"{name}: long {sizes[0]:.1f} B, wide {sizes[1]:.1f} B a row; long / wide: conversion of {len(rows)} "
              f"rows {_range(conversion)}, question {_range(question)}")  # fmt: skip


def _converted(folder: Path, rows: list[bytes]) -> tuple[list[Path], list[Path], float]:
    """The files of both layouts, and the ratio of the processor times."""
    long, wide, lake = folder / "long.ndjson", folder / "wide.ndjson", folder / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    for path in (long, wide):
        path.write_bytes(b"".join(rows))
    long_s = cpu_s(lambda: parquet.convert(long, ROOT))
    wide_s = cpu_s(lambda: convert(wide, ROOT, lake, Origin("demo", "gw-01", "1")))
    return [long.with_suffix(".parquet")], sorted(lake.rglob("*.parquet")), long_s / wide_s


def _asked(files: list[Path], copies: int, value: str, where: str = "") -> float:
    """Processor time of a question to files that are read several times."""
    paths = ", ".join([f"'{path}'" for path in files] * copies)
    text = QUESTION.format(value=value, where=where, paths=paths)
    return cpu_s(lambda: duckdb.connect(config={"threads": 1}).execute(text).fetchall())


def _as_large_as_a_file(hour: list[bytes]) -> list[bytes]:
    """The hour, and then the same rows with later ids and times."""
    found, size = list(hour), sum(map(len, hour))
    for number in range(1, FILE_BYTES // size + 1):
        for line in hour:
            body = json.loads(line)
            boot, row = body["id"].split("-")
            body |= {"id": f"{boot}-{int(row) + number * len(hour)}", "t": body["t"] + number * 3_600_000}
            found.append(json.dumps(body, separators=(",", ":")).encode() + b"\n")
    return found


def _selected(line: bytes) -> bytes:
    body = json.loads(line)
    body["v"] = {name: body["v"].get(name) for name in METRICS}
    kept = {name: body[name] for name in ("topic", "s", "t", "id", "q", "v")}
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def _range(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} … {max(ratios):.1f})"


def write_rows(lake: Path, gateways: int, days: int = DAYS) -> None:
    """1 s rows: a random walk of the load, and values that follow from it with the resolution of a meter."""
    chance, seconds = np.random.default_rng(1), 86_400
    for gateway in range(gateways):
        origin = Origin("mill-2", f"gw-{gateway:04d}", "1")
        for day in range(days):
            begin = START_MS // 86_400_000 * 86_400_000 + 86_400_000 * day
            columns: dict[str, list[Any]] = {}
            for motor in range(MOTORS):
                load_part = np.clip(0.7 + np.cumsum(chance.normal(0, 0.002, seconds)), 0.3, 1.0)
                _append(columns, motor, begin, load_part, chance, day)
            table = pa.table({name: pa.concat_arrays(parts) if len(parts) > 1 else parts[0]
                              for name, parts in columns.items()}).unify_dictionaries()  # fmt: skip
            folder = folder_of(lake, "telemetry", origin, day=day_of(begin))
            write(folder / name_of(table["id"]), table, origin)


# name, rated value, noise, digits, whether it follows the load
VALUES = (
    ("active_power_w", 41_500.0, 20.0, 0, True), ("reactive_power_var", 14_900.0, 20.0, 0, True),
    ("apparent_power_va", 44_100.0, 20.0, 0, True), ("current_l1_a", 63.8, 0.03, 2, True),
    ("current_l2_a", 63.6, 0.03, 2, True), ("current_l3_a", 63.7, 0.03, 2, True),
    ("shaft_power_w", 38_430.0, 20.0, 0, True), ("motor_load_pct", 100.0, 0.05, 1, True),
    ("voltage_l1n_v", 231.0, 0.2, 1, False), ("voltage_l2n_v", 230.4, 0.2, 1, False),
    ("voltage_l3n_v", 230.8, 0.2, 1, False), ("frequency_hz", 50.0, 0.01, 2, False),
    ("power_factor", 0.94, 0.002, 3, False), ("motor_efficiency_pct", 95.6, 0.02, 2, False),
)  # fmt: skip


def _append(columns: dict[str, list[Any]], motor: int, begin_ms: int, part: Any, chance: Any, day: int) -> None:
    n = len(part)
    ids = 1 + motor + MOTORS * (np.arange(n) + day * n)
    values = {
        name: np.round((part if follows else 1) * rated + chance.normal(0, step, n), digits).astype(np.float32)
        for name, rated, step, digits, follows in VALUES
    }
    found = {
        "t": pa.array(begin_ms + 1000 * np.arange(n) + chance.integers(0, 20, n)).cast(pa.timestamp("ms", tz="UTC")),
        "id": pa.array([f"7-{number}" for number in ids]), "asset": _constant(f"motor-{motor:02d}", n),
        "q": _constant("good", n), **{name: pa.array(column) for name, column in values.items()},
        "energy_counted_import_wh": pa.array(np.cumsum(part * 41_500 / 3600).astype(np.int64)),
    }  # fmt: skip
    for name, column in found.items():
        columns.setdefault(name, []).append(column)


def write_records(lake: Path, gateways: int) -> None:
    """A month of quarter hours of 12 motors, without the signed lines, which the question does not read."""
    chance, quarters, motors = np.random.default_rng(1), 2880, 12
    n = quarters * motors
    starts = np.repeat(START_MS + 900_000 * np.arange(quarters), motors)
    for gateway in range(gateways):
        origin = Origin("mill-2", f"gw-{gateway:04d}", "1")
        measured = chance.integers(5000, 12_000, n)
        values: dict[str, Any] = {
            "seq": pa.array(np.arange(1, n + 1)), "t": pa.array(starts + 900_000), "start": pa.array(starts),
            "kind": _constant("interval", n), "line": _constant("", n).cast(pa.string()),
            "asset": pa.DictionaryArray.from_arrays(
                pa.array(np.tile(np.arange(motors), quarters), pa.int32()), [f"motor-{m:02d}" for m in range(motors)]
            ),
            "length_s": pa.array(np.full(n, 900)), "covered_s": pa.array(np.full(n, 900)),
            "energy_wh": pa.array(measured), "adjusted_wh": pa.array(measured + chance.integers(500, 4000, n)),
            "config": _constant("c0ffee", n), "software": _constant("1.0", n),
        }  # fmt: skip
        arrays = [values[column.name].cast(column.type) if column.name in values else pa.nulls(n, column.type)
                  for column in SCHEMA]  # fmt: skip
        folder = folder_of(lake, "ledger", origin, ledger=f"{gateway:016x}", month="2026-10")
        write(folder / f"records-0-1_{n}-00000000.parquet", pa.table(arrays, schema=SCHEMA), origin)
        export_configurations([ConfigurationFile(1, "c0ffee", "", "Asia/Shanghai")], lake, origin, "")


def _constant(text: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([text]))


def ask(question: str, path: Path) -> dict[str, float]:
    """The question in this process, with the time to load the libraries."""
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    from agent.fleet.lake import Lake
    from agent.fleet.messages import coverage
    from agent.fleet.savings import savings

    lake = Lake(path)
    rows = sum(row.rows for row in coverage(lake)) if question == "coverage" else sum(
        row.intervals for row in savings(lake))  # fmt: skip
    return {"rows": rows, "wall_s": time.perf_counter() - begin_s, "cpu_s": time.process_time() - begin_cpu_s,
            "memory_mb": _memory_mb()}  # fmt: skip


def _memory_mb() -> float:
    """The largest memory of this process, not that of its parent as getrusage would count it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def cpu_s(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
