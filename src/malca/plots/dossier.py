"""The dossier of a candidate: one page with all that is known of it, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from malca.astrophysics.sed import sed_points
from malca.plots import links
from malca.plots.candidates import Fact, candidate_title, shown_verdicts
from malca.plots.dossier_catalogues import catalogue_rows
from malca.plots.dossier_panels import Background, SedPoint, draw_panels
from malca.plots.pages import Column, Table, embedded, number, render, words

_DPI = 110
UNKNOWN = "unknown"

#: Facts by block: what it is called, column, format, unit. What is missing is shown as unknown.
_BLOCKS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "The star": (
        ("distance", "distance_pc", ".0f", " pc"),
        ("distance from", "distance_source", "", ""),
        ("extinction A_V", "av_mag", ".2f", " mag"),
        ("extinction from", "av_source", "", ""),
        ("temperature", "star_teff_k", ".0f", " K"),
        ("mass", "star_mass_msun", ".2f", " M☉"),
        ("radius", "star_radius_rsun", ".2f", " R☉"),
        ("metallicity", "starhorse_met_dex", ".2f", " dex"),
        ("Galactic l, b", "galactic_l_deg", "pair", "°"),
        ("population", "population", "", ""),
    ),
    "Youth and dust": (
        ("infrared class", "yso_class", "", ""),
        ("flags", "yso_flags", "", ""),
        ("Hα excess", "halpha_excess_sigma", ".1f", " σ"),
        ("star-forming region", "sfr_name", "", ""),
        ("cluster", "cluster_name", "", ""),
        ("nearby association", "banyan_best_association", "", ""),
        ("infrared variability", "midir_variable", "flag", ""),
        ("reddens in the dip", "dip_reddens", "flag", ""),
    ),
    "The dip": (
        ("dips", "dip_count", "d", ""),
        ("deepest", "dip_best_depth_mag", ".2f", " mag"),
        ("full width at half maximum", "dip_best_fwhm_days", ".3g", " d"),
        ("shape", "dip_best_morph", "", ""),
        ("period, own", "lsp_period_days", ".6g", " d"),
        ("period, catalogues", "period_consensus_days", ".6g", " d"),
    ),
    "What dims it": (
        ("least radius", "occulter_radius_rsun", ".3g", " R☉"),
        ("greatest radius", "occulter_radius_max_rsun", ".3g", " R☉"),
        ("transverse speed", "occulter_speed_kms", ".3g", " km/s"),
        ("axis of a circular orbit", "occulter_semi_major_axis_au", ".3g", " au"),
        ("from", "occulter_semi_major_axis_min_au", ".3g", " au"),
        ("to", "occulter_semi_major_axis_max_au", ".3g", " au"),
        ("orbital period", "occulter_period_years", ".3g", " yr"),
        ("transit probability", "occulter_transit_probability", ".2g", ""),
        ("least mass by its Hill sphere", "occulter_hill_mass_mjup", ".2g", " M♃"),
    ),
}
_CLASSES = {
    "p_eclipsing_binary": "eclipsing binary",
    "p_cataclysmic": "cataclysmic variable",
    "p_starspot": "starspot",
    "p_circumstellar_disc": "circumstellar disc",
    "p_yso": "young stellar object",
    "p_unknown": "none of these",
}


class Block(NamedTuple):
    """Facts of one subject."""

    title: str
    facts: Sequence[Fact]


class _Link(NamedTuple):
    text: str
    address: str


class _Bar(NamedTuple):
    name: str
    percent: float
    text: str


class _Said(NamedTuple):
    final_class: str
    margin: str
    evidence: str
    known: str


def dossier_page(
    star: pd.Series,
    background: Background,
    *,
    picture: str | None,
    absent: str = "its light curve is not here",
    neighbours: pd.DataFrame | None = None,
    spectra: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    version: str = "",
) -> str:
    """Write the dossier of one candidate.

    Parameters
    ----------
    star : Series
        Its row of ``classified``, or of any table before it.
    background : Background
        Other stars, for the colour-magnitude diagram.
    picture : str, optional
        Its light curve with events, a PNG in base64; without it ``absent`` is said.
    absent : str
    neighbours, spectra : DataFrame, optional
        Its rows of these tables.
    verdicts : DataFrame, optional
        What each filter said, as ``malca.plots.candidates.verdicts_of`` makes it.
    version : str
        Of MALCA.

    Returns
    -------
    str
        HTML with everything in it.
    """
    identifier = int(star["asas_sn_id"])
    ra, dec = _position(star)
    points = _sed(star)
    teff = (
        float(star.get("star_teff_k", np.nan) or np.nan) if _there(star.get("star_teff_k")) else np.nan
    )
    return render(
        "dossier.html.j2",
        version=version,
        title=candidate_title(identifier),
        place=_place(star, ra, dec),
        links=_links(identifier, ra, dec),
        said=_said(star),
        bars=_bars(star),
        picture=picture,
        absent=absent,
        panels=embedded(draw_panels(star, background, points, teff), _DPI),
        blocks=[Block(title, _facts(star, rows)) for title, rows in _BLOCKS.items()],
        catalogues=catalogue_rows(star, ra, dec),
        neighbours=_neighbours(neighbours),
        spectra=_spectra(spectra),
        filters=[] if verdicts is None else shown_verdicts(verdicts),
    )


def _sed(star: pd.Series) -> list[SedPoint]:
    """Energy distribution, without the dust before the star where that is known."""
    points = sed_points(pd.DataFrame([star.to_dict()]))
    clean = points["dereddened_nu_f_nu_wm2"].where(
        points["dereddened_nu_f_nu_wm2"].notna(), points["nu_f_nu_wm2"]
    )
    factor = clean / points["nu_f_nu_wm2"]
    error = (points["nu_f_nu_error_wm2"] * factor).fillna(0.0)
    return [
        SedPoint(*row)
        for row in zip(
            points["band"], points["wavelength_um"], clean, error, points["upper_limit"], strict=True
        )
    ]


def _position(star: pd.Series) -> tuple[float, float]:
    for ra, dec in (("gaia_ra_deg", "gaia_dec_deg"), ("ra_deg", "dec_deg")):
        if _there(star.get(ra)) and _there(star.get(dec)):
            return float(star[ra]), float(star[dec])
    return float("nan"), float("nan")


def _place(star: pd.Series, ra: float, dec: float) -> str:
    words_ = [f"α {ra:.6f}°, δ {dec:+.6f}° (ICRS, 2016.0)"] if np.isfinite(ra) else ["no position"]
    if _there(star.get("gaia_dr3_id")):
        words_.append(f"Gaia DR3 {int(star['gaia_dr3_id'])}")
    if _there(star.get("mag_bin")):
        words_.append(f"bin {star['mag_bin']}")
    if _there(star.get("passed_branch")):
        words_.append({"dip": "dips", "jump": "brightens", "both": "dips and brightens"}.get(
            str(star["passed_branch"]), str(star["passed_branch"])
        ))  # fmt: skip
    return " · ".join(words_)


def _links(identifier: int, ra: float, dec: float) -> list[_Link]:
    made = [_Link("ASAS-SN Sky Patrol", links.skypatrol(identifier))]
    if np.isfinite(ra) and np.isfinite(dec):
        made = [
            _Link("Finding chart", links.finding_chart(ra, dec)),
            _Link("SIMBAD", links.simbad_position(ra, dec)),
            *made,
        ]
    return made


def _said(star: pd.Series) -> _Said:
    final = star.get("final_class")
    margin = star.get("class_margin")
    likely, reasons = star.get("vetting_likely_known"), star.get("vetting_reasons")
    if likely is None or pd.isna(likely):
        known = "Whether it is known is unknown: not every catalogue answered."
    elif bool(likely):
        known = f"It is likely known: {reasons}" if _there(reasons) else "It is likely known."
    else:
        known = "No catalogue that was asked knows it."
    return _Said(
        str(final) if _there(final) else "",
        f"{float(margin):.1f} in natural logarithm of odds before the next" if _there(margin) else "",
        str(star.get("class_evidence")) if _there(star.get("class_evidence")) else "",
        known if "vetting_likely_known" in star else "",
    )


def _bars(star: pd.Series) -> list[_Bar]:
    given = [
        (name, float(star[column])) for column, name in _CLASSES.items() if _there(star.get(column))
    ]
    return [
        _Bar(name, round(100 * p, 1), f"{100 * p:.0f} %")
        for name, p in sorted(given, key=lambda item: -item[1])
    ]


def _facts(star: pd.Series, rows: Sequence[tuple[str, str, str, str]]) -> list[Fact]:
    return [Fact(name, _text(star, column, form, unit)) for name, column, form, unit in rows]


def _text(star: pd.Series, column: str, form: str, unit: str) -> str:
    value: Any = star.get(column)
    if not _there(value):
        return UNKNOWN
    if form == "pair":
        return f"{float(value):.3f}{unit}, {float(star['galactic_b_deg']):+.3f}{unit}"
    if form == "flag":
        return "yes" if bool(value) else "no"
    if form == "d":
        return f"{int(value)}{unit}"
    return f"{format(value, form)}{unit}"


def _neighbours(neighbours: pd.DataFrame | None) -> Table:
    columns = (
        Column("Catalogue", True),
        Column("Separation (″)"),
        Column("Magnitude"),
        Column("Name", True),
    )
    if neighbours is None:
        return Table(columns, ())
    rows = tuple(
        (
            words(row.get("catalog")),
            number(row.get("sep_arcsec"), ".2f"),
            number(row.get("mag"), ".2f"),
            words(row.get("name")),
        )
        for row in neighbours.sort_values("sep_arcsec").head(30).to_dict("records")
    )
    return Table(columns, rows)


def _spectra(spectra: pd.DataFrame | None) -> Table:
    columns = (Column("Survey", True), Column("Separation (″)"), Column("Spectrum", True))
    if spectra is None:
        return Table(columns, ())
    rows = []
    for row in spectra.to_dict("records"):
        identifier = words(row.get("spectrum_id"))
        address = row.get("link")
        rows.append(
            (
                words(row.get("survey")),
                number(row.get("sep_arcsec"), ".2f"),
                identifier._replace(link=str(address)) if _there(address) else identifier,
            )
        )
    return Table(columns, tuple(rows))


def _there(value: Any) -> bool:
    return value is not None and not pd.isna(value) and value != ""
