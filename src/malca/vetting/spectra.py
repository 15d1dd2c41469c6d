"""Spectra that surveys have taken of a candidate: which, where, and a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED, UNKNOWN, Entries
from malca.lookups import SWITCHED_OFF, named_columns
from malca.vetting.parameters import SURVEYS


class Survey(NamedTuple):
    """A survey's name as people write it, and the page of a spectrum by its id."""

    name: str
    link: str


#: By catalogue. Where a survey has no page for a spectrum, the link is to its row in VizieR.
_VIZIER = "https://vizier.cds.unistra.fr/viz-bin/VizieR-5?-source="
LINKS: dict[str, Survey] = {
    "apogee": Survey("APOGEE DR17", f"{_VIZIER}III/286/catalog&APOGEE={{id}}"),
    "galah": Survey(
        "GALAH DR3",
        "https://datacentral.org.au/vo/slink/links?ID={id}&DR=galah_dr3&IDX=0&FILT=B"
        "&RESPONSEFORMAT=fits",
    ),
    "lamost": Survey("LAMOST DR5", "http://dr5.lamost.org/spectrum/view?obsid={id}"),
    "rave": Survey("RAVE DR6", f"{_VIZIER}III/283/ravedr6&ObsID={{id}}"),
    "sdss": Survey(
        "SDSS DR16", "https://skyserver.sdss.org/dr16/en/tools/explore/summary.aspx?sid={id}"
    ),
    "desi": Survey("DESI DR1", "https://www.legacysurvey.org/viewer/desi-spectrum/dr1/targetid{id}"),
}

_COLUMNS = {
    "sep_arcsec": ("sep_arcsec", "float64"),
    "spectrum_id": ("spectrum_id", "str"),
    "class": ("class", "str"),
    "snr": ("snr", "float64"),
    "redshift": ("redshift", "float64"),
    "rv_kms": ("rv_kms", "float64"),
}


def gather_spectra(
    stars: pd.DataFrame, surveys: Mapping[str, Entries]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the spectra of each star, the nearest first.

    Parameters
    ----------
    stars : DataFrame, (n,)
        ``asas_sn_id``.
    surveys : mapping of str to Entries
        By catalogue of ``SURVEYS``: ``spectrum_id`` and what there is of ``class, snr, redshift,
        rv_kms``. Rows without an id, of tables that hold more than spectra, are none.

    Returns
    -------
    spectra : DataFrame
        A row a spectrum: ``asas_sn_id, survey, sep_arcsec, spectrum_id, link`` and the rest.
    summary : DataFrame, (n,)
        ``asas_sn_id``; ``spectra_apogee_outcome, spectra_apogee_reason`` …; ``spectra_any`` (boolean,
        <NA> where none was found and not all that were asked answered); ``spectra_count``, those found;
        ``spectra_surveys, spectra_unknown, spectra_not_covering``, surveys joined by ``|`` (one that is
        switched off was not asked); ``spectra_nearest_survey, spectra_nearest_sep_arcsec,
        spectra_nearest_id, spectra_nearest_link``.
    """
    long = pd.concat([_spectra_of(name, surveys[name].entries) for name in SURVEYS])
    order = pd.Categorical(long["survey"], categories=list(SURVEYS)).codes
    long = long.iloc[np.lexsort([order, long["sep_arcsec"], long["asas_sn_id"]])]
    long = long.reset_index(drop=True)
    ids = stars["asas_sn_id"].reset_index(drop=True)
    summary = ids.to_frame()
    outcome = pd.DataFrame(index=ids)
    asked = pd.DataFrame(index=ids)
    for name in SURVEYS:
        table = surveys[name].outcomes.set_index("asas_sn_id").reindex(ids)
        outcome[name] = table["outcome"].fillna(UNKNOWN)
        asked[name] = table["reason"].ne(SWITCHED_OFF)
        summary[f"spectra_{name}_outcome"] = outcome[name].to_numpy()
        summary[f"spectra_{name}_reason"] = table["reason"].to_numpy()
    count = long.groupby("asas_sn_id").size().reindex(ids).fillna(0).to_numpy("int64")
    answered = outcome.isin([MATCHED, NOT_MATCHED, NOT_COVERED])
    complete = ((answered | ~asked).all(axis=1) & asked.any(axis=1)).to_numpy()
    summary["spectra_any"] = (
        pd.Series(count > 0).astype("boolean").where(pd.Series(complete | (count > 0)))
    )
    summary["spectra_count"] = count
    found = (
        long.drop_duplicates(["asas_sn_id", "survey"])
        .assign(there=True)
        .pivot(index="asas_sn_id", columns="survey", values="there")
        .reindex(index=ids, columns=list(SURVEYS))
        .notna()
    )
    summary["spectra_surveys"] = _joined(found)
    summary["spectra_unknown"] = _joined(outcome.eq(UNKNOWN) & asked)
    summary["spectra_not_covering"] = _joined(outcome.eq(NOT_COVERED))
    nearest = long.drop_duplicates("asas_sn_id").set_index("asas_sn_id").reindex(ids)
    for new, old in {
        "spectra_nearest_survey": "survey", "spectra_nearest_sep_arcsec": "sep_arcsec",
        "spectra_nearest_id": "spectrum_id", "spectra_nearest_link": "link",
    }.items():  # fmt: skip
        summary[new] = nearest[old].to_numpy()
        summary[new] = summary[new].astype("float64" if old == "sep_arcsec" else "str")
    return long, summary


def _spectra_of(name: str, entries: pd.DataFrame) -> pd.DataFrame:
    table = named_columns(entries, _COLUMNS)
    table.insert(0, "asas_sn_id", entries["asas_sn_id"].to_numpy("int64"))
    table.insert(1, "survey", pd.Series(name, index=table.index, dtype="str"))
    ids = table["spectrum_id"].str.strip()
    table["spectrum_id"] = ids
    there = ids.notna() & ~ids.isin(["", "0"])
    links = [
        LINKS[name].link.format(id=one) if ok else None for one, ok in zip(ids, there, strict=True)
    ]
    table.insert(4, "link", pd.Series(links, index=table.index, dtype="str"))
    return table[there]


def _joined(flags: pd.DataFrame) -> pd.Series:
    names = np.array(flags.columns, dtype=object)
    rows = flags.to_numpy(bool)
    return pd.Series(["|".join(names[row]) for row in rows], dtype="str")
