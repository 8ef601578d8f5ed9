"""Signal processing: waveform samples in; frequency, harmonics, powers, unbalance and motor efficiency out.

The package imports numpy and numba and no other package of this project. It reads no clock and does no input or output.
Start reading at `stream.py`.
Formulas follow IEC 61000-4-7, IEC 61000-4-30 and IEEE 1459; no conformance is claimed. [M] marks clause numbers,
formulas and values that are quoted from memory and were not checked against the text of the standard.
"""
