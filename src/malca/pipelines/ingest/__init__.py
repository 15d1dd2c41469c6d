"""List the survey's stars, pack their light curves and look them up in VSX."""

from malca.pipelines.ingest.pipeline import create_pipeline

__all__ = ["create_pipeline"]
