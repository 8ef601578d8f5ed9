"""The confirmation sheet (节能量确认单): what both parties sign, printable."""
