"""Search packed light curves for events."""

from malca.pipelines.detection.pipeline import create_pipeline

__all__ = ["create_pipeline"]
