"""A store: the tables of many captures as Parquet, written in windows of whole calls and read back in part."""
