"""Condition of motors and drives: features of records, without limits that decide. No kernel is in this package."""
