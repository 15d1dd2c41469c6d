"""Tell what is known of the candidates, and what is next to them."""

from malca.pipelines.vetting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
