"""`magwatt replay`: analyse a recording with the signal processing of the agent (docs/replay.md)."""

from agent.replay.command import Options, replay_file

__all__ = ["Options", "replay_file"]
