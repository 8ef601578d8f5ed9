"""`magwatt replay`: a recording through the same signal processing that runs live (docs/replay.md)."""

from agent.replay.command import Options, replay_file

__all__ = ["Options", "replay_file"]
