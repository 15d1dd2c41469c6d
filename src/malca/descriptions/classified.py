"""Columns of ``classified``: the star, its strongest dip, what would cause it, and the class."""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C

_STAR = {
    "star_teff_k": _C("K", "effective temperature that is used"),
    "star_teff_source": _C("", "where it comes from: starhorse, gaia or colour"),
    "star_luminosity_lsun": _C("solLum", "bolometric luminosity from absolute G and temperature"),
    "star_radius_rsun": _C("solRad", "radius that is used"),
    "star_radius_low_rsun": _C("solRad", "radius less its standard error"),
    "star_radius_high_rsun": _C("solRad", "radius and its standard error"),
    "star_radius_source": _C(
        "", "luminosity, gravity, main sequence (Pecaut & Mamajek 2013, ApJS 208, 9) or assumed"
    ),
    "star_mass_msun": _C("solMass", "mass that is used"),
    "star_mass_low_msun": _C("solMass", "mass less its standard error"),
    "star_mass_high_msun": _C("solMass", "mass and its standard error"),
    "star_mass_source": _C(
        "", "starhorse, main sequence (Pecaut & Mamajek 2013, ApJS 208, 9), giant or assumed"
    ),
}
_DIP = {
    "dip_jd": _C("d", "moment of the dip with most evidence, JD"),
    "dip_depth_mag": _C("mag", "its depth"),
    "dip_duration_days": _C("d", "from its start to its end"),
    "dip_asymmetry": _C("", "(egress - ingress) / (egress + ingress), where its shape is known"),
    "dip_steepest_flux_per_day": _C(
        "1 / d", "mean slope between half its depth and its peak, the star's light as unit"
    ),
}
_OCCULTER = {
    "occulter_radius_rsun": _C("solRad", "least radius of an opaque disc that blocks as much light"),
    "occulter_speed_kms": _C("km / s", "speed of such a disc across the middle of the star"),
    "occulter_semi_major_axis_au": _C(
        "AU",
        "circular orbit of that speed, G M t^2 / 4 (R + S)^2 (cf. Boyajian+ 2016, MNRAS 457, 3988); a "
        "larger body is nearer",
    ),
    "occulter_semi_major_axis_low_au": _C("AU", "the same at apastron, for the star's limits"),
    "occulter_semi_major_axis_high_au": _C(
        "AU", "the same at periastron and off-centre, for the star's limits"
    ),
    "occulter_period_years": _C("yr", "period of the circular orbit"),
    "occulter_transit_probability": _C(
        "", "(R + S) / a: share of such orbits, at random, that pass in front of the star"
    ),
    "occulter_speed_min_kms": _C(
        "km / s", "least speed of an opaque edge as steep (van Werkhoven+ 2014, MNRAS 441, 2845)"
    ),
    "occulter_semi_major_axis_max_au": _C("AU", "widest circular orbit of that speed"),
    "occulter_period_min_days": _C(
        "d", "period below which a single dip would have come again within the light curve"
    ),
    "occulter_semi_major_axis_min_au": _C("AU", "orbit of that period"),
    "occulter_radius_max_rsun": _C(
        "solRad", "what crosses the star in that time on that orbit: no larger on a circular one"
    ),
    "occulter_eccentricity_min": _C(
        "", "least eccentricity that lets it be so fast with so long a period"
    ),
    "occulter_hill_mass_mjup": _C(
        "jupiterMass",
        "mass that holds a disc of that radius on the circular orbit, within 0.3 Hill radii (Quillen & "
        "Trilling 1998, ApJ 508, 707)",
    ),
    "occulter_temperature_k": _C("K", "black grains in equilibrium at the circular orbit"),
    "occulter_ring_luminosity": _C(
        "", "fractional luminosity of an opaque ring there, as high as the occulter: S / a"
    ),
    "occulter_dust_luminosity_max": _C(
        "",
        "largest fractional luminosity of dust there that WISE allows, 1: any (cf. Wyatt 2008, ARA&A "
        "46, 339)",
    ),
    "occulter_dust_band": _C("", "band that says so"),
    "occulter_ring_excluded": _C("", "whether WISE rules that ring out; missing: unknown"),
    "occulter_excess_sigma": _C("", "most significant excess over the photosphere in a WISE band"),
    "occulter_excess_band": _C("", "that band"),
}
_CLASS = {
    "p_eclipsing_binary": _C("", "probability that an eclipsing binary makes the star dim"),
    "p_cataclysmic": _C("", "probability of a cataclysmic variable"),
    "p_starspot": _C("", "probability of spots on a rotating star"),
    "p_circumstellar_disc": _C("", "probability of a disc or dust about the star or a companion"),
    "p_yso": _C("", "probability of a young stellar object"),
    "p_unknown": _C("", "probability of anything else"),
    "final_class": _C("", "most probable class, if probable enough"),
    "class_best": _C("", "most probable class"),
    "class_second": _C("", "second most probable class"),
    "class_margin": _C("", "natural logarithm of the odds of the best class to the second"),
    "class_n_observables": _C("", "observables that say something"),
    "class_evidence": _C("", "what the strongest of them add to the margin, and the prior"),
}
#: Every column that classification adds.
COLUMNS = _STAR | _DIP | _OCCULTER | _CLASS
