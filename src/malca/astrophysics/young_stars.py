"""Young stars by their infrared colours: the scheme of Koenig & Leisawitz 2014 (ApJ 791, 131).

Sources whose W1, W2 and W3 can be trusted are judged in W1-W2 against W2-W3; those without a good W3
in H-Ks against W1-W2; of the rest, with W4, transition discs are told. Star-forming galaxies and
active nuclei are rejected by colour and brightness.

A criterion is true, false or open: an upper limit of W3 or W4 bounds the colour on one side, a band
that is missing bounds it on none. "No excess" needs W1, W2, a measured or limited W3, and every
criterion false; anything open makes the class "unknown".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.extinction import extinction_mag
from malca.astrophysics.star_table import numbers, words

CLASS_I, CLASS_II, TRANSITION_DISC = "Class I", "Class II", "transition disc"
AGN, GALAXY, AGB = "AGN candidate", "galaxy candidate", "AGB candidate"
NO_EXCESS, UNKNOWN_CLASS = "no excess", "unknown"
#: Values of ``yso_class``.
CLASSES = (CLASS_I, CLASS_II, TRANSITION_DISC, AGN, GALAXY, AGB, NO_EXCESS, UNKNOWN_CLASS)
#: Those that speak for a young star.
YOUNG_CLASSES = (CLASS_I, CLASS_II, TRANSITION_DISC)

MAG_PER_RELATIVE_ERROR = 2.5 / np.log(10)
_WISE, _TMASS = ("w1", "w2", "w3", "w4"), ("j", "h", "ks")


class YoungStarParameters(BaseModel):
    """What counts as measured, and what of the scheme is open to choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_snr: dict[str, float] = Field(
        default={"w1": 5.0, "w2": 5.0, "w3": 5.0, "w4": 5.0, "h": 10.0, "ks": 10.0},
        description="Least signal-to-noise ratio of a band, from its magnitude's error; 10 in 2MASS "
        "is its quality A (Skrutskie+ 2006, AJ 131, 1163), 5 in W3 Koenig & Leisawitz 2014.",
    )
    check_profile_fit: bool = Field(
        True,
        description="Whether a band is also judged by the reduced chi2 of its profile fit, as Koenig & "
        "Leisawitz 2014 do, where the table has columns allwise_w1_rchi2 and so on.",
    )
    class_ii_upper_slope: float = Field(
        0.71,
        description="Upper edge of Class II, W1-W2 < slope (W2-W3) + offset, as Koenig & Leisawitz "
        "2014; Kang+ 2017 (ApJ 845, 21) take 0.9 and -0.25.",
    )
    class_ii_upper_offset_mag: float = Field(-0.07, description="Offset of that edge, mag.")
    agb_abs_ks_mag: float = Field(
        -6.5,
        description="A source with colours of a young star and an absolute Ks magnitude brighter than "
        "this is above the tip of the red giant branch (-6.5 to -7 near solar metallicity: Valenti+ "
        "2004, MNRAS 354, 815) and taken for an AGB star, mag.",
    )
    red_w2_w3_mag: float = Field(
        1.0, description="W2-W3 from which on a source without a class is flagged w2_w3_red, mag."
    )


class _Colour(NamedTuple):
    """A colour known to lie between two bounds: equal where measured, infinite where open."""

    low: np.ndarray
    high: np.ndarray


class _Truth(NamedTuple):
    """A criterion that is true, false, or, where neither, open."""

    yes: np.ndarray
    no: np.ndarray

    def __and__(self, other: _Truth) -> _Truth:  # type: ignore[override]
        return _Truth(self.yes & other.yes, self.no | other.no)

    @property
    def open(self) -> np.ndarray:
        return ~self.yes & ~self.no


def _above(colour: _Colour, limit: np.ndarray | float) -> _Truth:
    return _Truth(colour.low > limit, colour.high <= limit)


def _below(colour: _Colour, limit: np.ndarray | float) -> _Truth:
    return _Truth(colour.high < limit, colour.low >= limit)


class _Bands(NamedTuple):
    """Magnitudes and what each band is worth, (n,) arrays by band."""

    mag: dict[str, np.ndarray]
    good: dict[str, np.ndarray]
    limit: dict[str, np.ndarray]
    flags: dict[str, np.ndarray]


def classify_young_stars(table: pd.DataFrame, parameters: YoungStarParameters) -> pd.DataFrame:
    """Class of each star by its infrared colours.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns ``allwise_w1_mag, allwise_w1_error_mag`` to ``w4``, ``tmass_h_mag``,
        ``tmass_h_error_mag``, ``tmass_ks_mag``, ``tmass_ks_error_mag``; where they are there also
        ``allwise_quality`` and ``tmass_quality`` (ph_qual), ``allwise_cc_flags``,
        ``allwise_w1_rchi2`` to ``w4``, the dereddened colours ``w1_w2_0_mag, w2_w3_0_mag,
        w3_w4_0_mag, h_ks0_mag``, and ``distance_pc`` and ``av_mag``. The scheme's limits
        of magnitude are for observed magnitudes.
    parameters : YoungStarParameters

    Returns
    -------
    DataFrame, (n,)
        Index of ``table``. ``yso_class``, one of ``CLASSES``; ``yso_method``, the diagram that
        decided ("WISE", "2MASS+WISE", "WISE W4" or empty); ``yso_flags``, joined by ``|``: a band
        with what is wrong with it (``w3_missing, w3_limit, w3_low_snr, w3_artefact, w3_poor_fit``),
        ``not_dereddened`` (observed colours were used), ``w1_w2_normal`` (W1-W2 at most 0.15,
        which excludes every class but says nothing of longer waves), ``w2_w3_red``,
        ``agb_not_tested`` (a young star's colours, no distance).
    """
    bands = _bands(table, parameters)
    dereddened = _dereddened(table)
    y = _colour(bands, "w1", "w2", table, "w1_w2_0_mag")
    x = _colour(bands, "w2", "w3", table, "w2_w3_0_mag")
    z = _colour(bands, "w3", "w4", table, "w3_w4_0_mag")
    h_ks = _colour(bands, "h", "ks", table, "h_ks0_mag")
    w1, w2 = bands.mag["w1"], bands.mag["w2"]
    two_bands = bands.good["w1"] & bands.good["w2"]
    y_value = np.where(two_bands, y.low, np.nan)

    class_i, class_ii = _wise_classes(y, y_value, x, parameters)
    near = _tmass_wise(y, y_value, h_ks, w1)
    # where W3 is good the first diagram has decided
    near = near & _Truth(~bands.good["w3"], bands.good["w3"])
    near_i = near & _above(h_ks, -2.55 * y_value + 2.3)
    disc = (
        _above(z, 1.5)
        & _above(y, 0.15)
        & _below(y, 1.6)
        & _below(x, (y_value + 0.9) / 0.46)
        & _Truth(bands.good["w3"] & (bands.mag["w3"] <= 13.0), bands.mag["w3"] > 13.0)
    )
    galaxy = (
        _above(x, 2.3)
        & _below(y, 1.0)
        & _above(x, (y_value + 0.78) / 0.46)
        & _Truth(w1 > 13.0, w1 <= 13.0)
    )
    w3 = np.where(bands.good["w3"], bands.mag["w3"], np.nan)
    agn = (w1 > 1.8 * (w1 - w3) + 4.1) & ((w1 > 13.0) | (w2 > 12.0) | (w3 > 11.0))

    young = [
        (class_i.yes, CLASS_I, "WISE"),
        (class_ii.yes, CLASS_II, "WISE"),
        (near_i.yes, CLASS_I, "2MASS+WISE"),
        (near.yes, CLASS_II, "2MASS+WISE"),
        (disc.yes, TRANSITION_DISC, "WISE W4"),
    ]
    conditions = [two_bands & yes for yes, _, _ in young]
    kind = np.select(conditions, [name for _, name, _ in young], UNKNOWN_CLASS).astype(object)
    method = np.select(conditions, [how for _, _, how in young], "").astype(object)
    has_colours = kind != UNKNOWN_CLASS
    bright, distance_known = _above_giant_branch(table, bands, parameters)
    for where, name in (
        (has_colours & bright, AGB),
        (has_colours & agn, AGN),
        (two_bands & galaxy.yes, GALAXY),
    ):
        kind[where] = name
        method[where & (method == "")] = "WISE"
    nothing = class_i.no & class_ii.no & near.no & disc.no & (bands.good["w3"] | bands.limit["w3"])
    calm = two_bands & nothing & (kind == UNKNOWN_CLASS)
    kind[calm], method[calm] = NO_EXCESS, "WISE"

    flags = dict(bands.flags)
    flags["not_dereddened"] = two_bands & ~dereddened
    flags["w1_w2_normal"] = y_value <= 0.15
    unclassed = (kind == NO_EXCESS) | (kind == UNKNOWN_CLASS)
    flags["w2_w3_red"] = unclassed & (x.low > parameters.red_w2_w3_mag)
    flags["agb_not_tested"] = has_colours & ~distance_known
    return pd.DataFrame(
        {
            "yso_class": pd.array(kind, dtype="str"),
            "yso_method": pd.array(method, dtype="str"),
            "yso_flags": pd.array(joined_flags(flags, len(table)), dtype="str"),
        },
        index=table.index,
    )


def joined_flags(flags: dict[str, np.ndarray], n: int) -> np.ndarray:
    """Names of the flags that are set, joined by ``|``, shape (n,)."""
    result = np.full(n, "", dtype=object)
    for name, where in flags.items():
        result = np.where(where, result + (name + "|"), result)
    return np.array([text[:-1] for text in result], dtype=object)


def _wise_classes(
    y: _Colour, y_value: np.ndarray, x: _Colour, parameters: YoungStarParameters
) -> tuple[_Truth, _Truth]:
    """Class I and Class II in W1-W2 (y) against W2-W3 (x), solved for x where they slope."""
    red_edge = _below(x, (y_value + 0.9) / 0.46) & _below(x, 4.5)  # galaxies with PAH bands beyond
    class_i = _above(x, 2.0) & _above(x, (2.2 - y_value) / 0.42) & red_edge
    # what these three say of W1-W2 alone
    class_i = class_i & _above(y, 2.2 - 0.42 * (2.2 + 0.9) / (0.42 + 0.46))
    upper = (y_value - parameters.class_ii_upper_offset_mag) / parameters.class_ii_upper_slope
    class_ii = _above(y, 0.25) & _above(x, upper) & _above(x, (2.1 - y_value) / 1.5) & red_edge
    return class_i, class_ii


def _tmass_wise(y: _Colour, y_value: np.ndarray, h_ks: _Colour, w1: np.ndarray) -> _Truth:
    """Young stars in H-Ks against W1-W2 (y)."""
    steep = 0.55 / 0.16
    inside = _above(h_ks, 0.0) & _above(h_ks, -1.76 * y_value + 0.9)
    inside = inside & _below(h_ks, steep * y_value - 0.85)
    # 0 < H-Ks < steep (W1-W2) - 0.85 can hold for no H-Ks at all
    return inside & _above(y, 0.85 / steep) & _Truth(w1 <= 13.0, w1 > 13.0)


def _above_giant_branch(
    table: pd.DataFrame, bands: _Bands, parameters: YoungStarParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Whether a star is brighter than the tip of the giant branch, and whether that is known."""
    distance = numbers(table, "distance_pc")
    with np.errstate(divide="ignore", invalid="ignore"):
        extinction = extinction_mag(np.nan_to_num(numbers(table, "av_mag")), "ks")
        absolute = bands.mag["ks"] - 5 * np.log10(distance / 10) - extinction
    known = np.isfinite(absolute) & bands.good["ks"]
    return known & (absolute < parameters.agb_abs_ks_mag), known


def _colour(bands: _Bands, blue: str, red: str, table: pd.DataFrame, dereddened: str) -> _Colour:
    """Colour of two bands, dereddened if known, or what a limit of the redder one leaves of it."""
    value = bands.mag[blue] - bands.mag[red]
    corrected = numbers(table, dereddened)
    value = np.where(np.isfinite(corrected), corrected, value)
    both = bands.good[blue] & bands.good[red]
    # fainter than the limit: the colour is bluer
    bounded = bands.good[blue] & bands.limit[red]
    return _Colour(
        np.where(both, value, -np.inf),
        np.where(both, value, np.where(bounded, bands.mag[blue] - bands.mag[red], np.inf)),
    )


def _dereddened(table: pd.DataFrame) -> np.ndarray:
    return np.isfinite(numbers(table, "w1_w2_0_mag"))


def _bands(table: pd.DataFrame, parameters: YoungStarParameters) -> _Bands:
    mag, good, limit, flags = {}, {}, {}, {}
    for survey, names, needed in (("allwise", _WISE, _WISE), ("tmass", _TMASS, ("h", "ks"))):
        quality = _characters(table, f"{survey}_quality", len(names))
        artefacts = _characters(table, f"{survey}_cc_flags", len(names))
        for i, band in enumerate(names):
            if band not in needed:
                continue
            value = numbers(table, f"{survey}_{band}_mag")
            error = numbers(table, f"{survey}_{band}_error_mag")
            with np.errstate(divide="ignore", invalid="ignore"):
                snr = np.where(error > 0, MAG_PER_RELATIVE_ERROR / error, np.nan)
            # WISE and 2MASS: U, upper limit; X and Z, no measurement possible
            is_limit = np.isfinite(value) & ~np.isfinite(snr) & ~np.isin(quality[:, i], ["X", "Z"])
            is_limit |= np.isfinite(value) & (quality[:, i] == "U")
            measured = np.isfinite(value) & np.isfinite(snr) & ~is_limit
            measured &= ~np.isin(quality[:, i], ["X", "Z"])
            # upper case: thought to be the artefact itself, not merely touched by it (AllWISE)
            artefact = measured & np.isin(artefacts[:, i], list("DPHO")) & (survey == "allwise")
            weak = measured & (snr < parameters.min_snr.get(band, 0.0))
            poor = measured & _poor_fit(table, band, snr, parameters)
            mag[band] = value
            good[band] = measured & ~artefact & ~weak & ~poor
            # a limit from a spurious neighbour's flux is still one: the source is no brighter
            limit[band] = is_limit
            flags[f"{band}_missing"] = ~measured & ~is_limit
            flags[f"{band}_limit"] = is_limit
            flags[f"{band}_low_snr"] = weak
            flags[f"{band}_artefact"] = artefact
            flags[f"{band}_poor_fit"] = poor
    return _Bands(mag, good, limit, flags)


def _poor_fit(
    table: pd.DataFrame, band: str, snr: np.ndarray, parameters: YoungStarParameters
) -> np.ndarray:
    """Whether a WISE detection is likely spurious by its fit; not if its chi2 is unknown."""
    column = f"allwise_{band}_rchi2"
    if not parameters.check_profile_fit or column not in table:
        return np.zeros(len(table), bool)
    chi2 = numbers(table, column)
    fine = {
        "w1": lambda: chi2 < (snr - 3) / 7,
        "w2": lambda: np.ones(len(table), bool),
        "w3": lambda: ((chi2 > 0.45) & (chi2 < 1.15)) | (chi2 < (snr - 8) / 8),
        "w4": lambda: chi2 < (2 * snr - 20) / 10,
    }[band]()
    return np.isfinite(chi2) & ~fine


def _characters(table: pd.DataFrame, column: str, n_bands: int) -> np.ndarray:
    """Split a text column into a character a band, shape (n, n_bands); empty where there is none."""
    text = words(table, column)
    parts = [[str(value)[i : i + 1] for i in range(n_bands)] for value in text]
    return np.array(parts, dtype=object).reshape(len(table), n_bands)
