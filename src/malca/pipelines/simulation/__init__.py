"""The sample survey: light curves with known truth, laid out as ASAS-SN lays out its own."""

from malca.pipelines.simulation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
