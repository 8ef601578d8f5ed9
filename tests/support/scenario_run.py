"""A scenario with the agent in this process on virtual time: published and true values."""

from __future__ import annotations

import bisect
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.acquisition.selfcheck_results import save_check, stored_checks
from agent.commissioning.selfcheck.model import device_set_of
from agent.commissioning.selfcheck.run import self_check as check
from agent.runtime.assembly import Agent
from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load

SIMULATED = {"SIMULATED"}
RATIOS = {
    "motor_efficiency_pct": ("shaft_power_w", "motor_input_power_w"),
    "system_efficiency_pct": ("shaft_power_w", "input_power_w"),
    "drive_efficiency_pct": ("motor_input_power_w", "drive_input_power_w"),
}


@dataclass(frozen=True)
class Published:
    """One message. flags: metric → flags, without SIMULATED."""

    t_ms: int
    quality: str
    values: dict[str, Any]
    flags: dict[str, set[str]]


@dataclass
class Run:
    """rows: (asset, kind) → messages in order. times_ms, truths: true values after each step of the plant."""

    rows: dict[tuple[str, str], list[Published]] = field(default_factory=dict)
    states: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    times_ms: list[int] = field(default_factory=list)
    truths: list[dict[str, Any]] = field(default_factory=list)

    def telemetry(self, asset: str) -> list[Published]:
        return self.rows[asset, "telemetry"]

    @property
    def assets(self) -> list[str]:
        return [asset for asset, kind in self.rows if kind == "telemetry"]

    def between(self, asset: str, name: str, from_ms: float, to_ms: float) -> list[float]:
        """True values from the last step before `from_ms` to `to_ms`; empty if there are none."""
        first = max(bisect.bisect_right(self.times_ms, from_ms) - 1, 0)
        last = bisect.bisect_right(self.times_ms, to_ms)
        return [row[asset][name] for row in self.truths[first:last] if name in row[asset]]

    def at(self, asset: str, name: str, t_ms: float) -> float:
        return self.between(asset, name, t_ms, t_ms)[-1]

    def outside(
        self, asset: str, metric: str, relative: float, absolute: float, age_s: float,
        unless: Callable[[Published], bool] = lambda _: False,
    ) -> list[str]:  # fmt: skip
        """Values without a flag outside the range of the true values of the last `age_s`, by more than the limits."""
        found = []
        for row in self.telemetry(asset):
            value = row.values.get(metric)
            if value is None or row.flags.get(metric) or unless(row):
                continue
            was = self.between(asset, metric, row.t_ms - 1000 * age_s, row.t_ms)
            low, high = min(was), max(was)
            slack = relative * max(abs(low), abs(high)) + absolute
            if not low - slack <= value <= high + slack:
                found.append(f"{asset} {metric} at {row.t_ms}: {value} is not within {low}…{high} ± {slack:.4g}")
        return found

    def true_ratios(self, asset: str, top: str, bottom: str, t_ms: float) -> list[float]:
        """Percent, for each interval of 8 s to 66 s that ends there: energy out by energy in, in both directions."""
        tops, bottoms = (self.between(asset, name, t_ms - 66_000, t_ms)[::-1] for name in (top, bottom))
        step_s = (self.times_ms[1] - self.times_ms[0]) / 1000
        found, top_w, bottom_w = list[float](), 0.0, 0.0
        for number, (one, other) in enumerate(zip(tops, bottoms, strict=True), 1):
            top_w, bottom_w = top_w + one, bottom_w + other
            if number * step_s >= 8 and top_w * bottom_w > 0:
                found.append(100 * (top_w / bottom_w if bottom_w > 0 else bottom_w / top_w))
        return found

    def doubts(self, asset: str, metric: str) -> list[float]:
        """Error of each published efficiency without a flag, divided by its published uncertainty."""
        top, bottom = RATIOS[metric]
        found = []
        for row in self.telemetry(asset):
            value = row.values.get(metric)
            if value is None or row.flags.get(metric):
                continue
            true = self.true_ratios(asset, top, bottom, row.t_ms)
            miss = max(min(true) - value, value - max(true), 0.0) if true else math.inf
            found.append(miss / row.values[f"{metric}_u"])
        return found

    def numbers(self) -> Iterator[tuple[str, str, float]]:
        """(asset, metric, value) of all telemetry messages."""
        for (asset, kind), rows in self.rows.items():
            for row in rows if kind == "telemetry" else ():
                for metric, value in row.values.items():
                    if isinstance(value, int | float):
                        yield asset, metric, value


def run(
    name: str, seconds: float, *, seed: int = 7, step_s: float | None = None, edit: Callable[[str], str] = str,
    self_check: bool = False,
) -> Run:  # fmt: skip
    found = Run()

    def take(topic: str, payload: bytes, _retained: bool) -> None:
        *_, asset, kind = topic.split("/")
        if kind not in ("telemetry", "event", "state"):
            return
        message = json.loads(payload)
        if kind == "state":
            found.states.setdefault(asset, []).append((message["t"], message["state"]))
            return
        flags = {metric: set(words) - SIMULATED for metric, words in message.get("f", {}).items()}
        found.rows.setdefault((asset, kind), []).append(Published(message["t"], message["q"], message["v"], flags))

    def remember(t_ms: int, rows: dict[str, Any]) -> None:
        found.times_ms.append(t_ms)
        found.truths.append(rows)

    run_accelerated(load(name), seconds, take, seed=seed, step_s=step_s, on_truth=remember, edit=edit,
                    before_polling=check_devices if self_check else None)  # fmt: skip
    return found


async def check_devices(agent: Agent) -> None:
    """The self-check of commissioning; its result flags the values of suspect devices."""
    links = {name: agent.link_of(bus) for name, bus in agent.config.buses.items()}
    result = await check(device_set_of(agent.config, links), agent.clock)
    for name, device in result.devices.items():
        findings = [finding.summary for finding in result.findings if finding.device == name]
        at_ms = agent.clock.utc_ns() // 1_000_000
        save_check(agent.store, agent.config, name, at_ms,
                   failed=device.failed, verified=device.verified, findings=findings)  # fmt: skip
    checks = stored_checks(agent.config)
    for bus in agent.pollers:
        for polled in bus.devices:
            if found := checks.get(polled.device.name):
                polled.device.apply_selfcheck(found.confirmed, found.failed)
