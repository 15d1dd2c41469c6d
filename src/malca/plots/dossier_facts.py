"""What is told of a star in short: facts by subject, what is missing told as unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, isnan
from typing import Any, NamedTuple

from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED
from malca.descriptions.all_columns import DESCRIPTIONS
from malca.plots.dossier_values import UNKNOWN, flag, floats, has_no_dip, is_there, words
from malca.plots.svg import significant

_Row = Mapping[str, Any]
NONE = "none"


class Told(NamedTuple):
    """A fact: what it is called, what it is, and what the column means."""

    name: str
    text: str
    meaning: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether it is not known, or only in part of the places that could tell."""
        return self.text.startswith(UNKNOWN)


class Block(NamedTuple):
    """Facts of one subject."""

    title: str
    facts: Sequence[Told]


def blocks_of(star: _Row) -> list[Block]:
    """Facts of a star, by subject.

    Parameters
    ----------
    star : mapping
        A row of ``classified``, or of any table before it.
    """
    without = has_no_dip(star)
    return [
        Block(
            title,
            [
                Told(name, tell(star) or UNKNOWN, _meaning(column, star))
                for name, column, tell in facts
                if not (without and column.startswith(_OF_DIPS))
            ],
        )
        for title, facts in _BLOCKS
        if not (without and title == _OCCULTER)
    ]


#: Columns about a dip itself, and the subject that is about nothing else.
_OF_DIPS = ("dip_best", "dip_depth", "dip_duration", "dip_asymmetry", "dip_reddens")
_OCCULTER = "What dims it"


def _meaning(column: str, star: _Row) -> str:
    if column not in DESCRIPTIONS:
        return ""
    source = words(star, f"{column.rpartition('_')[0]}_source")
    return DESCRIPTIONS[column].description + (f"; here: {source}" if source else "")


def _value(column: str, unit: str = "", form: str = "") -> Callable[[_Row], str]:
    """Tell a number with three digits, or in a format of its own."""

    def tell(star: _Row) -> str:
        value = star.get(column)
        if value is None or not is_there(value):
            return ""
        return f"{format(value, form) if form else significant(float(value))}{unit}"

    return tell


def _text(column: str) -> Callable[[_Row], str]:
    return lambda star: words(star, column).replace("_", " ")


def _yes_no(column: str) -> Callable[[_Row], str]:
    return lambda star: {True: "yes", False: "no", None: ""}[flag(star, column)]


def _range(column: str, unit: str) -> Callable[[_Row], str]:
    """Tell a number with the ends of its range, where these are known."""
    stem, _, end = column.rpartition("_")

    def tell(star: _Row) -> str:
        value, low, high = floats(star, column, f"{stem}_low_{end}", f"{stem}_high_{end}")
        if isnan(value):
            return ""
        if isnan(low) or isnan(high):
            return f"{significant(value)}{unit}"
        return f"{significant(value)}{unit} ({significant(low)} to {significant(high)})"

    return tell


def _with_source(tell: Callable[[_Row], str], source: str) -> Callable[[_Row], str]:
    def told(star: _Row) -> str:
        text = tell(star)
        from_ = words(star, source).replace("_", " ")
        return f"{text}, {from_}" if text and from_ else text

    return told


def _extinction(star: _Row) -> str:
    av, error = floats(star, "av_mag", "av_error_mag")
    if isnan(av):
        return ""
    source = words(star, "av_source").replace("_", " ")
    least = "at least " if source.endswith("limit") else ""
    told = f"{least}{av:.2f}" + (f" ± {error:.2f}" if isfinite(error) else "") + " mag"
    return f"{told}, {source}" if source else told


def _place(star: _Row) -> str:
    longitude, latitude, z = floats(star, "galactic_l_deg", "galactic_b_deg", "galactic_z_kpc")
    if isnan(longitude):
        return ""
    height = f", z {z:+.2f} kpc" if isfinite(z) else ""
    return f"{longitude:.3f}°, {latitude:+.3f}°{height}"


def _motion(star: _Row) -> str:
    ra, dec = floats(star, "gaia_pm_ra_masyr", "gaia_pm_dec_masyr")
    (speed,) = floats(star, "tangential_velocity_kms")
    if isnan(ra) or isnan(dec):
        return ""
    told = f"{ra:+.2f}, {dec:+.2f} mas/yr"
    return f"{told}, {speed:.0f} km/s" if isfinite(speed) else told


def _halpha(star: _Row) -> str:
    excess, error = floats(star, "halpha_excess_mag", "halpha_excess_error_mag")
    if isfinite(excess):
        emits = {True: ", in emission", False: ", not in emission", None: ""}
        told = f"{excess:+.2f}" + (f" ± {error:.2f}" if isfinite(error) else "") + " mag"
        return told + emits[flag(star, "halpha_emitter")]
    return _by_outcome(star, "halpha", "not in IPHAS")


def _by_outcome(star: _Row, prefix: str, if_not: str) -> str:
    """Tell why there is nothing: not covered is not none, and no answer is neither."""
    reason = words(star, f"{prefix}_reason")
    match words(star, f"{prefix}_outcome"):
        case value if value == NOT_MATCHED:
            return if_not
        case value if value == NOT_COVERED:
            return "not covered"
        case value if value == MATCHED:
            return f"{UNKNOWN}: {reason}" if reason else ""
        case _:
            return f"{UNKNOWN}: {reason}" if reason else ""


def _region(star: _Row) -> str:
    name = words(star, "sfr_name")
    if name:
        by = " (on the sky only)" if words(star, "sfr_by") == "position" else ""
        return name + by
    return NONE if flag(star, "sfr_member") is False else ""


def _cluster(star: _Row) -> str:
    name = words(star, "cluster_name")
    if not name:
        return _by_outcome(star, "cluster", NONE)
    probability, age, offset = floats(
        star, "cluster_probability", "cluster_age_log10yr", "cluster_pm_offset_sigma"
    )
    told = name
    if isfinite(probability):
        told += f", {100 * probability:.0f} %"
    if isfinite(age):
        told += f", log age {age:.1f}"
    if isfinite(offset):
        told += f", motion {offset:.1f} σ off"
    return told


def _association(star: _Row) -> str:
    name = words(star, "banyan_best_association")
    (probability,) = floats(star, "banyan_best_probability")
    if name:
        return name + (f", {100 * probability:.0f} %" if isfinite(probability) else "")
    if words(star, "banyan_outcome") == "assessed":
        return NONE
    reason = words(star, "banyan_reason")
    return f"{UNKNOWN}: {reason}" if reason else ""


def _own_period(star: _Row) -> str:
    (period,) = floats(star, "lsp_period_days")
    if isnan(period):
        return NONE if flag(star, "is_periodic") is False else ""
    doubt = {True: "", False: ", not significant", None: ""}[flag(star, "is_periodic")]
    return f"{significant(period, 6)} d{doubt}"


def _catalogued_period(star: _Row) -> str:
    (period,) = floats(star, "period_consensus_days")
    if isfinite(period):
        return f"{significant(period, 6)} d"
    return _by_outcome(star, "period_catalog", NONE)


def _shape(star: _Row) -> str:
    text = words(star, "dip_best_morph")
    return "" if text in {"", "none", "undetermined"} else text.replace("_", " ")


def _reddening(star: _Row) -> str:
    told = _yes_no("dip_reddens")(star)
    change, error = floats(star, "dip_colour_change_mag", "dip_colour_change_error_mag")
    if told and isfinite(change) and isfinite(error):
        told += f", by {change:+.3f} ± {error:.3f} mag"
    return told


def _young(star: _Row) -> str:
    kind = words(star, "yso_class")
    if kind in {"", UNKNOWN}:
        return ""
    flags = words(star, "yso_flags").replace("_", " ").replace("|", ", ")
    return f"{kind} ({flags})" if flags else kind


def _dust_limit(star: _Row) -> str:
    (largest,) = floats(star, "occulter_dust_luminosity_max")
    if isnan(largest):
        return ""
    ring = {True: "; an opaque ring is ruled out", False: "; an opaque ring is possible", None: ""}
    value = "any" if largest >= 1 else f"below {significant(largest, 2)}"
    return value + ring[flag(star, "occulter_ring_excluded")]


_Facts = Sequence[tuple[str, str, Callable[[_Row], str]]]
#: By subject: what a fact is called, the column it is mostly of, and how it is told.
_BLOCKS: Sequence[tuple[str, _Facts]] = (
    ("The star", (
        ("distance", "distance_pc", _with_source(_range("distance_pc", " pc"), "distance_source")),
        ("extinction A_V", "av_mag", _extinction),
        ("temperature", "star_teff_k",
         _with_source(_value("star_teff_k", " K", ".0f"), "star_teff_source")),
        ("mass", "star_mass_msun", _range("star_mass_msun", " M☉")),
        ("radius", "star_radius_rsun", _range("star_radius_rsun", " R☉")),
        ("metallicity", "starhorse_met_dex", _value("starhorse_met_dex", " dex", "+.2f")),
        ("RUWE", "gaia_ruwe", _value("gaia_ruwe", "", ".2f")),
        ("proper motion", "gaia_pm_ra_masyr", _motion),
        ("radial velocity", "gaia_rv_kms", _value("gaia_rv_kms", " km/s", "+.1f")),
        ("Galactic l, b", "galactic_l_deg", _place),
        ("population", "population", _text("population")),
    )),
    ("Youth and dust", (
        ("infrared class", "yso_class", _young),
        ("Hα excess", "halpha_excess_mag", _halpha),
        ("star-forming region", "sfr_name", _region),
        ("open cluster", "cluster_name", _cluster),
        ("young association", "banyan_best_association", _association),
        ("infrared varies", "midir_variable", _yes_no("midir_variable")),
        ("infrared excess", "occulter_excess_sigma", _value("occulter_excess_sigma", " σ", ".1f")),
    )),
    ("The dip", (
        ("dips", "dip_count", _value("dip_count", "", ".0f")),
        ("deepest", "dip_best_depth_mag", _value("dip_best_depth_mag", " mag", ".2f")),
        ("duration", "dip_duration_days", _value("dip_duration_days", " d")),
        ("width at half depth", "dip_best_fwhm_days", _value("dip_best_fwhm_days", " d")),
        ("shape", "dip_best_morph", _shape),
        ("asymmetry", "dip_asymmetry", _value("dip_asymmetry", "", "+.2f")),
        ("reddens", "dip_reddens", _reddening),
        ("own period", "lsp_period_days", _own_period),
        ("catalogued period", "period_consensus_days", _catalogued_period),
    )),
    (_OCCULTER, (
        ("radius, at least", "occulter_radius_rsun", _value("occulter_radius_rsun", " R☉")),
        ("radius, at most", "occulter_radius_max_rsun", _value("occulter_radius_max_rsun", " R☉")),
        ("speed of the least disc", "occulter_speed_kms", _value("occulter_speed_kms", " km/s")),
        ("its circular orbit", "occulter_semi_major_axis_au",
         _range("occulter_semi_major_axis_au", " au")),
        ("period there", "occulter_period_years", _value("occulter_period_years", " yr")),
        ("no nearer than", "occulter_semi_major_axis_min_au",
         _value("occulter_semi_major_axis_min_au", " au")),
        ("no wider than", "occulter_semi_major_axis_max_au",
         _value("occulter_semi_major_axis_max_au", " au")),
        ("eccentricity, at least", "occulter_eccentricity_min",
         _value("occulter_eccentricity_min", "", ".2f")),
        ("transit probability", "occulter_transit_probability",
         _value("occulter_transit_probability")),
        ("mass that holds it", "occulter_hill_mass_mjup", _value("occulter_hill_mass_mjup", " M♃")),
        ("dust luminosity", "occulter_dust_luminosity_max", _dust_limit),
    )),
)  # fmt: skip
