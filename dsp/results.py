"""Quality flags of a window of waveforms, and the sizes of its tables."""

from __future__ import annotations

from enum import IntFlag

ORDERS = 51  # components and subgroups 0..50
BANDS, BANDS_FROM_HZ, BAND_HZ = 35, 2000, 200  # 2 to 9 kHz


class Flag(IntFlag):
    """Quality flags of a window. They only accumulate: a window carries all flags of its channels.

    GOOD: no flag.
    GAP: a sample of the window is missing (NaN, inf or lost).
    CLIPPED: the limit of the converter was reached.
    SYNC_LOST: no rotating or alternating fundamental was found; the window lasts 200 ms and has no harmonics.
    FEW_CYCLES: fewer than three cycles, or fewer than a regular window; no subgroups below three cycles.
    NO_SIGNAL: no channel has an alternating signal.
    MISSING_PHASE: a voltage channel has no signal while others have.
    FREQUENCY_HELD: the frequency could not be measured in this window; the previous one is used.
    FREQUENCY_CHANGING: the frequency changed by more than 1 % since the previous window; harmonics are smeared.
    EVENT: a dip, swell or interruption touches the window ("flagged" in IEC 61000-4-30, 4.7).
    ALIAS_RISK: more than 1 % of the rms is just below half the sampling rate; higher frequencies may alias to any
        order.
    UNFILTERED_PWM: a voltage jumps from sample to sample: PWM of a drive without an anti-aliasing filter.
    CONSTANT_SIGNAL: a channel keeps one value for a full cycle; its results are withheld as for a gap.
    """

    GOOD = 0
    GAP = 1
    CLIPPED = 2
    SYNC_LOST = 4
    FEW_CYCLES = 8
    NO_SIGNAL = 16
    MISSING_PHASE = 32
    FREQUENCY_HELD = 64
    FREQUENCY_CHANGING = 128
    EVENT = 256
    ALIAS_RISK = 512
    UNFILTERED_PWM = 1024
    CONSTANT_SIGNAL = 2048
