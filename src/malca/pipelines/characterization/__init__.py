"""Tell what the candidates are made of and where they are."""

from malca.pipelines.characterization.pipeline import create_pipeline

__all__ = ["create_pipeline"]
