"""Where results go: one file per dialect."""
