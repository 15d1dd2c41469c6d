"""Compare what was found with what is known to be there."""

from malca.pipelines.evaluation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
