"""The page about a run."""

from malca.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
