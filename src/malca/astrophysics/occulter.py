"""What passes in front of a star, from how deep and how long it dims it.

An opaque body of radius S crosses the middle of a star of radius R and mass M on a circular orbit. What
follows from that is a limit only in the sense said with each quantity: a translucent body is larger, an
off-centre passage is shorter, and on an eccentric orbit a body may be faster or slower than on a
circular one of the same size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from astropy import constants, units

_AU_PER_RSUN = (units.R_sun / units.au).to("")
_KM_PER_RSUN = units.R_sun.to("km")
_S_PER_DAY = 86_400.0
#: G M_sun in AU (km/s)².
GM_SUN_AU_KMS2 = (constants.G * constants.M_sun).to_value("AU km2 / s2")
_MJUP_PER_MSUN = (constants.M_sun / constants.M_jup).to_value("")
_DAYS_PER_YEAR = 365.25

#: Share of the Hill radius within which a disc that turns the way its body orbits lasts: about 0.3
#: (Quillen & Trilling 1998, ApJ 508, 707).
STABLE_SHARE_OF_HILL = 0.3


class AxisRange(NamedTuple):
    """Semi-major axes, AU, (n,) arrays: on the orbit assumed, and the least and largest of others."""

    axis_au: np.ndarray
    low_au: np.ndarray
    high_au: np.ndarray


def blocked_flux(depth_mag: np.ndarray) -> np.ndarray:
    """Share of the light that is lost, 0 to 1; NaN for a depth that is not positive."""
    depth = np.asarray(depth_mag, float)
    return np.where(depth > 0, 1 - 10 ** (-0.4 * depth), np.nan)


def occulter_radius(depth_mag: np.ndarray, star_radius_rsun: np.ndarray) -> np.ndarray:
    """Least radius, Rsun, of an opaque disc that blocks as much of an evenly bright star.

    S = R √τ with τ the blocked share of the light: below R for every depth, since a disc as large as
    the star blocks all of it. What is translucent, covers the star in part, or eclipses one of two
    stars is larger.
    """
    return np.asarray(star_radius_rsun, float) * np.sqrt(blocked_flux(depth_mag))


def transverse_speed(
    duration_days: np.ndarray, star_radius_rsun: np.ndarray, occulter_radius_rsun: np.ndarray
) -> np.ndarray:
    """Speed, km/s, at which a body crosses 2 (R + S) in the time of the dip, first to last contact.

    With the least S it is a lower limit of a central passage.
    """
    path = 2 * (np.asarray(star_radius_rsun, float) + occulter_radius_rsun) * _KM_PER_RSUN
    return path / (_positive(duration_days) * _S_PER_DAY)


def semi_major_axis(
    duration_days: np.ndarray,
    mass_msun: np.ndarray,
    star_radius_rsun: np.ndarray,
    occulter_radius_rsun: np.ndarray,
) -> np.ndarray:
    """Radius, AU, of the circular orbit on which a central passage takes as long as the dip.

    a = G M t² / (4 (R + S)²), of v = √(G M / a) and t = 2 (R + S) / v; M is the mass of star and
    body together. As R + S ≈ 1.85 t √(M / a) (Rsun, d, Msun, AU) this is the relation of Boyajian+
    (2016, MNRAS 457, 3988) for KIC 8462852. With the least S it is an upper limit of a central passage.
    """
    return axis_of_speed(
        transverse_speed(duration_days, star_radius_rsun, occulter_radius_rsun), mass_msun
    )


def axis_of_speed(speed_kms: np.ndarray, mass_msun: np.ndarray) -> np.ndarray:
    """Radius, AU, of the circular orbit of this speed, km/s."""
    return GM_SUN_AU_KMS2 * _positive(mass_msun) / _positive(speed_kms) ** 2


def axis_range(
    axis_au: np.ndarray, max_eccentricity: float = 0.5, max_impact: float = 0.9
) -> AxisRange:
    """Semi-major axes that other orbits give for the same dip.

    At periastron of an orbit of eccentricity e a body is √((1+e)/(1−e)) faster than on the circular
    orbit of that axis, at apastron slower by as much. A passage at impact parameter b (in units of
    R + S) is shorter by √(1−b²), so that the same duration is a slower one.

    Parameters
    ----------
    axis_au : (n,) array
        Of a circular orbit and central passage.
    max_eccentricity, max_impact : float
        Both below 1.

    Returns
    -------
    AxisRange
        The least is at apastron, the largest at periastron and off-centre.
    """
    axis = np.asarray(axis_au, float)
    ratio = (1 + max_eccentricity) / (1 - max_eccentricity)
    return AxisRange(axis, axis / ratio, axis * ratio / (1 - max_impact**2))


def speed_of_gradient(
    flux_per_day: np.ndarray, star_radius_rsun: np.ndarray, limb_darkening: float = 0.6
) -> np.ndarray:
    """Least speed, km/s, of an opaque edge that dims a star as steeply as seen.

    A straight edge that crosses the star's middle head-on changes its light by
    (2 v / π R) (12 − 12 u + 3 π u) / (12 − 4 u) a unit of time, in units of the star's light, for
    linear limb darkening u; nothing opaque does it faster (van Werkhoven, Kenworthy & Mamajek 2014,
    MNRAS 441, 2845, eq. 12; Kenworthy & Mamajek 2015, ApJ 800, 126, eq. 1).

    Parameters
    ----------
    flux_per_day : (n,) array
        Steepest slope, as a share of the star's light a day, positive.
    star_radius_rsun : (n,) array
    limb_darkening : float
        Linear coefficient: about 0.6 for the Sun in V, 0.8 for a K5 dwarf.
    """
    u = limb_darkening
    steepest = 2 / np.pi * (12 - 12 * u + 3 * np.pi * u) / (12 - 4 * u)
    slope = _positive(flux_per_day) / _S_PER_DAY
    return slope * np.asarray(star_radius_rsun, float) * _KM_PER_RSUN / steepest


def transit_probability(
    axis_au: np.ndarray, star_radius_rsun: np.ndarray, occulter_radius_rsun: np.ndarray
) -> np.ndarray:
    """Share (R + S) / a of circular orbits, at random, on which the body passes in front of the star.

    It is that of one orbit before anything was seen; not the probability that this dip was a passage.
    """
    reach = (np.asarray(star_radius_rsun, float) + occulter_radius_rsun) * _AU_PER_RSUN
    return np.minimum(reach / _positive(axis_au), 1.0)


def orbital_period(axis_au: np.ndarray, mass_msun: np.ndarray) -> np.ndarray:
    """Period, d, by Kepler's third law; ``mass_msun`` of both together."""
    axis = _positive(axis_au)
    return np.sqrt(axis**3 / _positive(mass_msun)) * _DAYS_PER_YEAR


def axis_of_period(period_days: np.ndarray, mass_msun: np.ndarray) -> np.ndarray:
    """Semi-major axis, AU, by Kepler's third law; ``mass_msun`` of both together."""
    years = _positive(period_days) / _DAYS_PER_YEAR
    return np.cbrt(_positive(mass_msun) * years**2)


def least_period(
    jd_event: np.ndarray, jd_first: np.ndarray, jd_last: np.ndarray, is_single: np.ndarray
) -> np.ndarray:
    """Shortest period, d, with which a single event would not have come again while observed.

    The longer of the times before and after it. Gaps are not looked into: a period shorter than that
    may have hidden every other event in them. NaN where there was more than one event.
    """
    event = np.asarray(jd_event, float)
    span = np.fmax(event - np.asarray(jd_first, float), np.asarray(jd_last, float) - event)
    return np.where(np.asarray(is_single, bool) & (span > 0), span, np.nan)


def largest_radius(
    duration_days: np.ndarray, axis_au: np.ndarray, mass_msun: np.ndarray, star_radius_rsun: np.ndarray
) -> np.ndarray:
    """Radius, Rsun, of what crosses the star in the time of the dip on a circular orbit of this axis.

    S = v t / 2 − R. With the least axis that is left, of ``least_period``, it is an upper limit: the
    further out, the slower. NaN where the star alone takes longer to be crossed.
    """
    speed = np.sqrt(GM_SUN_AU_KMS2 * _positive(mass_msun) / _positive(axis_au))
    half_path = speed * _positive(duration_days) * _S_PER_DAY / 2 / _KM_PER_RSUN
    return _positive(half_path - np.asarray(star_radius_rsun, float))


def least_eccentricity(speed_kms: np.ndarray, axis_au: np.ndarray, mass_msun: np.ndarray) -> np.ndarray:
    """Least eccentricity with which a body of semi-major axis ``axis_au`` is ever so fast.

    Of the speed at periastron, v² = (G M / a) (1 + e) / (1 − e); 0 where a circular orbit is fast
    enough.
    """
    ratio = _positive(speed_kms) ** 2 * _positive(axis_au) / (GM_SUN_AU_KMS2 * _positive(mass_msun))
    return np.maximum((ratio - 1) / (ratio + 1), 0.0)


def hill_radius(
    axis_au: np.ndarray, star_mass_msun: np.ndarray, companion_mass_mjup: np.ndarray
) -> np.ndarray:
    """Hill radius, AU, of a companion much lighter than its star: a (m / 3 M)^(1/3)."""
    ratio = np.asarray(companion_mass_mjup, float) / _MJUP_PER_MSUN / _positive(star_mass_msun)
    return np.asarray(axis_au, float) * np.cbrt(ratio / 3)


def least_companion_mass(
    disc_radius_rsun: np.ndarray,
    axis_au: np.ndarray,
    star_mass_msun: np.ndarray,
    stable_share: float = STABLE_SHARE_OF_HILL,
) -> np.ndarray:
    """Mass, Jupiter masses, that a body needs to hold a disc of this radius.

    m = 3 M (S / f a)³, with f the share of the Hill radius within which discs last. For masses like
    the star's own the Hill radius is but a guide.

    Parameters
    ----------
    disc_radius_rsun : (n,) array
    axis_au : (n,) array
        Semi-major axis of the body.
    star_mass_msun : (n,) array
    stable_share : float
        f; 1 for the Hill radius itself.
    """
    extent = np.asarray(disc_radius_rsun, float) * _AU_PER_RSUN / _positive(axis_au)
    return 3 * _positive(star_mass_msun) * _MJUP_PER_MSUN * (extent / stable_share) ** 3


def _positive(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return np.where(values > 0, values, np.nan)
