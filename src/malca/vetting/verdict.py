"""Whether a candidate is a known object, with the reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.astrophysics.variable_classes import class_families, is_dipper_class
from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED
from malca.lookups import SWITCHED_OFF
from malca.vetting.modules import MATCH_MODULES
from malca.vetting.object_types import explains, is_dipper_type
from malca.vetting.parameters import VettingParameters

#: Modules that can say what a star is, by the prefix of their columns; "vsx" is known beforehand.
DECIDING = {
    "vsx": "VSX", "simbad": "SIMBAD", "gaia_var": "Gaia", "gaia_eb": "Gaia eclipsing binaries",
    "asassn": "ASAS-SN", "ztf": "ZTF", "tns": "TNS", "alerce": "ALeRCE",
}  # fmt: skip
_CLASSES = ("vsx", "gaia_var", "asassn", "ztf")
#: Columns that reasons and remarks are told from.
_TOLD = (
    *(f"{prefix}_{name}" for prefix in _CLASSES for name in ("class", "period_days")),
    "gaia_var_score", "asassn_quality", "gaia_eb_period_days", "simbad_main_id", "simbad_otype",
    "simbad_n_references", "tns_name", "tns_class", "alerce_class", "alerce_probability",
    "cluster_pm_offset_sigma", "cluster_name", "erosita_outcome", "erosita_name",
    "erosita_log10_luminosity", "neighbours_could_feign_dip", "neighbours_bright_close",
    "neighbours_known_variable", "neighbours_variable_name", "neighbours_variable_sep_arcsec",
)  # fmt: skip
_Row = dict[str, object]


def judge_known(table: pd.DataFrame, parameters: VettingParameters) -> pd.DataFrame:
    """Say whether each star is known to be something, and what.

    A class of dippers (``malca.astrophysics.variable_classes``) makes it a known dipper, not a known
    object of another kind.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns of the modules of ``DECIDING`` (``simbad_otype``, ``ztf_class`` …); one without an
        outcome was not asked.
    parameters : VettingParameters

    Returns
    -------
    DataFrame, (n,)
        ``vetting_likely_known``: true with a reason; false if everything that was asked answered,
        be it that it did not look there; else <NA>. ``vetting_reasons``, joined by ``"; "``;
        ``vetting_known_dipper``, in the same way; ``vetting_dipper_reasons``; ``vetting_unknown`` and
        ``vetting_not_covering``, modules joined by ``|``.
    """
    rows = _rows(table)
    reasons = [_reasons(row, parameters) for row in rows]
    dipper = [_dipper_reasons(row, parameters) for row in rows]
    asked = {prefix: _asked(table, prefix) for prefix in DECIDING}
    answered = {prefix: _answered(table, prefix) for prefix in DECIDING}
    missing = pd.DataFrame({prefix: asked[prefix] & ~answered[prefix] for prefix in DECIDING})
    outside = pd.DataFrame(
        {p: asked[p] & _words(table, f"{p}_outcome").eq(NOT_COVERED).to_numpy() for p in DECIDING}
    )
    complete = ~missing.to_numpy().any(axis=1) & np.column_stack(list(asked.values())).any(axis=1)
    result = pd.DataFrame(index=table.index)
    result["vetting_likely_known"] = _verdict(reasons, complete, table.index)
    result["vetting_reasons"] = _text(["; ".join(one) for one in reasons], table.index)
    result["vetting_known_dipper"] = _verdict(dipper, complete, table.index)
    result["vetting_dipper_reasons"] = _text(["; ".join(one) for one in dipper], table.index)
    for name, flags in (("vetting_unknown", missing), ("vetting_not_covering", outside)):
        names = np.array(flags.columns, dtype=object)
        result[name] = _text(["|".join(names[row]) for row in flags.to_numpy(bool)], table.index)
    return result


def remark(table: pd.DataFrame, parameters: VettingParameters) -> pd.DataFrame:
    """Say what else to know of a star when looking at it; none of it makes it a known object.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns of the vetting, and ``cluster_name, cluster_pm_offset_sigma`` where known.
    parameters : VettingParameters

    Returns
    -------
    DataFrame, (n,)
        ``cluster_pm_consistent`` (boolean, <NA> without cluster or motion), ``vetting_remarks``.
    """
    offset = _numbers(table, "cluster_pm_offset_sigma")
    consistent = pd.array(offset <= parameters.cluster.max_pm_sigma, dtype="boolean")
    consistent[~np.isfinite(offset)] = pd.NA
    rows = _rows(table)
    remarks = ["; ".join(_remarks(row, parameters)) for row in rows]
    return pd.DataFrame(
        {"cluster_pm_consistent": consistent, "vetting_remarks": _text(remarks, table.index)},
        index=table.index,
    )


def _reasons(row: _Row, parameters: VettingParameters) -> list[str]:
    found = []
    simbad, dipper = _simbad(row, parameters), _dipper_reasons(row, parameters)
    if simbad and not (simbad.startswith("cited") and dipper):
        found.append(f"SIMBAD: {_word(row, 'simbad_main_id')}, {simbad}")
    for prefix in _CLASSES:
        name = _word(row, f"{prefix}_class")
        if name and _class_counts(prefix, name, row, parameters):
            period = _number(row, f"{prefix}_period_days")
            told = f", {period:.6g} d" if np.isfinite(period) else ""
            found.append(f"{DECIDING[prefix]}: {name}{told}")
    period = _number(row, "gaia_eb_period_days")
    if np.isfinite(period):
        found.append(f"Gaia eclipsing binary, {period:.6g} d")
    if _word(row, "tns_name"):
        kind = _word(row, "tns_class") or "unclassified"
        found.append(f"TNS: {_word(row, 'tns_name')}, {kind}")
    probability = _number(row, "alerce_probability")
    name = _word(row, "alerce_class")
    least = parameters.alerce.min_probability
    if name and not is_dipper_class(name) and not probability < least:
        found.append(f"ALeRCE: {name}")
    return found


def _simbad(row: _Row, parameters: VettingParameters) -> str:
    """Tell what SIMBAD knows of a star that makes it a known object; empty: nothing."""
    otype = _word(row, "simbad_otype")
    if otype and explains(otype):
        return otype
    n = _number(row, "simbad_n_references")
    if n >= parameters.simbad.min_references and not is_dipper_type(otype):
        return f"cited {n:.0f} times"
    return ""


def _class_counts(prefix: str, name: str, row: _Row, parameters: VettingParameters) -> bool:
    if is_dipper_class(name):
        return False
    if prefix == "gaia_var" and _number(row, "gaia_var_score") < parameters.gaia_variability.min_score:
        return False
    least = parameters.asassn_variables.min_probability
    if prefix == "asassn" and _number(row, "asassn_quality") < least:
        return False
    return not (parameters.ignore_generic_classes and set(class_families(name)) <= {"generic"})


def _dipper_reasons(row: _Row, parameters: VettingParameters) -> list[str]:
    found = [
        f"{DECIDING[prefix]}: {name}"
        for prefix in _CLASSES
        if (name := _word(row, f"{prefix}_class")) and is_dipper_class(name)
    ]
    otype = _word(row, "simbad_otype")
    if otype and is_dipper_type(otype):
        found.append(f"SIMBAD: {otype}")
    return found


def _remarks(row: _Row, parameters: VettingParameters) -> list[str]:
    found = []
    offset = _number(row, "cluster_pm_offset_sigma")
    if offset > parameters.cluster.max_pm_sigma:
        found.append(f"moves {offset:.1f} sigma off {_word(row, 'cluster_name') or 'its cluster'}")
    if _word(row, "erosita_outcome") == MATCHED:
        luminosity = _number(row, "erosita_log10_luminosity")
        told = f", log L = {luminosity:.1f} erg/s" if np.isfinite(luminosity) else ""
        found.append(f"X-ray source {_word(row, 'erosita_name')}{told}")
    if _flag(row, "neighbours_could_feign_dip"):
        found.append("a neighbour is bright enough to feign the dip")
    elif _flag(row, "neighbours_bright_close"):
        found.append("a bright neighbour is close")
    if _flag(row, "neighbours_known_variable"):
        name = _word(row, "neighbours_variable_name") or "a known variable"
        found.append(f"{name} is {_number(row, 'neighbours_variable_sep_arcsec'):.0f} arcsec away")
    return found


def _rows(table: pd.DataFrame) -> list[_Row]:
    rows: list[_Row] = table[[name for name in _TOLD if name in table]].to_dict("records")
    return rows


def _asked(table: pd.DataFrame, prefix: str) -> np.ndarray:
    outcome, reason = _words(table, f"{prefix}_outcome"), _words(table, f"{prefix}_reason")
    return (outcome.ne("") & reason.ne(SWITCHED_OFF)).to_numpy(bool)


def _answered(table: pd.DataFrame, prefix: str) -> np.ndarray:
    """Whether a module has said its word; an entry without the period asked for has a class still."""
    outcome = _words(table, f"{prefix}_outcome")
    there = outcome.isin([MATCHED, NOT_MATCHED, NOT_COVERED]).to_numpy(bool)
    tells = next((m.tells for m in MATCH_MODULES.values() if m.prefix == prefix), "class")
    column = f"{prefix}_{tells}"
    return there | (table[column].notna().to_numpy(bool) if column in table else False)


def _verdict(reasons: list[list[str]], complete: np.ndarray, index: pd.Index) -> pd.Series:
    any_ = np.array([bool(one) for one in reasons], dtype=bool)
    return pd.Series(pd.array(any_, dtype="boolean"), index=index).where(
        pd.Series(any_ | complete, index=index)
    )


def _text(values: list[str], index: pd.Index) -> pd.Series:
    return pd.Series(values, index=index, dtype="str")


def _words(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series("", index=table.index, dtype="str")
    return table[name].fillna("").astype("str")


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].to_numpy(float, na_value=np.nan)


def _word(row: _Row, name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(row: _Row, name: str) -> float:
    value = row.get(name)
    return np.nan if value is None or value is pd.NA else float(value)  # type: ignore[arg-type]


def _flag(row: _Row, name: str) -> bool:
    value = row.get(name)
    return value is not None and value is not pd.NA and bool(value)
