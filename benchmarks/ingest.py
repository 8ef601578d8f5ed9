"""Ingestion of a fleet into a lake: rows lost and doubled, processor time a row: `make bench-ingest`.

`python -m benchmarks.ingest [--gateways 100 300 1000] [--seconds 600]`: one run for each number of gateways, with two
workers, of which one is killed, and a broker that is restarted. The result of each run is added to a file; a run whose
result is there is not repeated, so that the command continues after an interruption. Figures:
docs/reference/fleet-measured.md.
"""

from __future__ import annotations

import argparse
import gc
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.ingest_run import Plan, Result, Run

COLUMNS = {
    "rows": "{rows:d}", "lost": "{lost:d}", "doubled": "{doubled:d}", "in two files": "{twice:d}",
    "wrong motor": "{wrong:d}", "files": "{files:d}", "receive µs": "{receive_us:.0f}",
    "convert µs": "{convert_us:.0f}",
    "generator µs": "{generator_us:.0f}", "broker µs": "{broker_us:.0f}", "worker MB": "{worker_memory_mb:.0f}",
    "conversion MB": "{conversion_memory_mb:.0f}", "received MB max": "{received_mb_max:.0f}",
    "lake MB": "{lake_mb:.1f}", "generator delay s": "{generator_lag_s:.1f}", "load": "{load_average:.1f}",
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateways", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--motors", type=int, default=12)
    parser.add_argument("--interval", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--segment", type=float, default=300.0, help="Age at which a worker converts, s.")
    parser.add_argument("--away", type=float, default=10.0, help="How long the worker and the broker are away, s.")
    parser.add_argument("--results", type=Path, default=Path("build/bench-ingest.json"))
    parser.add_argument("--again", action="store_true", help="Repeat runs whose results are there.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder of each run.")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    _allow_sockets()
    results = _read(given.results)
    with given.results.with_suffix(".log").open("a", encoding="utf-8") as log:

        def progress(line: str) -> None:
            text = f"{time.strftime('%H:%M:%S')} {line}"
            print(text, flush=True)
            print(text, file=log, flush=True)

        for gateways in given.gateways:
            plan = Plan(gateways, given.motors, given.interval, given.seconds, given.workers, given.segment, given.away)
            if plan in results and not given.again:
                progress(f"{gateways} gateways: in {given.results}")
                continue
            progress(f"{gateways} gateways × {given.motors} motors every {given.interval:g} s for {given.seconds:g} s")
            folder = Path(tempfile.mkdtemp(prefix="magwatt-ingest-"))
            try:
                results[plan] = Run(plan, folder, progress).measure()
            finally:
                if given.keep:
                    progress(f"kept: {folder}")
                else:
                    shutil.rmtree(folder, ignore_errors=True)
            given.results.write_bytes(msgspec.json.format(msgspec.json.encode(list(results.values())), indent=1))
            gc.collect()
    found = [result for plan, result in results.items() if plan.gateways in given.gateways]
    print("\n".join(table(found)))
    return 1 if any(result.lost or result.doubled or result.wrong for result in found) else 0


def table(results: list[Result]) -> list[str]:
    """One line for each run, and the processors for a row a second from each motor, calculated from the times."""
    names = ["gateways", "s", *COLUMNS, "processors at 1 Hz: broker + receive + convert"]
    lines = [" | ".join(names)]
    for result in sorted(results, key=lambda result: (result.plan.gateways, result.plan.seconds)):
        values = msgspec.structs.asdict(result)
        rate = result.plan.gateways * result.plan.motors / 1e6
        cells = [
            f"{result.plan.gateways}",
            f"{result.plan.seconds:g}",
            *(text.format(**values) for text in COLUMNS.values()),
        ]
        parts = [rate * cost for cost in (result.broker_us, result.receive_us, result.convert_us)]
        cells.append(f"{' + '.join(f'{part:.2f}' for part in parts)} = {sum(parts):.2f}")
        lines.append(" | ".join(cells))
    return lines


def _read(path: Path) -> dict[Plan, Result]:
    found = msgspec.json.decode(path.read_bytes(), type=list[Result]) if path.exists() else []
    return {result.plan: result for result in found}


def _allow_sockets() -> None:
    """One socket for each gateway here and in the broker."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
