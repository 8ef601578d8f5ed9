"""Baseline models: regression, selection, uncertainty."""
