"""What a retrofit saves: intervals, baseline, savings with their doubt; tariff, carbon, ledger, report."""
