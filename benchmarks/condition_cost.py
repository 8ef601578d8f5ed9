"""What watching the condition of a motor by its waveform costs, relative to the measurement chain on the same stream.

Run: PYTHONPATH=.:tests python -m benchmarks.condition_cost. Three voltages and three currents at 10,240 S/s in blocks
of 200 ms. The watch gets twenty minutes of blocks as in the agent and judges the records that it collects; nothing is
found in them. It is compared with the kernels of the chain, all functions on as in `make bench-dsp`, and with the same
in the agent, where they make messages. All by turns, medians of processor time.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
from support.condition.bridge_machines import random_drive
from support.condition.bridge_recording import steady_record
from support.condition.cage_machine import random_machine
from support.condition.cage_plant import Case, simulate
from support.condition.magnet_machine import Machine
from support.condition.magnet_steady import steady
from support.condition.magnet_variations import Channels, plate, recorded

from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record
from agent.analysis.condition.record_watch import RecordWatch
from agent.analysis.power_quality.waveform_channel import WaveformChannel
from benchmarks.condition_cage import machine_of
from benchmarks.dsp import ALL_ON, RATE_HZ, SECONDS, own_chain, signal
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES

ROUNDS, BLOCK, WATCHED_S = 5, RATE_HZ // 5, 1200
START_NS = 1_790_000_000_000_000_000


def cage_motor() -> tuple[Record, MachineData]:
    one = simulate([Case(random_machine(np.random.default_rng(1)), 0.7, fs_hz=RATE_HZ, length_s=20.0)])[0]
    return Record(one.fs_hz, one.u_v, one.i_a), machine_of(one)


def magnet_motor() -> tuple[Record, MachineData]:
    motor = Machine(slots=9, pairs=4, rated_hz=100.0, winding_degc=60, magnet_degc=45)
    waves = steady(motor, 6.0, RATE_HZ, np.random.default_rng(1))
    record = recorded(*waves, 1 / RATE_HZ, motor, Channels(), Random(1))
    return record, plate(motor, Random(1))


def rectifier() -> tuple[Record, MachineData]:
    random = np.random.default_rng(1)
    drive = random_drive(random, 0.7, 0.005)
    how = replace(drive.how, fs_hz=float(RATE_HZ), seconds=6.0, bits=13, swapped=False)
    return steady_record(drive.bridge, how, random), drive.machine


def blocks_of(record: Record) -> list[np.ndarray]:
    samples = np.concatenate((record.u_v, record.i_a))
    return [np.ascontiguousarray(samples[:, at : at + BLOCK]) for at in range(0, samples.shape[1] - BLOCK + 1, BLOCK)]


def watch(blocks: list[np.ndarray], machine: MachineData) -> tuple[float, int]:
    """Processor time for WATCHED_S seconds of the stream, and the number of records judged in them."""
    watched, records = RecordWatch(machine), 0
    stream = [Waveform("m", 200_000_000 * k, k * BLOCK, float(RATE_HZ), ROLES, blocks[k % len(blocks)])
              for k in range(WATCHED_S * 5)]  # fmt: skip
    started = time.process_time()
    for k, block in enumerate(stream):
        job = watched.on_block(block, k / 5)
        if job is not None:
            watched.add(job(), 200 * k)
            records += 1
    return time.process_time() - started, records


def agent_chain(x: np.ndarray) -> float:
    """Processor time for a second of the stream, with messages."""
    channel = WaveformChannel("m", lambda message: None)
    stream = [Waveform("m", START_NS + 200_000_000 * k, k * BLOCK, float(RATE_HZ), ROLES,
                       np.ascontiguousarray(x[:, k % 100 * BLOCK :][:, :BLOCK])) for k in range(300)]  # fmt: skip
    started = time.process_time()
    for block in stream:
        channel.on_block(block)
    return (time.process_time() - started) / 60


def peak_mib(blocks: list[np.ndarray], machine: MachineData) -> float:
    """Largest memory of the watch while it collects and judges a record."""
    tracemalloc.start()
    watched = RecordWatch(machine)
    for k in range(len(blocks)):
        block = Waveform("m", 200_000_000 * k, k * BLOCK, float(RATE_HZ), ROLES, blocks[k])
        if (job := watched.on_block(block, k / 5)) is not None:
            watched.add(job(), 200 * k)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    kinds: dict[str, Callable[[], tuple[Record, MachineData]]] = {
        "cage motor on the line": cage_motor, "magnet motor on a drive": magnet_motor,
        "rectifier of a drive": rectifier,
    }  # fmt: skip
    made = {name: make() for name, make in kinds.items()}
    streams = {name: (blocks_of(record), machine) for name, (record, machine) in made.items()}
    x = signal(RATE_HZ)
    own_chain(x, RATE_HZ, ALL_ON)
    chain: list[float] = []
    agent: list[float] = []
    watches: dict[str, list[float]] = {name: [] for name in kinds}
    records: dict[str, int] = {}
    for _ in range(ROUNDS):
        chain.append(own_chain(x, RATE_HZ, ALL_ON) / SECONDS)
        agent.append(agent_chain(x))
        for name, stream in streams.items():
            took_s, records[name] = watch(*stream)
            watches[name].append(took_s / WATCHED_S)
    print(f"kernels {1e3 * statistics.median(chain):.2f} ms of one core for a second of the stream, "
          f"chain of the agent {1e3 * statistics.median(agent):.2f} ms")  # fmt: skip
    for name, took in watches.items():
        of_kernels, of_agent = (
            100 * statistics.median(one / of for one, of in zip(took, whole, strict=True)) for whole in (chain, agent)
        )
        print(f"{name:26} {records[name]} records in {WATCHED_S} s: {of_kernels:4.1f} % of the kernels, "
              f"{of_agent:4.1f} % of the chain of the agent, {peak_mib(*streams[name]):4.1f} MiB at most")  # fmt: skip


if __name__ == "__main__":
    main()
