"""Columns of ``characterized``: what catalogues and formulas add to a candidate.

Sections by subject; ``COLUMNS`` at the end has them all.
"""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C
from malca.descriptions.star_properties import COLUMNS as _STAR_PROPERTIES
from malca.descriptions.visits import UNTIMELY as _MIDINFRARED

# Colours and light curves: young stars, H-alpha, mid-infrared, dips
_YOUNG_STARS = {
    "yso_class": _C("", "class by infrared colours (Koenig & Leisawitz 2014, ApJ 791, 131)"),
    "yso_method": _C("", "colours that decided: WISE, 2MASS+WISE or WISE W4"),
    "yso_flags": _C("", "bands that are missing, limits or doubtful, and other remarks, joined by |"),
}
_HALPHA = {
    "halpha_outcome": _C("", "whether IPHAS or IGAPS has the star"),
    "halpha_reason": _C("", "why there is no excess"),
    "halpha_r_ha_mag": _C("mag", "r - H-alpha, Vega (Barentsen+ 2014, MNRAS 444, 3230)"),
    "halpha_r_i_mag": _C("mag", "r - i, Vega (Barentsen+ 2014, MNRAS 444, 3230)"),
    "halpha_excess_mag": _C(
        "mag", "r - H-alpha above the locus of the stars around, at the star's r - i"
    ),
    "halpha_excess_error_mag": _C("mag", "its error, with the scatter of the locus"),
    "halpha_excess_sigma": _C("", "excess over its error (Witham+ 2008, MNRAS 384, 1277)"),
    "halpha_locus_scatter_mag": _C("mag", "scatter of the stars around about their locus"),
    "halpha_n_locus": _C("", "stars around that the locus was fitted to"),
    "halpha_igaps_emitter": _C(
        "",
        "IGAPS: 2 good, 1 marginal candidate of H-alpha emission, 0 none (Monguió+ 2020, A&A 638, A18)",
    ),
    "halpha_emitter": _C("", "whether H-alpha is in emission"),
}
_DIP_COLOURS = {
    "dip_colour_bands": _C(
        "", "bands that the dip was compared in, the bluer first; empty: not measured"
    ),
    "dip_colour_event_id": _C("", "event that was compared"),
    "dip_colour_n_pairs": _C("", "pairs of points of the two bands close in time within the event"),
    "dip_colour_change_mag": _C(
        "mag", "depth in the bluer less that in the redder band: positive reddens"
    ),
    "dip_colour_change_error_mag": _C("mag", "its error"),
    "dip_colour_change_sigma": _C("", "change over its error"),
    "dip_colour_depth_mag": _C("mag", "mean depth of the pairs in the redder band"),
    "dip_colour_ratio": _C(
        "", "depth in the bluer over that in the redder band (line with errors in both)"
    ),
    "dip_colour_ratio_error": _C("", "its error"),
    "dip_colour_ratio_dust": _C("", "that of dust with R_V 3.1 (Cardelli+ 1989, ApJ 345, 245)"),
    "dip_reddens": _C("", "whether the star reddens in the dip; missing: the data do not tell"),
}
_CMD = {
    "cmd_n_points": _C("", "pairs of points of the two bands"),
    "cmd_slope": _C("", "redder magnitude against colour (York+ 2004, Am. J. Phys. 72, 367)"),
    "cmd_slope_error": _C("", "its error"),
    "cmd_angle_deg": _C("deg", "angle of the track in the colour-magnitude diagram; 90: grey"),
    "cmd_angle_error_deg": _C("deg", "its error"),
    "cmd_reduced_chi2": _C("", "reduced chi2 of the track; errors are scaled where it is above 1"),
    "cmd_dust_slope_low": _C("", "least slope of interstellar dust (Cardelli+ 1989, ApJ 345, 245)"),
    "cmd_dust_slope_high": _C("", "largest slope of interstellar dust"),
    "cmd_implied_r_v": _C("", "R_V of dust with this slope"),
    "cmd_implied_r_v_error": _C("", "its error"),
    "cmd_consistent_with_interstellar": _C(
        "", "whether dust of R_V 3.1 to 5 makes this slope; missing: it cannot be told from grey"
    ),
}

COLUMNS: dict[str, _C] = {
    **_STAR_PROPERTIES,
    **_YOUNG_STARS,
    **_HALPHA,
    **_MIDINFRARED,
    **_DIP_COLOURS,
    **_CMD,
}
