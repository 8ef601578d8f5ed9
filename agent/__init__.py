"""Composes dsp, drivers and sinks into the product; the only package that knows all others."""

VERSION = "0.1.0"
