"""`magwatt replay`: analyse a recording with the signal processing of the agent (docs/replay.md)."""

from agent.cli.replay_runner import ReplayOptions, replay_file

__all__ = ["ReplayOptions", "replay_file"]
