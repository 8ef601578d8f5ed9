"""The questions from which `magwatt init` writes a configuration."""
