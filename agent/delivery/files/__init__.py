"""NDJSON and Parquet files."""
