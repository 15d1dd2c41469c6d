"""Tell the candidates from the rest."""

from malca.pipelines.filtering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
