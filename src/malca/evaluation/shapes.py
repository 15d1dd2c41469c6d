"""Events to inject: shapes of known peak and width, scaled by the profile's own peak.

A shape is never scaled by its largest *sampled* value: an event that falls into a gap must come out
shallow, or not at all, on the points around the gap.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from malca.kernels import profiles

Shape = Literal["skew_normal", "trapezoid", "exponential", "paczynski", "flare"]
#: Shapes that dim a star, and shapes that brighten it.
DIP_SHAPES: tuple[Shape, ...] = ("skew_normal", "trapezoid", "exponential")
JUMP_SHAPES: tuple[Shape, ...] = ("paczynski", "flare")
#: An event spans the time in which its profile exceeds this share of its peak.
SPAN_LEVEL = 0.1

# The steeper edge of an exponential has no less than this share of the sum of both e-folding times.
_STEEPEST = 0.05


class InjectedShape(NamedTuple):
    """One event.

    Attributes
    ----------
    shape : str
        Of ``DIP_SHAPES`` or ``JUMP_SHAPES``.
    peak_mag : float
        Depth of a dip or height of a jump at its extremum, mag, positive.
    duration_days : float
        Full width at half maximum: of the share of flux taken away or added; of the magnitude for
        ``paczynski``.
    asymmetry : float
        -1 (slow ingress) to 1 (slow egress). ``skew_normal``: the shape parameter alpha over
        ``max_alpha``; ``exponential`` and ``flare``: the second e-folding time has the share
        (1 + asymmetry)/2 of both together, 0.05 to 0.95. Others are symmetric.
    max_alpha : float
        Alpha of ``skew_normal`` at asymmetry 1.
    ingress_share : float
        Of ``trapezoid``: ingress over duration, 0 to 1.
    """

    shape: str
    peak_mag: float
    duration_days: float
    asymmetry: float = 0.0
    max_alpha: float = 5.0
    ingress_share: float = 0.25

    def change_mag(self, days: np.ndarray) -> np.ndarray:
        """Change of magnitude (fainter positive), shape (n,), at times from the extremum, days.

        Raises
        ------
        ValueError
            There is no such shape.
        """
        if self.shape == "paczynski":
            u0 = profiles.paczynski_u0(self.peak_mag)
            return -profiles.paczynski_profile(days, 0.0, self._t_e(u0), u0)
        relative = self.relative_flux(days)
        if self.shape in DIP_SHAPES:
            return -2.5 * np.log10(1.0 - (1.0 - 10.0 ** (-0.4 * self.peak_mag)) * relative)
        return -2.5 * np.log10(1.0 + (10.0 ** (0.4 * self.peak_mag) - 1.0) * relative)

    def relative_flux(self, days: np.ndarray) -> np.ndarray:
        """Flux taken away or added over that of the extremum, shape (n,)."""
        if self.shape == "skew_normal":
            alpha = self.asymmetry * self.max_alpha
            sigma = self.duration_days / profiles.skew_normal_fwhm(1.0, alpha)
            location = -profiles.skew_normal_peak_time(0.0, sigma, alpha)
            return profiles.skew_normal_profile(days, location, sigma, alpha)
        if self.shape == "trapezoid":
            ingress = self.ingress_share * self.duration_days
            outer = 0.5 * (self.duration_days + ingress)
            if ingress == 0.0:
                return (np.abs(days) <= outer).astype(float)
            return np.clip((outer - np.abs(days)) / ingress, 0.0, 1.0)
        if self.shape in ("exponential", "flare"):
            return profiles.fred_profile(days, 0.0, *self._e_folding())
        raise ValueError(f"no shape '{self.shape}': there are {', '.join((*DIP_SHAPES, *JUMP_SHAPES))}")

    def half_spans(self, level: float = SPAN_LEVEL) -> tuple[float, float]:
        """Give the times from the extremum, before and after, at which the profile is at a level."""
        if self.shape == "skew_normal":
            alpha = self.asymmetry * self.max_alpha
            sigma = self.duration_days / profiles.skew_normal_fwhm(1.0, alpha)
            before, after = profiles.skew_normal_half_widths(alpha, level)
            return sigma * before, sigma * after
        if self.shape == "trapezoid":
            half = 0.5 * self.duration_days * (1.0 + self.ingress_share * (1.0 - 2.0 * level))
            return half, half
        if self.shape in ("exponential", "flare"):
            rise, decay = self._e_folding()
            return -rise * np.log(level), -decay * np.log(level)
        u0 = profiles.paczynski_u0(self.peak_mag)
        edge = profiles.paczynski_u0(level * self.peak_mag)
        half = self._t_e(u0) * np.sqrt(edge * edge - u0 * u0)
        return half, half

    def _e_folding(self) -> tuple[float, float]:
        total = self.duration_days / profiles.LN_2
        decay = float(np.clip(0.5 * (1.0 + self.asymmetry), _STEEPEST, 1.0 - _STEEPEST))
        return total * (1.0 - decay), total * decay

    def _t_e(self, u0: float) -> float:
        return float(self.duration_days / profiles.paczynski_fwhm(1.0, u0))
