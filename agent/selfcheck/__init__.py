"""The commissioning self-check: do the values of a map agree with physics and with each other (docs/selfcheck.md)?

Here are its records, which `run` needs too; `bench.bench_of` and `check.self_check` are imported where one is made.
"""

from agent.selfcheck.model import Bench, DeviceResult, Finding, Result, Subject, Verdict

__all__ = ["Bench", "DeviceResult", "Finding", "Result", "Subject", "Verdict"]
