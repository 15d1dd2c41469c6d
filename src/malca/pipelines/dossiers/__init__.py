"""A page a candidate, and the table of all to pass on."""

from malca.pipelines.dossiers.pipeline import create_pipeline

__all__ = ["create_pipeline"]
