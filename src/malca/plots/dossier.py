"""The dossier of a candidate: one page with all that is known of it, and what is not."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, NamedTuple

import pandas as pd

from malca.plots import links
from malca.plots.candidates import candidate_title, shown_verdicts
from malca.plots.dossier_catalogues import catalogue_rows
from malca.plots.dossier_facts import blocks_of
from malca.plots.dossier_lists import neighbours_of, spectra_of
from malca.plots.dossier_panels import Background, draw_cmd, draw_geometry, draw_sed
from malca.plots.dossier_values import floats, is_there, web_address, words
from malca.plots.dossier_verdict import statements_of, verdict_of
from malca.plots.pages import render

_BRANCHES = {"dip": "dips", "jump": "brightens", "both": "dips and brightens"}


class _Link(NamedTuple):
    text: str
    address: str


class _Panel(NamedTuple):
    title: str
    drawing: str
    caption: str


def dossier_page(
    star: pd.Series[Any] | Mapping[str, Any],
    background: Background,
    *,
    picture: str | None,
    absent: str = "its light curve is not here",
    neighbours: pd.DataFrame | None = None,
    spectra: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    index: str = "",
    version: str = "",
) -> str:
    """Write the dossier of one candidate.

    Parameters
    ----------
    star : Series or mapping
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
    index : str
        File beside it with the list of all dossiers; empty: there is none.
    version : str
        Of MALCA.

    Returns
    -------
    str
        HTML with everything in it. All texts are escaped, no script is in it, and links lead to
        http and https alone.
    """
    row: dict[str, Any] = dict(star.items())
    ra, dec = _position(row)
    sed, sed_said = draw_sed(row)
    geometry, geometry_said = draw_geometry(row)
    return render(
        "dossier.html.j2",
        version=version,
        title=star_title(int(row["asas_sn_id"])),
        place=_place(row, ra, dec),
        links=_links(row, ra, dec),
        index=index,
        verdict=verdict_of(row),
        statements=statements_of(row),
        picture=picture,
        absent=absent,
        panels=[
            _Panel("Colour and magnitude", draw_cmd(row, background), _CMD_SAID),
            _Panel("Energy distribution", sed, sed_said),
            _Panel("What dims it, to scale", geometry, geometry_said),
        ],
        blocks=blocks_of(row),
        catalogues=catalogue_rows(row, ra, dec),
        neighbours=neighbours_of(row, neighbours),
        spectra=spectra_of(row, spectra),
        filters=[] if verdicts is None else shown_verdicts(verdicts),
    )


_CMD_SAID = "star: without extinction; ring: with it; grey: the other stars of the table"


def star_title(identifier: int) -> str:
    """Name of a star; below 0 it is its place in a table that had no ids."""
    return candidate_title(identifier) if identifier >= 0 else f"Star {-identifier}"


def page_name(identifier: int) -> str:
    """Name of the file of a star's dossier, without suffix."""
    return str(identifier) if identifier >= 0 else f"star_{-identifier}"


def _position(star: Mapping[str, Any]) -> tuple[float, float]:
    for ra, dec in (("gaia_ra_deg", "gaia_dec_deg"), ("ra_deg", "dec_deg")):
        if is_there(star.get(ra)) and is_there(star.get(dec)):
            return float(star[ra]), float(star[dec])
    return float("nan"), float("nan")


def _place(star: Mapping[str, Any], ra: float, dec: float) -> str:
    told = ["no position"]
    if isfinite(ra):
        epoch = ", Gaia, 2016.0" if is_there(star.get("gaia_ra_deg")) else ""
        told = [f"α {ra:.6f}°, δ {dec:+.6f}° (ICRS{epoch})"]
    if is_there(star.get("gaia_dr3_id")):
        told.append(f"Gaia DR3 {int(star['gaia_dr3_id'])}")
    for name in ("name", "star_name"):
        if words(star, name) not in {"", str(star["asas_sn_id"])}:
            told.insert(0, words(star, name))
            break
    (magnitude,) = floats(star, "gaia_g_mag")
    if isfinite(magnitude):
        told.append(f"G {magnitude:.2f}")
    if words(star, "mag_bin"):
        told.append(f"bin {words(star, 'mag_bin')}")
    if branch := words(star, "passed_branch"):
        told.append(_BRANCHES.get(branch, branch))
    return " · ".join(told)


def _links(star: Mapping[str, Any], ra: float, dec: float) -> list[_Link]:
    identifier = int(star["asas_sn_id"])
    made = []
    if isfinite(ra) and isfinite(dec):
        made += [
            _Link("Finding chart", links.finding_chart(ra, dec)),
            _Link("SIMBAD", links.simbad_position(ra, dec)),
            _Link("VizieR, all catalogues", links.vizier_all(ra, dec)),
        ]
    if identifier >= 0:
        made.append(_Link("ASAS-SN Sky Patrol", links.skypatrol(identifier)))
    return [link for link in made if web_address(link.address)]
