"""The pipeline of a configuration with the stages of the agent; the test supplies the readings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.config.model import Config
from agent.config.topology import Asset
from agent.runtime.assembly import polled_plant
from agent.runtime.pipeline import Outputs, Pipeline
from agent.runtime.stages import CounterStage, EfficiencyStage, SavingsStage, allocation_stage
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Clock


def pipeline_of(
    config: Config, due_s: dict[str, dict[str, float]], clock: Clock, outputs: Outputs,
    savings: Callable[[Asset, float], SavingsTracker] | None = None, counters: Mapping[str, int] | None = None,
) -> Pipeline:  # fmt: skip
    """savings: makes the tracker of a motor from the asset and its polling period; None: no savings."""
    stages = [EfficiencyStage, allocation_stage, CounterStage]
    if savings is not None:
        stages.append(lambda context: SavingsStage(savings(context.asset, context.period_s)))
    pipeline = Pipeline(clock, outputs, stages, counters)
    pipeline.reconfigure(polled_plant(config, due_s))
    return pipeline
