"""What the stars of the sample survey are, and what other surveys would have published about them.

``stars`` draws the truth: distance, dust, temperature, mass, infrared light. The other modules make
tables of it as the real catalogues have them, a module a field: with errors, limits, gaps, and the
faults that matter to those who use them.
"""
