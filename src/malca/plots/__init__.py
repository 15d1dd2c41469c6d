"""Figures, shared by pipelines, command line and review app: static ones and interactive ones."""
