"""The record of every run: what went in, what was done, what came out.

A run writes a JSON file beside its results (``record``), whatever happens to anything else. A
second process (``store``), told of that file (``recorder``), enters it in MLflow; only that
process imports MLflow. A run neither waits for the import nor fails with the store.
"""
