"""The layout "wide" of the file sink: Parquet files a column for each metric, hive partitions (docs/how-to/lake.md)."""
