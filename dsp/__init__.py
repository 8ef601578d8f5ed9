"""Numbers in, numbers out: waveform samples become frequency, harmonics, powers and unbalance.

Imports numpy and numba, nothing of ours; no clock, no input or output. Start reading at `stream.py`.
Formulas follow IEC 61000-4-7, IEC 61000-4-30 and IEEE 1459; no conformance is claimed, and figures marked
[M] are from memory of the standard.
"""
