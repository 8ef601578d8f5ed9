"""The measurement chain and its stages compared with numpy, pyfftw, C FFTW3 and pqopen-lib in one run.

Run: make bench-dsp. Prints the Markdown of docs/reference/dsp-measured.md. One of transform, resampler, chain, exact,
goals, start as argument prints only that part. Contenders take turns, so that a busy machine affects all of them;
figures are medians over the rounds.
"""

from __future__ import annotations

import ctypes
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from agent.core import kernel_cache

if sys.argv[1:] == ["chain"]:
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    kernel_cache.only_load()  # as in the agent; single kernels are compiled by numba
kernel_cache.prepare()

import numba  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import dsp_exact, dsp_goals  # noqa: E402
from dsp import aggregate, resample, spectrum, transform  # noqa: E402
from dsp._jit import FLAGS  # noqa: E402
from dsp._simd import rows  # noqa: E402
from dsp.stream import Stream  # noqa: E402
from dsp.supply import Supply  # noqa: E402

HERE = Path(__file__).parent
CYCLES = 10
SIZES = (2560, 5120, 10240)
ROUNDS, WINDOWS = 41, 60  # a round is a run of this number of windows of each contender
RATE_HZ, SECONDS, CHAIN_ROUNDS = 10240, 20, 7
ALL_ON = Supply(voltage_v=230.0, current_a=10.0, demand_a=10.0, lamp="230V")  # events, flicker and aggregation too

Contender = Callable[[], float]  # one round; seconds for each window


def say(line: str = "") -> None:
    print(line, flush=True)


def turns(contenders: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(run())
    return seconds


def medians(contenders: dict[str, Contender], rounds: int) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in turns(contenders, rounds).items()}


def ratio(a: list[float], b: list[float]) -> float:
    """Median of the ratios within each round."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def timed(call: Callable[[], object], windows: int = WINDOWS) -> float:
    started = time.thread_time()
    for _ in range(windows):
        call()
    return (time.thread_time() - started) / windows


def head() -> None:
    say("# The measurement chain, measured")
    say()
    say("Printed by `make bench-dsp`: one run on one machine, contenders in turn; ratios (medians over the rounds) are "
        "transferable, absolute figures are not. Times are processor time, without waits.")  # fmt: skip
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())  # fmt: skip
    found = [f"{name} {metadata.version(name)}" for name in ("numba", "numpy", "pyfftw", "pqopen-lib") if have(name)]
    wide = "with" if "avx512f" in Path("/proc/cpuinfo").read_text() else "without"
    cores = f"{os.cpu_count()} shared cores ({model}, {platform.machine()}, {wide} AVX-512)"
    say(f"Python {platform.python_version()}, {cores}; {', '.join(found)}.")


def have(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


# --- transform


def c_fftw(folder: Path) -> Any:
    """Return the compiled C side, or None after printing the reason."""
    library = folder / "fftw.so"
    command = ["cc", "-O3", "-march=native", "-shared", "-fPIC", str(HERE / "fftw.c"), "-o", str(library)]
    try:
        subprocess.run([*command, "-lfftw3", "-lfftw3f", "-lm"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()[-1]
        say(f"\nNot installed, so left out: C FFTW3 (needs a C compiler and libfftw3-dev): {said}")
        return None
    loaded = ctypes.CDLL(str(library))
    loaded.bench_f64.restype = loaded.bench_f32.restype = ctypes.c_double
    return loaded


@numba.njit(**FLAGS)
def _bins(n, x, size, top, roots, radices, places, z, lines):
    for _ in range(n):
        transform.lowest_bins(x, size, top, roots, radices, places, z, lines)


@numba.njit(**FLAGS)
def _subgroups(n, x, size, top, roots, radices, places, z, lines, gain, squares, h, sg, phasor):
    for _ in range(n):
        transform.lowest_bins(x, size, top, roots, radices, places, z, lines)
        spectrum.to_rms(lines, size, float(size), top, gain, squares)
        spectrum.harmonics(lines, squares, CYCLES, float(size), 0.5, z, h, sg, phasor)


def ours(x: Any, dtype: Any) -> dict[str, Contender]:
    n = x.shape[1]
    plan = transform.plan(CYCLES, n // CYCLES, dtype)
    work, nothing, z, lines = (rows(size, dtype) for size in (n, n, 2 * CYCLES + 2, n + 2))
    tables = (plan.roots, plan.radices, plan.places, z, lines)
    h, sg, phasor, squares = np.zeros((6, 51)), np.zeros((6, 51)), np.zeros((6, 2)), rows(n // 2 + 1, dtype)
    part = 50 * CYCLES + CYCLES // 2
    rest = (np.ones(2), squares, h, sg, phasor)

    def check(want: Any, got: Any) -> None:
        worst = np.abs(got - want).max() / np.abs(want).max()
        if worst > (1e-13 if dtype == np.float64 else 1e-6):
            raise ArithmeticError(f"wrong by {worst:.1e}")

    want = np.fft.rfft(x.astype(np.float64), axis=1).T
    work[:, :6] = x.T
    _bins(1, work, n, n // 2, *tables)
    check(want, (lines[::2] + 1j * lines[1::2])[:, :6])
    work[:, :6] = x.T
    _subgroups(1, work, n, part, *tables, *rest)
    y2, order = 2.0 * np.abs(want / n) ** 2, np.arange(1, 51) * CYCLES
    check(np.sqrt(y2[order - 1] + y2[order] + y2[order + 1]).T, sg[:, 1:])
    return {
        "ours: all bins": lambda: timed(lambda: _bins(WINDOWS, nothing, n, n // 2, *tables), 1) / WINDOWS,
        "ours: bins to order 50": lambda: timed(lambda: _bins(WINDOWS, nothing, n, part, *tables), 1) / WINDOWS,
        "ours: harmonics and subgroups to order 50": lambda: timed(
            lambda: _subgroups(WINDOWS, nothing, n, part, *tables, *rest), 1) / WINDOWS,
    }  # fmt: skip


def theirs(x: Any, dtype: Any, c: Any) -> dict[str, Contender]:
    n = x.shape[1]
    found: dict[str, Contender] = {}
    if c is not None:
        bench, out = getattr(c, f"bench_f{np.dtype(dtype).itemsize * 8}"), np.zeros((6, 51), dtype)

        def c_run(grouped: int) -> float:
            at, to = ctypes.c_void_p(x.ctypes.data), ctypes.c_void_p(out.ctypes.data)
            return float(bench(n, CYCLES, WINDOWS, grouped, at, to))

        found["C FFTW3: all bins"] = lambda: c_run(0)
        found["C FFTW3: all bins, then subgroups"] = lambda: c_run(1)
    if have("pyfftw"):
        import pyfftw

        given = pyfftw.empty_aligned((6, n), dtype)
        got = pyfftw.empty_aligned((6, n // 2 + 1), np.complex128 if dtype == np.float64 else np.complex64)
        run = pyfftw.FFTW(given, got, axes=(1,), flags=("FFTW_PATIENT",))
        given[:] = x
        found["pyfftw: all bins"] = lambda: timed(run.execute)
    found["numpy.fft: all bins"] = lambda: timed(lambda: np.fft.rfft(x, axis=1))
    return found


def transforms() -> None:
    say("\n## Transform of a window of six channels, ten cycles\n")
    say("µs per window; in brackets the ratio to C FFTW3's full spectrum of the same float type. C FFTW3 and pyfftw "
        "with FFTW_PATIENT plans, real to complex, six channels in one plan. Our kernels and C FFTW3 are called from "
        "compiled code, the others from Python. Ours work in place, on zeros, so that they can be repeated. The chain "
        "runs in float32.")  # fmt: skip
    goals = {"ours: all bins": "≤ 1.0", "ours: harmonics and subgroups to order 50": "≤ 0.4"}
    with tempfile.TemporaryDirectory() as folder:
        c = c_fftw(Path(folder))
        for dtype in (np.float32, np.float64):
            table: dict[str, list[str]] = {}
            for n in SIZES:
                x = np.random.default_rng(n).standard_normal((6, n)).astype(dtype)
                took = turns({**ours(x, dtype), **theirs(x, dtype, c)}, ROUNDS)
                base = took.get("C FFTW3: all bins")
                for name, seconds in took.items():
                    compared = f" ({ratio(seconds, base):.2f})" if base else ""
                    table.setdefault(name, []).append(f"{statistics.median(seconds) * 1e6:.1f}{compared}")
            say(f"\n| {np.dtype(dtype)} | {' | '.join(map(str, SIZES))} | goal |")
            say("|---" * (len(SIZES) + 2) + "|")
            for name, cells in table.items():
                say(f"| {name} | {' | '.join(cells)} | {goals.get(name, '')} |")


# --- resampler


def resampler() -> None:
    say("\n## Resampler, six channels\n")
    say("A window with fractional ends to a whole number of points per cycle; µs per window. Ours: float32, 16 taps, "
        "as called by the chain, layout included. Linear: numpy.interp of each channel.")  # fmt: skip
    say("\n| window | points | ours | linear | goal |\n|---|---|---|---|---|")
    for samples, size in ((2048, 2560), (2048, 1920), (5120, 2560), (10240, 5120), (10240, 10240)):
        n = samples + 2 * resample.TAPS
        seg = np.random.default_rng(n).standard_normal((6, n))
        frames, points, spare = rows(n, np.float32), rows(size, np.float32), rows(7, np.float32)
        step, taps = samples / size, resample.taps(np.float32)
        at = 10.3 + step * np.arange(size)

        def own(seg=seg, n=n, frames=frames, step=step, size=size, taps=taps, spare=spare, points=points) -> None:
            resample.frames(seg, 0, n, frames)
            resample.resample(frames, 10.3, step, size, taps, spare, points)

        def linear(seg=seg, n=n, at=at) -> None:
            index = np.arange(n)
            for channel in seg:
                np.interp(at, index, channel)

        took = medians({"ours": lambda own=own: timed(own), "linear": lambda linear=linear: timed(linear)}, ROUNDS)
        goal = "≤ 40" if size == 2560 else ""
        say(f"| {samples} | {size} | {took['ours'] * 1e6:.1f} | {took['linear'] * 1e6:.1f} | {goal} |")


# --- chain


def signal(rate_hz: int) -> Any:
    t = np.arange(rate_hz * SECONDS) / rate_hz
    x = np.zeros((6, len(t)))
    for c in range(6):
        for order, part in ((1, 1.0), (5, 0.06), (7, 0.04), (11, 0.03), (13, 0.02), (25, 0.01)):
            angle = 2 * np.pi * order * (50.02 * t - (c % 3) / 3) - (0.5 * order if c > 2 else 0.0)
            x[c] += (325.0 if c < 3 else 14.0) * part * np.sin(angle)
    return x


def own_chain(x: Any, rate_hz: int, supply: Supply | None) -> float:
    stream, block = Stream(rate_hz, supply=supply), rate_hz // 5
    blocks = [np.ascontiguousarray(x[:, at : at + block]) for at in range(0, x.shape[1], block)]
    whole = aggregate.Aggregator.of_windows()
    started = time.process_time()
    for one in blocks:
        for w in stream.push(one):
            if supply is not None:
                flagged = aggregate.is_flagged(w)
                whole.add(aggregate.row_of(w), w.start_index / rate_hz, w.end_index / rate_hz, flagged)
    return time.process_time() - started


def pqopen_chain(x: Any, rate_hz: int) -> float:
    from daqopen.channelbuffer import AcqBuffer
    from pqopen.powersystem import PowerSystem

    buffers = [AcqBuffer(4 * rate_hz) for _ in range(6)]
    system = PowerSystem(zcd_channel=buffers[0], input_samplerate=rate_hz)
    for k in range(3):
        system.add_phase(buffers[k], buffers[k + 3])
    system.enable_harmonic_calculation(50)
    block = rate_hz // 5
    blocks = [np.ascontiguousarray(x[:, at : at + block]) for at in range(0, x.shape[1], block)]
    started = time.process_time()
    for one in blocks:
        for buffer, channel in zip(buffers, one, strict=True):
            buffer.put_data(channel)
        system.process()
    return time.process_time() - started


def chain() -> None:
    say("\n## Complete chain\n")
    say(f"{SECONDS} s of three voltages and three currents at 50.02 Hz with harmonics, in blocks of 200 ms; seconds of "
        "signal per second of one core. Ours, kernels from the image as in the agent: frequency, rms, power, IEEE "
        "1459, sequences, harmonics, groups, interharmonics, bands of 2 to 9 kHz, indices, clipping, gaps, aliasing, "
        "standstill; all on: events, flicker and aggregation to 3 s, 10 min and 2 h too. pqopen-lib: rms, power, "
        "frequency, harmonics and interharmonics, its defaults, without events, flicker and aggregation.")  # fmt: skip
    say("\n| samples per second | ours | ours, all on | pqopen-lib | ours, all on / pqopen-lib |")
    say("|---" * 5 + "|")
    for rate_hz in (10240, 25600):
        x = signal(rate_hz)
        contenders: dict[str, Contender] = {
            "ours": lambda x=x, r=rate_hz: own_chain(x, r, None),
            "all on": lambda x=x, r=rate_hz: own_chain(x, r, ALL_ON),
        }
        if have("pqopen-lib"):
            contenders["pqopen"] = lambda x=x, r=rate_hz: pqopen_chain(x, r)
        took = turns(contenders, CHAIN_ROUNDS)
        cells = [f"{SECONDS / statistics.median(seconds):.0f}" for seconds in took.values()]
        cells += [f"{ratio(took['pqopen'], took['all on']):.1f}"] if "pqopen" in took else ["not here", ""]
        say(f"| {rate_hz} | {' | '.join(cells)} |")
    say("| goal at 10240 | ≥ 800 | ≥ 800 | | ≥ 20 |")


# --- start


def start() -> None:
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    say("\n## Start, kernels from the cache\n")
    own = HERE.parent / ".venv" / "bin" / "python"
    python = str(own) if own.exists() else sys.executable
    first = "from agent.core import kernel_cache; kernel_cache.only_load(); kernel_cache.prepare(); "
    first += "import numpy as np; from dsp.stream import Stream; t = np.arange(8192) / 10240.0; "
    first += (
        "x = np.array([np.cos(314.2 * t - 2.0944 * k) for k in range(6)]); s = Stream(10240.0); s.push(x); s.finish()"
    )
    commands = {"python -c pass": "pass", "import numpy": "import numpy", "first windows analysed": first}
    say("| from the start of the interpreter to | s | processor, s | goal |\n|---|---|---|---|")
    for name, code in commands.items():
        waited, worked = [], []
        for _ in range(7):
            before, started = os.times(), time.perf_counter()
            subprocess.run([python, "-c", code], check=True, cwd=HERE.parent, env={**os.environ, "PYTHONPATH": "."})
            after = os.times()
            waited.append(time.perf_counter() - started)
            worked.append(after.children_user + after.children_system - before.children_user - before.children_system)
        goal = "< 1" if name.startswith("first") else ""
        say(f"| {name} | {statistics.median(waited):.2f} | {statistics.median(worked):.2f} | {goal} |")


PARTS = {"transform": transforms, "resampler": resampler, "chain": chain, "exact": dsp_exact.tables,
         "goals": dsp_goals.table, "start": start}  # fmt: skip

if __name__ == "__main__":
    if sys.argv[1:]:
        PARTS[sys.argv[1]]()
    else:
        head()
        for part in PARTS:  # each in a process of its own: the chain takes its kernels from the image
            subprocess.run([sys.executable, "-m", "benchmarks.dsp", part], check=True)
