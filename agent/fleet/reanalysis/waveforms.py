"""Analyses of a snapshot, with the functions and the figures of the motor that the agent uses itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from agent.analysis.condition.answers import ConditionFinding, Severity, condition_of
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.message import condition_object
from agent.analysis.condition.record import Array, Record
from agent.analysis.condition.record_rules import record_rules
from agent.analysis.efficiency.airgap_torque import WINDOW_S, AirgapTorque
from agent.analysis.power_quality.messages import (
    harmonics_values,
    pq3s_values,
    rounded_values,
    rows_of,
    unknown_pq3s_values,
)
from agent.analysis.power_quality.motor_stream import LEFT_OUT, quality_of, stream_of
from agent.core.metrics import by_name, rounded
from agent.delivery.files.snapshots import VERSION, SnapshotHeader
from agent.fleet.reanalysis.analyses import Row
from drivers.reading import Quality, Waveform
from drivers.recordings.recording import ROLES
from dsp.efficiency_airgap import M7_U
from dsp.efficiency_induction import Plate
from dsp.supply import Supply

METADATA = b"magwatt.snapshot"
Samples = NDArray[np.float32]


def power_quality(contents: Sequence[bytes]) -> list[Row]:
    """Values of `pq3s` and `harmonics` over all windows of the snapshot, with the digits of these messages, and its
    events."""
    header, samples = read_snapshot(contents[0])
    block = _waveform(header, samples)
    stream = stream_of(block, Supply(**header.supply) if header.supply else None)
    windows = [*stream.push(rows_of(block)), *stream.finish()]
    usable = [window for window in windows if not window.flags & LEFT_OUT]
    complete = all(role in header.channels for role in ROLES)
    values = rounded_values("pq3s", pq3s_values(usable, complete) if usable else unknown_pq3s_values())
    values |= harmonics_values(usable) if usable else {}
    flags = quality_of(window.flags for window in windows) | _quality(header)
    events = Counter(event.kind.name.lower() for window in windows for event in window.events)
    values |= {
        "windows": len(windows), "windows_left_out": len(windows) - len(usable), "flags": " ".join(flags.names()),
        "events": ",".join(sorted(events)), "event_count": events.total(),
    }  # fmt: skip
    return [_front(header) | values]


def efficiency(contents: Sequence[bytes]) -> list[Row]:
    """Efficiency of the motor by method M7, mean of the complete seconds in which it can be computed.

    efficiency_pct_u: U (k = 2) of the method. spread_pct: largest minus smallest of these seconds. Null without an
    induction motor that is measured at its terminals and has r1_ohm.
    """
    header, samples = read_snapshot(contents[0])
    torque = AirgapTorque(Plate(**header.plate) if header.plate else None)
    block = _waveform(header, samples.astype(np.float64))
    step, ratios = math.ceil(WINDOW_S * header.rate_hz), list[float]()
    for begin in range(0, header.samples - step + 1, step):
        part = msgspec.structs.replace(block, index=begin, samples=block.samples[:, begin : begin + step])
        if (ratio := torque.ratio(part)) is not None:
            ratios.append(ratio)
    metric = by_name("telemetry")["motor_efficiency_pct"]
    values: dict[str, Any] = {
        "motor_efficiency_pct": rounded(metric, 100 * math.fsum(ratios) / len(ratios)) if ratios else None,
        "motor_efficiency_pct_u": 100 * M7_U if ratios else None,
        "spread_pct": rounded(metric, 100 * (max(ratios) - min(ratios))) if ratios else None,
        "method": "M7" if ratios else None, "seconds": len(ratios), "flags": " ".join(_quality(header).names()),
    }  # fmt: skip
    return [_front(header) | values]


def condition(contents: Sequence[bytes]) -> list[Row]:
    """The condition that the snapshot alone shows, without a baseline.

    findings: codes of the faults found. faults: the verdict on each code as in the message `condition`. features: the
    figures of which the verdicts are made. Both are JSON. Null if a voltage or a current is missing.
    """
    header, samples = read_snapshot(contents[0])
    values: dict[str, Any] = {"condition": None, "findings": None, "faults": None, "features": None}
    if header.machine is not None and all(role in header.channels for role in ROLES):
        machine = msgspec.convert(header.machine, MachineData)
        rules = record_rules(machine)
        rows: Array = rows_of(_waveform(header, samples)).astype(rules.precision)
        features = rules.features(Record(header.rate_hz, rows[:3], rows[3:]), machine)
        answers = rules.judge(features, machine, None)
        verdict = condition_of(answers, rules.required)
        body = condition_object(verdict, answers, {})
        found = (one.code for one in answers if isinstance(one, ConditionFinding) and one.severity is not Severity.NOTE)
        values = {
            "condition": verdict.value, "findings": ",".join(sorted(found)), "faults": _json(body["faults"]),
            "features": _json(features),
        }  # fmt: skip
    return [_front(header) | values | {"flags": " ".join(_quality(header).names())}]


def read_snapshot(content: bytes) -> tuple[SnapshotHeader, Samples]:
    """The header and the samples, shape (channels, n), of a file of the lake. Raises ValueError, ArrowException."""
    file = pq.ParquetFile(BytesIO(content), page_checksum_verification=True)
    text = (file.metadata.metadata or {}).get(METADATA)
    if text is None:
        raise ValueError("no header of a snapshot")
    header = msgspec.json.decode(text, type=SnapshotHeader)
    if header.version > VERSION:
        raise ValueError(f"version {header.version} of the header; this software knows {VERSION}")
    table = file.read(use_threads=False)
    if table.num_rows != header.samples or tuple(table.column_names) != header.channels:
        raise ValueError("the columns are not those of the header")
    samples = np.empty((len(header.channels), header.samples), np.float32)
    for row, column in zip(samples, table.columns, strict=True):
        row[:] = column.to_numpy()
    return header, samples


def _waveform(header: SnapshotHeader, samples: NDArray[Any]) -> Waveform:
    limits = tuple(math.nan if limit is None else limit for limit in header.clipping)
    return Waveform(header.asset, header.start_ns, 0, header.rate_hz, header.channels, samples, limits)


def _front(header: SnapshotHeader) -> dict[str, Any]:
    return {"asset": header.asset, "t_ms": header.start_ns // 1_000_000, "reason": header.reason,
            "missing": header.missing}  # fmt: skip


def _quality(header: SnapshotHeader) -> Quality:
    found = Quality.GAP if header.missing else Quality.GOOD
    for name in header.quality:
        found |= Quality[name] if name in Quality.__members__ else Quality.GOOD
    return found


def _json(body: object) -> str:
    return msgspec.json.encode(body, order="sorted").decode()
