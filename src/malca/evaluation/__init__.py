"""Measuring the search: what it misses, what it wrongly keeps, with its own code and parameters."""
