"""Measures of the search: what it finds of what is known, how often, and where the rest goes."""
