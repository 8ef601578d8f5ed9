"""Published figures as data files, each with its sources and how far it was verified in its first lines."""
