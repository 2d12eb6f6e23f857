"""What a series does next: the following steps of every column, with quantiles."""
