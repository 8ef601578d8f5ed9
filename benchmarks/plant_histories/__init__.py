"""Plant histories with known savings, independent of the agent, the simulators and dsp: own load, machines and meters.

`history(CASES["one stop"], seed, saved)` returns one; `python -m benchmarks.proven` evaluates the product with them.
"""

from benchmarks.plant_histories.cases import CASES, Case
from benchmarks.plant_histories.history import History, Period, history

__all__ = ["CASES", "Case", "History", "Period", "history"]
