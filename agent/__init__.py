"""Composes dsp, drivers and sinks into the product; the only package that knows all others."""

VERSION = "1.0.0"
