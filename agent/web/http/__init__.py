"""Requests and responses of the page: login, checks, JSON, CSV, errors, static files."""
