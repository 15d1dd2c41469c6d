"""Formulas of stars and their surroundings, each with its paper."""
