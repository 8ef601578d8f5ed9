"""Histories from CSV files."""
