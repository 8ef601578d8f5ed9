"""The commissioning view: steps, evidence, wiring."""
