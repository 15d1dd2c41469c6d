"""What catalogues say of a star, a row a catalogue, for its dossier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd

from malca.plots import links


class CatalogueRow(NamedTuple):
    """One catalogue's verdict: an outcome, in words what it says, and where to look it up."""

    name: str
    outcome: str
    text: str
    sep: str
    link: str


class _Catalogue(NamedTuple):
    """A catalogue as the columns of ``vetted`` have it.

    ``shown`` are columns without prefix with a format and a unit each; ``link`` makes the address of
    its page of the star from the row and the position.
    """

    name: str
    prefix: str
    shown: tuple[tuple[str, str, str], ...]
    link: Callable[[pd.Series, float, float], str]


def _vizier(table: str, radius_arcsec: float = 5.0) -> Callable[[pd.Series, float, float], str]:
    return lambda star, ra, dec: links.vizier(table, ra, dec, radius_arcsec)


def _simbad(star: pd.Series, ra: float, dec: float) -> str:
    name = star.get("simbad_main_id")
    return links.simbad_object(name) if _there(name) else links.simbad_position(ra, dec)


def _alerce(star: pd.Series, ra: float, dec: float) -> str:
    oid = star.get("alerce_oid")
    return links.alerce_object(oid) if _there(oid) else ""


def _tns(star: pd.Series, ra: float, dec: float) -> str:
    name = star.get("tns_name")
    return links.tns_object(name) if _there(name) else ""


_CATALOGUES = (
    _Catalogue("Gaia DR3", "gaia", (("g_mag", ".2f", " mag in G"), ("parallax_mas", ".3f", " mas"),
               ("ruwe", ".2f", " RUWE")), _vizier("I/355/gaiadr3")),
    _Catalogue("2MASS", "tmass", (("j_mag", ".2f", " mag in J"), ("ks_mag", ".2f", " mag in Ks"),
               ("photometry_quality", "", "")), _vizier("II/246/out")),
    _Catalogue("AllWISE", "allwise", (("w1_mag", ".2f", " mag in W1"), ("w2_mag", ".2f", " mag in W2"),
               ("w3_mag", ".2f", " mag in W3"), ("w4_mag", ".2f", " mag in W4")),
               _vizier("II/328/allwise")),
    _Catalogue("StarHorse", "starhorse", (("teff_k", ".0f", " K"), ("mass_msun", ".2f", " M☉"),
               ("distance_pc", ".0f", " pc")), _vizier("I/354/starhorse2021")),
    _Catalogue("IPHAS", "halpha", (("excess_sigma", ".1f", " σ of Hα excess"),
               ("r_ha_mag", ".2f", " mag r−Hα")),
               _vizier("II/321/iphas2")),
    _Catalogue("SIMBAD", "simbad", (("main_id", "", ""), ("otype", "", ""), ("sp_type", "", ""),
               ("n_references", "d", " references")), _simbad),
    _Catalogue("VSX", "vsx", (("name", "", ""), ("class", "", ""), ("period_days", ".6g", " d")),
               _vizier("B/vsx/vsx")),
    _Catalogue("Gaia variables", "gaia_var", (("class", "", ""), ("score", ".2f", " score")),
               _vizier("I/358/vclassre")),
    _Catalogue("Gaia eclipsing binaries", "gaia_eb", (("class", "", ""), ("period_days", ".6g", " d")),
               _vizier("I/358/veb")),
    _Catalogue("Gaia epochs", "gaia_epoch", (("n_g", "d", " in G"),
               ("g_range_mag", ".2f", " mag range in G")),
               _vizier("I/355/epphot")),
    _Catalogue("ASAS-SN variables", "asassn", (("class", "", ""), ("period_days", ".6g", " d")),
               _vizier("II/366/catv2021")),
    _Catalogue("ZTF periodic variables", "ztf", (("class", "", ""), ("period_days", ".6g", " d")),
               _vizier("J/ApJS/249/18/table2")),
    _Catalogue("OGLE", "ogle", (("class", "", ""), ("period_days", ".6g", " d")), lambda *_: ""),
    _Catalogue("TNS", "tns", (("name", "", ""), ("class", "", ""), ("discovery_date", "", "")), _tns),
    _Catalogue("ALeRCE", "alerce", (("oid", "", ""), ("class", "", ""),
               ("n_detections", "d", " detections")),
               _alerce),
    _Catalogue("eROSITA eRASS1", "erosita", (("name", "", ""), ("flux_cgs", ".2e", " erg/s/cm²")),
               _vizier("J/A+A/682/A34/erass1-m", 30.0)),
    _Catalogue("ATLAS", "atlas", (("n_detections", "d", " detections"),), lambda *_: ""),
    _Catalogue("NEOWISE", "neowise", (("n_epochs", "d", " visits"),
               ("w1_range_mag", ".2f", " mag range in W1")),
               lambda *_: ""),
    _Catalogue("unWISE", "midir", (("n_epochs", "d", " visits"),
               ("w1_range_mag", ".2f", " mag range in W1")),
               lambda *_: ""),
    _Catalogue("dust map", "dust", (("ebv_mag", ".3f", " mag of E(B−V)"),), lambda *_: ""),
)  # fmt: skip


def catalogue_rows(star: pd.Series, ra_deg: float, dec_deg: float) -> list[CatalogueRow]:
    """Say what each catalogue that was asked says of a star.

    Parameters
    ----------
    star : Series
        A row of ``classified``, or of any table before it; catalogues without an outcome in it were
        not asked, and have no row.
    ra_deg, dec_deg : float
        Where to look it up.
    """
    rows = []
    for one in _CATALOGUES:
        outcome = star.get(f"{one.prefix}_outcome")
        if not _there(outcome):
            continue
        reason = star.get(f"{one.prefix}_reason")
        if outcome == "matched":
            text = ", ".join(_shown(star, one))
        else:
            text = str(reason) if _there(reason) else ""
        sep = star.get(f"{one.prefix}_sep_arcsec")
        rows.append(
            CatalogueRow(
                one.name,
                str(outcome),
                text,
                f"{float(sep):.2f}" if _there(sep) else "",
                one.link(star, ra_deg, dec_deg),
            )
        )
    return rows


def _shown(star: pd.Series, one: _Catalogue) -> list[str]:
    texts = []
    for column, form, unit in one.shown:
        value = star.get(f"{one.prefix}_{column}")
        if _there(value):
            texts.append(f"{format(int(value) if form == 'd' else value, form)}{unit}")
    return texts


def _there(value: Any) -> bool:
    return value is not None and not pd.isna(value) and value != ""
