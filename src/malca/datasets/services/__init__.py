"""Catalogues that a service on the network holds: each asked in its own language, all answer alike.

What a service answers is kept as a small table with the service's own columns, and stars are
looked up in it exactly as in a local twin, by the same code. So both give equal tables.
"""
