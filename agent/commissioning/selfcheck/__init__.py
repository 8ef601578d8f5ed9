"""The commissioning self-check: compares the values of a register map with physical relations
(docs/how-to/selfcheck.md).
"""
