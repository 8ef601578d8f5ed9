"""The lake: bytes and processor time of the two layouts, and questions about 15 million rows.

`python -m benchmarks.lake [--gateways N]`: rows of the simulated pump station are converted with both layouts, by turns
in one run. Then a lake of N gateways (default 10) with 6 motors each and 3 days of 1 s rows, and another one with
15 million records of intervals, are asked in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import resource
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
PAIRS = 5
START_MS = 1_790_784_000_000  # 2026-10-01 00:00 in Shanghai
MOTORS, DAYS = 6, 3
QUESTION = """
    select asset, sum(mean_w) * 0.25 from (
        select asset, {time} // 900000 as quarter, avg({value}) as mean_w from read_parquet('{path}') {where} group by all
    ) group by asset
"""


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
        write_rows(Path(folder) / "rows", arguments.gateways)
        write_records(Path(folder) / "records", 15_000_000 // (12 * 2880) + 1)
        for question, lake in (("coverage", "rows"), ("savings", "records")):
            command = [sys.executable, "-m", "benchmarks.lake", "--ask", question, "--lake", str(Path(folder) / lake)]
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            print(f"{question}: {found['rows'] / 1e6:.1f} M rows, {found['wall_s']:.2f} s, processor {found['cpu_s']:.2f} "
                  f"s, {found['rows'] / found['cpu_s'] / 1e6:.1f} M rows per processor second, "
                  f"{found['memory_mb']:.0f} MB")  # fmt: skip


def layouts(folder: Path) -> None:
    """Prints bytes per row, and the ratios of processor time of conversion and of one question."""
    lines: list[bytes] = []

    def keep(topic: str, payload: bytes, _retained: bool) -> None:
        if topic.endswith("/telemetry"):
            lines.append(b'{"topic":' + json.dumps(topic).encode() + b"," + payload[1:] + b"\n")

    run_accelerated(load("pump-station"), SIMULATED_S, keep)
    for name, rows in (("all metrics", lines), (f"{len(METRICS) + 4} columns", list(map(_selected, lines)))):
        sizes, conversion, question = [0.0, 0.0], list[float](), list[float]()
        for _ in range(PAIRS):
            long, wide = folder / "long.ndjson", folder / "wide.ndjson"
            for path in (long, wide):
                path.write_bytes(b"".join(rows))
            lake = folder / "lake"
            long_s = cpu_s(lambda long=long: parquet.convert(long, ROOT))
            wide_s = cpu_s(lambda wide=wide, lake=lake: convert(wide, ROOT, lake, Origin("demo", "gw-01", "1")))
            conversion.append(long_s / wide_s)
            [part], long_file = lake.rglob("*.parquet"), long.with_suffix(".parquet")
            sizes = [path.stat().st_size / len(rows) for path in (long_file, part)]
            asked = [
                cpu_s(lambda text=text: duckdb.connect(config={"threads": 1}).execute(text).fetchall())
                for text in (
                    QUESTION.format(
                        time="epoch_ms(t)", value="value", path=long_file, where="where metric = 'active_power_w'"
                    ),
                    QUESTION.format(time="epoch_ms(t)", value="active_power_w", path=part, where=""),
                )
            ]
            question.append(asked[0] / asked[1])
            shutil.rmtree(lake)
            long_file.unlink()
        print(f"{name}, {len(rows)} rows: long {sizes[0]:.1f} B, wide {sizes[1]:.1f} B a row; long / wide: conversion "
              f"{_range(conversion)}, question {_range(question)}")  # fmt: skip


def _selected(line: bytes) -> bytes:
    body = json.loads(line)
    body["v"] = {name: body["v"].get(name) for name in METRICS}
    kept = {name: body[name] for name in ("topic", "s", "t", "id", "q", "v")}
    return json.dumps(kept, separators=(",", ":")).encode() + b"\n"


def _range(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} … {max(ratios):.1f})"


def write_rows(lake: Path, gateways: int) -> None:
    """1 s rows: a random walk of the load, and values that follow from it with the resolution of a meter."""
    chance, seconds = np.random.default_rng(1), 86_400
    for gateway in range(gateways):
        origin = Origin("mill-2", f"gw-{gateway:04d}", "1")
        for day in range(DAYS):
            begin = START_MS // 86_400_000 * 86_400_000 + 86_400_000 * day
            columns: dict[str, list[Any]] = {}
            for motor in range(MOTORS):
                load_part = np.clip(0.7 + np.cumsum(chance.normal(0, 0.002, seconds)), 0.3, 1.0)
                _append(columns, motor, begin, load_part, chance, day)
            table = pa.table({name: pa.concat_arrays(parts) if len(parts) > 1 else parts[0]
                              for name, parts in columns.items()}).unify_dictionaries()  # fmt: skip
            folder = folder_of(lake, "telemetry", origin, day=day_of(begin))
            first = day * seconds * MOTORS + 1
            write(folder / name_of([f"7-{first}", f"7-{first + table.num_rows - 1}"]), table, origin)


def _append(columns: dict[str, list[Any]], motor: int, begin_ms: int, part: Any, chance: Any, day: int) -> None:
    n = len(part)
    ids = 1 + motor + MOTORS * (np.arange(n) + day * n)
    noisy = {name: np.round(part * rated + chance.normal(0, step, n), digits).astype(np.float32)
             for name, rated, step, digits in (
        ("active_power_w", 41_500.0, 20.0, 0), ("reactive_power_var", 14_900.0, 20.0, 0),
        ("apparent_power_va", 44_100.0, 20.0, 0), ("current_l1_a", 63.8, 0.03, 2), ("current_l2_a", 63.6, 0.03, 2),
        ("current_l3_a", 63.7, 0.03, 2), ("shaft_power_w", 38_430.0, 20.0, 0), ("motor_load_pct", 100.0, 0.05, 1))}  # fmt: skip
    steady = {name: np.round(value + chance.normal(0, step, n), digits).astype(np.float32)
              for name, value, step, digits in (
        ("voltage_l1n_v", 231.0, 0.2, 1), ("voltage_l2n_v", 230.4, 0.2, 1), ("voltage_l3n_v", 230.8, 0.2, 1),
        ("frequency_hz", 50.0, 0.01, 2), ("power_factor", 0.94, 0.002, 3), ("motor_efficiency_pct", 95.6, 0.02, 2))}  # fmt: skip
    found = {
        "t": pa.array(begin_ms + 1000 * np.arange(n) + chance.integers(0, 20, n)).cast(pa.timestamp("ms", tz="UTC")),
        "id": pa.array([f"7-{number}" for number in ids]), "asset": _constant(f"motor-{motor:02d}", n),
        "q": _constant("good", n), **{name: pa.array(values) for name, values in {**noisy, **steady}.items()},
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
            "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}  # fmt: skip


def cpu_s(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
