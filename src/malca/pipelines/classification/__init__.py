"""Say what makes each candidate dim, and what would pass in front of it."""

from malca.pipelines.classification.pipeline import create_pipeline

__all__ = ["create_pipeline"]
