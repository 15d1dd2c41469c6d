"""Classes of catalogues, in whatever words, as one of six: what a catalogue says a variable is."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from malca.astrophysics.star_table import numbers, words
from malca.astrophysics.variable_classes import class_families

#: Columns with a catalogue's class, and with the probability it gives that class ("" if none), of the
#: tables of candidates and vetted candidates.
CATALOGUE_COLUMNS: dict[str, tuple[str, str]] = {
    "Gaia": ("gaia_var_class", "gaia_var_score"),
    "Gaia eclipsing binaries": ("gaia_eb_class", ""),
    "VSX": ("vsx_class", ""),
    "ASAS-SN": ("asassn_class", "asassn_quality"),
    "ZTF": ("ztf_class", ""),
    "OGLE": ("ogle_class", ""),
    "SIMBAD": ("simbad_otype", ""),
    "ALeRCE": ("alerce_class", "alerce_probability"),
    "TNS": ("tns_class", ""),
}

_OF_FAMILY = {
    "eclipsing": "eclipsing",
    "cataclysmic": "cataclysmic",
    "young": "young",
    "rotating": "rotating",
    "pulsating": "pulsating",
    "supernova_transient": "other",
    "compact_extragalactic": "other",
    "eruptive": "other",
    "other": "other",
}
# What GCVS and VSX do not write so: Gaia DR3 (Rimoldini+ 2023), SIMBAD's object types, the variables of
# ZTF (Chen+ 2020), ALeRCE's classes (Sánchez-Sáez+ 2021, AJ 161, 141). Lower case, without marks.
_WORDS = {
    name: label
    for label, names in {
        "eclipsing": "ecl eclipsing eb* ec* al* bl* wu* ecl/eb e el*",
        "cataclysmic": "cv* no* dn* nl* cv/nova cv cataclysmic nova am* dq*",
        "rotating": """rs solar_like acv|cp|mcp|roam|roap|sxari by* rs* ro* bydra rscvn a2* rot""",
        "young": "yso y*o y* tt* or* ae* tt fu*",
        "pulsating": """lpv rr cep dsct|gdor|sxphe bcep spb acyg lp* mi* rr* ce* cc* ds* ga* wv* rv* pu*
            sr* bc* dscto rrl rrab rrc rrd mira periodic-other ceph""",
        "other": "agn qso s microlensing wd ell_wd be|gcas|sdor|wr ep galaxy sn blazar ev* er* fl*",
    }.items()
    for name in names.split()
}
# Without a class of variability: a star or a double star says nothing of how it varies.
_SILENT = {
    "*", "**", "star", "pm*", "hb*", "rg*", "hpm", "ir", "nir", "mir", "x", "uv", "ms*", "", "?", "err",
    "s*b", "s*r", "s*y", "sg*", "lm*", "bd*", "rad", "vbd", "sb*", "unknown", "l", "v*", "var", "misc",
    "cst",
}  # fmt: skip


def label_of(text: str) -> str:
    """Say which of six a class is: eclipsing, cataclysmic, rotating, young, pulsating or other.

    Empty where it says nothing of how the star varies.
    """
    word = re.sub(r"[\"'\s:()]", "", text).lower().removesuffix("_candidate").removesuffix("?")
    if word in _SILENT:
        return ""
    if word in _WORDS:
        return _WORDS[word]
    families = class_families(text)
    # an object listed as dimming by dust is young, or an R CrB star, which pulsates
    if "young" in families:
        return "young"
    return next((_OF_FAMILY[family] for family in families if family in _OF_FAMILY), "")


def catalogue_labels(table: pd.DataFrame) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Say what every catalogue of variables calls each star.

    Parameters
    ----------
    table : DataFrame, (n,)
        Of ``CATALOGUE_COLUMNS`` those that are there.

    Returns
    -------
    dict of str to (labels, quality)
        By catalogue, (n,) arrays: the label, "" where it says nothing, and the probability it gives its
        class, NaN where it gives none.
    """
    found = {}
    for catalogue, (column, quality) in CATALOGUE_COLUMNS.items():
        if column in table:
            text = words(table, column)
            known = {word: label_of(str(word)) for word in set(text.tolist())}
            labels = np.array([known[word] for word in text.tolist()], dtype=object)
            found[catalogue] = (labels, numbers(table, quality))
    return found
