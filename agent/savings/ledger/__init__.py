"""The signed chain of records and its verification."""
