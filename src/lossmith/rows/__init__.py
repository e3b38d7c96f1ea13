"""Where data lives: in memory now; Parquet and Spark add parts the same way."""
