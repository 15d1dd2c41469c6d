"""Columns of what the visits of WISE say of a star, the same for unWISE and for NEOWISE."""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C

_BAND = {
    "n_epochs": _C("", "visits with {band}"),
    "mag": _C("mag", "weighted mean of {band}, Vega"),
    "chi2": _C("", "chi2 of {band} about its weighted mean"),
    "p_value": _C("", "probability of so large a chi2 of {band} by chance"),
    "robust_p_value": _C("", "the same of {band} without the visit that contributes most"),
    "excess_scatter_mag": _C(
        "mag",
        "scatter of {band} beyond its errors (DerSimonian & Laird 1986, Contr. Clin. Trials 7, 177)",
    ),
    "slope_magyr": _C("mag / yr", "slope of {band}, positive where it fades"),
    "slope_error_magyr": _C("mag / yr", "error of the slope of {band}"),
}


def visit_columns(prefix: str, source: str) -> dict[str, _C]:
    """Columns with ``prefix`` in front; ``source`` says whose visits, with the paper."""
    columns = {
        "outcome": _C("", f"whether {source} has measurements"),
        "reason": _C("", "why it is unknown or not covered, or that no measurement is usable"),
        "n_epochs": _C("", "visits, about one each half year, with W1 or W2"),
    }
    for band in ("W1", "W2"):
        for name, (unit, text) in _BAND.items():
            columns[f"{band.lower()}_{name}"] = _C(unit, text.format(band=band))
    columns |= {
        "w1_w2_mag": _C("mag", "weighted mean of W1 - W2 over the visits"),
        "w1_w2_chi2": _C("", "chi2 of W1 - W2 about its weighted mean"),
        "w1_w2_p_value": _C("", "probability of so large a chi2 of W1 - W2 by chance"),
        "w1_w2_slope_magyr": _C("mag / yr", "slope of W1 - W2, positive where it reddens"),
        "w1_w2_slope_error_magyr": _C("mag / yr", "error of the slope of W1 - W2"),
        "variable": _C(
            "",
            "whether a band varies without its worst visit, or both do; missing with too few visits",
        ),
    }
    return {f"{prefix}_{name}": column for name, column in columns.items()}


#: Of single exposures, a column of ``vetted``.
NEOWISE = visit_columns("neowise", "NEOWISE (Mainzer+ 2014, ApJ 792, 30)") | {
    "neowise_n_exposures": _C("", "exposures that were used")
}
UNTIMELY = visit_columns("midir", "unTimely (Meisner+ 2023, AJ 165, 36)")
