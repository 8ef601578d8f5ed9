"""The savings of months, from the report."""
