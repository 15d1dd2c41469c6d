"""What catalogues say of a star, a row a catalogue, for its dossier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple

from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED
from malca.lookups import SWITCHED_OFF
from malca.plots import links
from malca.plots.dossier_values import UNKNOWN, floats, is_there, web_address, words

_Row = Mapping[str, Any]
_Address = Callable[[_Row, float, float], str]
NOT_ASKED = "not_asked"
#: How an outcome is shown: a sign beside the word.
SIGNS = {MATCHED: "✓", NOT_MATCHED: "–", NOT_COVERED: "○", UNKNOWN: "?", NOT_ASKED: "·"}


class CatalogueRow(NamedTuple):
    """One catalogue's verdict: an outcome, in words what it says, and where to look it up."""

    name: str
    outcome: str
    sign: str
    text: str
    reason: str
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
    link: _Address


def _vizier(table: str, radius_arcsec: float = 5.0) -> _Address:
    return lambda star, ra, dec: links.vizier(table, ra, dec, radius_arcsec)


def _simbad(star: _Row, ra: float, dec: float) -> str:
    name = words(star, "simbad_main_id")
    return links.simbad_object(name) if name else links.simbad_position(ra, dec)


def _alerce(star: _Row, ra: float, dec: float) -> str:
    oid = words(star, "alerce_oid")
    return links.alerce_object(oid) if oid else ""


def _tns(star: _Row, ra: float, dec: float) -> str:
    name = words(star, "tns_name")
    return links.tns_object(name) if name else ""


def _cluster(star: _Row, ra: float, dec: float) -> str:
    table = {"cantat_gaudin": "J/A+A/640/A1/nodup"}.get(
        words(star, "cluster_catalog"), "J/A+A/673/A114/members"
    )
    return links.vizier(table, ra, dec)


def _nowhere(star: _Row, ra: float, dec: float) -> str:
    return ""


_OF_VISITS = (
    ("n_epochs", "d", " visits"), ("w1_mag", ".2f", " mag in W1"), ("w2_mag", ".2f", " mag in W2"),
    ("w1_excess_scatter_mag", ".3f", " mag scatter in W1"),
    ("variable", "flag", "variable|not variable"),
)  # fmt: skip
_CATALOGUES = (
    _Catalogue("Gaia DR3", "gaia", (
        ("g_mag", ".2f", " mag in G"), ("bp_rp_mag", ".2f", " mag BP−RP"),
        ("parallax_mas", ".3f", " mas"), ("ruwe", ".2f", " RUWE"),
    ), _vizier("I/355/gaiadr3")),
    _Catalogue("Bailer-Jones distances", "bailer_jones", (
        ("photogeometric_pc", ".0f", " pc photogeometric"), ("geometric_pc", ".0f", " pc geometric"),
    ), _vizier("I/352/gedr3dis")),
    _Catalogue("StarHorse", "starhorse", (
        ("teff_k", ".0f", " K"), ("logg_dex", ".2f", " log g"), ("mass_msun", ".2f", " M☉"),
        ("distance_pc", ".0f", " pc"), ("av_mag", ".2f", " mag of A_V"),
    ), _vizier("I/354/starhorse2021")),
    _Catalogue("2MASS", "tmass", (
        ("designation", "", ""), ("j_mag", ".2f", " mag in J"), ("h_mag", ".2f", " mag in H"),
        ("ks_mag", ".2f", " mag in Ks"), ("quality", "", ""),
    ), _vizier("II/246/out")),
    _Catalogue("AllWISE", "allwise", (
        ("designation", "", ""), ("w1_mag", ".2f", " mag in W1"), ("w2_mag", ".2f", " mag in W2"),
        ("w3_mag", ".2f", " mag in W3"), ("w4_mag", ".2f", " mag in W4"), ("quality", "", ""),
    ), _vizier("II/328/allwise")),
    _Catalogue("IPHAS", "halpha", (
        ("excess_sigma", ".1f", " σ of Hα excess"), ("r_ha_mag", ".2f", " mag r−Hα"),
    ), _vizier("II/321/iphas2")),
    _Catalogue("dust map", "dust", (("ebv_mag", ".3f", " mag of E(B−V)"),), _nowhere),
    _Catalogue("open clusters", "cluster", (
        ("name", "", ""), ("probability", ".2f", " probability"),
        ("pm_offset_sigma", ".1f", " σ off its motion"),
    ), _cluster),
    _Catalogue("SIMBAD", "simbad", (
        ("main_id", "", ""), ("otype", "", ""), ("sp_type", "", ""),
        ("n_references", "d", " references"),
    ), _simbad),
    _Catalogue("VSX", "vsx", (
        ("name", "", ""), ("class", "", ""), ("period_days", ".6g", " d"),
    ), _vizier("B/vsx/vsx")),
    _Catalogue("Gaia variables", "gaia_var", (
        ("class", "", ""), ("score", ".2f", " score"), ("range_g_mag", ".2f", " mag range in G"),
    ), _vizier("I/358/vclassre")),
    _Catalogue("Gaia eclipsing binaries", "gaia_eb", (
        ("class", "", ""), ("period_days", ".6g", " d"), ("quality", ".2f", " ranking"),
    ), _vizier("I/358/veb")),
    _Catalogue("Gaia epochs", "gaia_epoch", (
        ("n_g", "d", " transits"), ("g_median_mag", ".2f", " mag in G"),
        ("g_range_mag", ".2f", " mag range"),
    ), _vizier("I/355/epphot")),
    _Catalogue("ASAS-SN variables", "asassn", (
        ("class", "", ""), ("period_days", ".6g", " d"), ("quality", ".2f", " probability"),
    ), _vizier("II/366/catv2021")),
    _Catalogue("ZTF periodic variables", "ztf", (
        ("class", "", ""), ("period_days", ".6g", " d"),
    ), _vizier("J/ApJS/249/18/table2")),
    _Catalogue("OGLE", "ogle", (("class", "", ""), ("period_days", ".6g", " d")), _nowhere),
    _Catalogue("TNS", "tns", (
        ("name", "", ""), ("class", "", ""), ("discovery_date", "", ""),
        ("redshift", ".4f", " redshift"),
    ), _tns),
    _Catalogue("ALeRCE", "alerce", (
        ("oid", "", ""), ("class", "", ""), ("probability", ".2f", " probability"),
        ("n_detections", "d", " detections"),
    ), _alerce),
    _Catalogue("eROSITA eRASS1", "erosita", (
        ("name", "", ""), ("flux_cgs", ".2e", " erg/s/cm²"),
        ("log10_luminosity", ".1f", " log luminosity in erg/s"), ("chance", ".2g", " by chance"),
    ), _vizier("J/A+A/682/A34/erass1-m", 30.0)),
    _Catalogue("unWISE visits", "midir", _OF_VISITS, _nowhere),
    _Catalogue("NEOWISE", "neowise", _OF_VISITS, _nowhere),
    _Catalogue("ATLAS", "atlas", (
        ("n_detections_o", "d", " detections in o"), ("o_mag", ".2f", " mag in o"),
        ("o_range_mag", ".2f", " mag range"), ("n_detections_c", "d", " detections in c"),
        ("c_mag", ".2f", " mag in c"), ("c_range_mag", ".2f", " mag range"),
    ), _nowhere),
)  # fmt: skip
_NAMES = {one.prefix: one.name for one in _CATALOGUES}


def catalogue_name(prefix: str) -> str:
    """Name of a catalogue by what its columns begin with."""
    return _NAMES.get(prefix, prefix)


def catalogue_rows(star: _Row, ra_deg: float, dec_deg: float) -> list[CatalogueRow]:
    """Say what each catalogue says of a star.

    Parameters
    ----------
    star : mapping
        A row of ``classified``, or of any table before it; a catalogue of which it has no outcome
        was not looked into, and has no row.
    ra_deg, dec_deg : float
        Where to look it up; without a position there are no links to positions.
    """
    rows = []
    placed = isfinite(ra_deg) and isfinite(dec_deg)
    for one in _CATALOGUES:
        outcome, reason = words(star, f"{one.prefix}_outcome"), words(star, f"{one.prefix}_reason")
        if not outcome:
            continue
        if outcome == UNKNOWN and reason == SWITCHED_OFF:
            outcome, reason = NOT_ASKED, SWITCHED_OFF
        (sep,) = floats(star, f"{one.prefix}_sep_arcsec")
        rows.append(
            CatalogueRow(
                one.name,
                outcome,
                SIGNS.get(outcome, ""),
                ", ".join(_shown(star, one)) if outcome == MATCHED else "",
                reason,
                f"{sep:.2f}" if isfinite(sep) else "",
                web_address(one.link(star, ra_deg, dec_deg)) if placed else "",
            )
        )
    return rows


def _shown(star: _Row, one: _Catalogue) -> list[str]:
    texts = []
    for column, form, unit in one.shown:
        value = star.get(f"{one.prefix}_{column}")
        if value is None or not is_there(value):
            continue
        if form == "flag":
            texts.append(unit.split("|")[0 if value else 1])
        elif form:
            texts.append(f"{format(int(value) if form == 'd' else float(value), form)}{unit}")
        else:
            texts.append(str(value))
    return texts
