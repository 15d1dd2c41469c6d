"""What is around a star and which spectra of it there are, as its dossier lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import pandas as pd

from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED
from malca.lookups import SWITCHED_OFF
from malca.plots import links
from malca.plots.dossier_facts import Told
from malca.plots.dossier_values import UNKNOWN, flag, floats, has_no_dip, is_there, web_address, words
from malca.plots.pages import Cell, Column, Table, number
from malca.plots.pages import words as text_cell

_Row = Mapping[str, Any]
#: Longest list of neighbours on a page.
_MOST = 40
_NEIGHBOURS = {
    "gaia": "Gaia DR3", "tmass": "2MASS", "allwise": "AllWISE", "vsx": "VSX",
}  # fmt: skip
_SURVEYS = {
    "apogee": "APOGEE DR17", "galah": "GALAH DR3", "lamost": "LAMOST DR5", "rave": "RAVE DR6",
    "sdss": "SDSS DR16", "desi": "DESI DR1",
}  # fmt: skip
_NEIGHBOUR_COLUMNS = (
    Column("Separation (″)"), Column("Catalogue", True), Column("Name", True),
    Column("Brightness", True), Column("Variable", True),
)  # fmt: skip
_SPECTRUM_COLUMNS = (
    Column("Survey", True), Column("Spectrum", True), Column("Separation (″)"), Column("Class", True),
    Column("S/N"), Column("Velocity (km/s)"), Column("Redshift"),
)  # fmt: skip
_MAGNITUDES = (("g_mag", "G"), ("j_mag", "J"), ("w1_mag", "W1"), ("max_mag", "max"))


class Listed(NamedTuple):
    """Facts on what is listed, the list, and how many more there are."""

    facts: Sequence[Told]
    table: Table
    n_more: int


def neighbours_of(star: _Row, neighbours: pd.DataFrame | None) -> Listed | None:
    """List what is around a star, the nearest first.

    Parameters
    ----------
    star : mapping
        Its row of ``vetted`` or ``classified``.
    neighbours : DataFrame, optional
        Its rows of ``neighbours``.

    Returns
    -------
    Listed, optional
        None where nobody looked.
    """
    outcomes = {name: words(star, f"neighbours_{name}_outcome") for name in _NEIGHBOURS}
    if neighbours is None and not any(outcomes.values()):
        return None
    facts = []
    for name, title in _NEIGHBOURS.items():
        reason = words(star, f"neighbours_{name}_reason")
        count, nearest = floats(star, f"neighbours_{name}_count", f"neighbours_{name}_nearest_arcsec")
        if isfinite(count):
            near = f", the nearest at {nearest:.1f}″" if isfinite(nearest) else ""
            text = f"{count:.0f} close by{near}"
        else:
            text = f"{UNKNOWN}: {reason}" if reason else UNKNOWN
        facts.append(Told(title, text))
    share, density, feigned = floats(
        star, "neighbours_light_share", "neighbours_density_arcmin2", "neighbours_largest_dip_mag"
    )
    feigns = {True: "yes", False: "no", None: UNKNOWN}[flag(star, "neighbours_could_feign_dip")]
    variable = flag(star, "neighbours_known_variable")
    nearby = "no" if variable is False else UNKNOWN
    if has_no_dip(star):
        feigns = "no dip"
    facts += [
        Told("density", f"{density:.1f} per square arcmin" if isfinite(density) else UNKNOWN),
        Told("their light in the aperture", f"{100 * share:.1f} %" if isfinite(share) else UNKNOWN),
        Told(
            "could feign the dip",
            feigns + (f", by {feigned:.3f} mag at most" if isfinite(feigned) else ""),
        ),
        Told(
            "known variable nearby",
            _variable(star) if variable else nearby,
        ),
    ]
    rows = [] if neighbours is None else neighbours.sort_values("sep_arcsec").to_dict("records")
    table = Table(_NEIGHBOUR_COLUMNS, tuple(_neighbour(row) for row in rows[:_MOST]))
    return Listed(facts, table, max(len(rows) - _MOST, 0))


def _variable(star: _Row) -> str:
    (sep,) = floats(star, "neighbours_variable_sep_arcsec")
    told = [words(star, f"neighbours_variable_{name}") for name in ("name", "class")]
    told.append(f"{sep:.1f}″" if isfinite(sep) else "")
    return ", ".join(part for part in told if part)


def _neighbour(row: _Row) -> tuple[Cell, ...]:
    name = words(row, "catalog")
    magnitudes = [f"{label} {row[key]:.2f}" for key, label in _MAGNITUDES if is_there(row.get(key))]
    if is_there(row.get("bp_rp_mag")):
        magnitudes.append(f"BP−RP {row['bp_rp_mag']:.2f}")
    variable = words(row, "class")
    if is_there(row.get("period_days")):
        variable += f", {row['period_days']:.6g} d"
    identifier = words(row, "id")
    address = links.simbad_object(f"Gaia DR3 {identifier}") if name == "gaia" and identifier else ""
    return (
        number(row.get("sep_arcsec"), ".2f"),
        text_cell(_NEIGHBOURS.get(name, name)),
        text_cell(identifier)._replace(link=web_address(address) or None),
        text_cell(", ".join(magnitudes)),
        text_cell(variable),
    )


def spectra_of(star: _Row, spectra: pd.DataFrame | None) -> Listed | None:
    """List the spectra of a star, and say which surveys have none, did not look or did not answer.

    Parameters
    ----------
    star : mapping
        Its row of ``vetted`` or ``classified``.
    spectra : DataFrame, optional
        Its rows of ``spectra``.

    Returns
    -------
    Listed, optional
        None where nobody looked.
    """
    outcomes = {name: words(star, f"spectra_{name}_outcome") for name in _SURVEYS}
    if spectra is None and not any(outcomes.values()):
        return None
    by_outcome: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        off = words(star, f"spectra_{name}_reason") == SWITCHED_OFF
        by_outcome.setdefault("off" if off else outcome, []).append(_SURVEYS[name])
    facts = [
        Told(title, ", ".join(by_outcome[outcome]))
        for outcome, title in (
            (MATCHED, "found in"), (NOT_MATCHED, "not in"), (NOT_COVERED, "outside of"),
            (UNKNOWN, "no answer from"), ("off", "not asked"),
        )
        if by_outcome.get(outcome)
    ]  # fmt: skip
    rows = [] if spectra is None else spectra.sort_values("sep_arcsec").to_dict("records")
    table = Table(_SPECTRUM_COLUMNS, tuple(_spectrum(row) for row in rows[:_MOST]))
    return Listed(facts, table, max(len(rows) - _MOST, 0))


def _spectrum(row: _Row) -> tuple[Cell, ...]:
    survey = words(row, "survey")
    return (
        text_cell(_SURVEYS.get(survey, survey)),
        text_cell(row.get("spectrum_id"))._replace(link=web_address(row.get("link")) or None),
        number(row.get("sep_arcsec"), ".2f"),
        text_cell(row.get("class")),
        number(row.get("snr"), ".0f"),
        number(row.get("rv_kms"), "+.1f"),
        number(row.get("redshift"), ".5f"),
    )
