"""The seed of studies over simulated machines: rates must not come from the draws that rules were developed with.

MAGWATT_SEED=7 in the environment draws other machines.
"""

from __future__ import annotations

import os

SEED = int(os.environ.get("MAGWATT_SEED", "1"))
