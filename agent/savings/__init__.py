"""Savings of a retrofit: intervals, baseline, savings with their uncertainty; tariff, emissions, ledger, report."""
