"""The commissioning self-check: do the values of a map agree with physics and with each other (docs/selfcheck.md)?"""

from agent.selfcheck.bench import bench_of
from agent.selfcheck.check import self_check
from agent.selfcheck.model import Bench, DeviceResult, Finding, Result, Subject, Verdict

__all__ = ["Bench", "DeviceResult", "Finding", "Result", "Subject", "Verdict", "bench_of", "self_check"]
