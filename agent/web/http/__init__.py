"""Responses of the page: JSON, CSV, errors, static files."""
