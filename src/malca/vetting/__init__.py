"""What is known of candidates: other catalogues' verdicts, neighbours, spectra; tables only."""

from malca.vetting.parameters import VettingParameters

__all__ = ["VettingParameters"]
