"""Small functions on Polars expressions, one meaning each: addresses, URIs, causes, times. No tables, no I/O."""
