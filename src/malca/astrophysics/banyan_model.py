"""Models of young associations and the field: the parameter table of BANYAN Σ as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

FIELD = "FIELD"
#: What was measured besides position and proper motion, in the order of the priors.
OBSERVABLES = ("PM", "PM+RV", "PM+PLX", "PM+RV+PLX")
#: Columns of the paper's table that are used.
COLUMNS = (
    "NAME", "CENTER_VEC", "COVARIANCE_MATRIX", "LN_PRIOR", "LN_PRIOR_OBSERVABLES", "COEFFICIENT",
)  # fmt: skip


class BanyanModel(NamedTuple):
    """The paper's table as arrays.

    Attributes
    ----------
    associations : tuple of str
        Names, shape (n_associations,).
    hypothesis : (n_components,) int array
        Association that a Gaussian belongs to; ``len(associations)`` is the field.
    centre : (n_components, 6) array
        X, Y, Z (pc) and U, V, W (km/s).
    covariance : (n_components, 6, 6) array
    ln_weight : (n_components,) array
        Weight of a Gaussian in its hypothesis; 0 for associations.
    ln_prior : (n_associations, 4) array
        Against the field, in the order of ``OBSERVABLES``.
    """

    associations: tuple[str, ...]
    hypothesis: np.ndarray
    centre: np.ndarray
    covariance: np.ndarray
    ln_weight: np.ndarray
    ln_prior: np.ndarray


def banyan_model(table: Mapping[str, Any] | pd.DataFrame) -> BanyanModel:
    """Make arrays of the paper's parameter table.

    Parameters
    ----------
    table : mapping of str to array, astropy Table or DataFrame
        ``COLUMNS``; those with several values a row as arrays or lists.

    Raises
    ------
    ValueError
        Columns are missing, or shapes and values are not those of the paper's table.
    """
    names = set(getattr(table, "colnames", None) or list(table))
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ValueError(f"no table of BANYAN Σ: there is no column {', '.join(missing)}")
    column = {name: _values(table[name]) for name in COLUMNS}
    name = np.array([_text(word) for word in column["NAME"]], dtype=object)
    n = len(name)
    centre = np.array([np.asarray(row, float) for row in column["CENTER_VEC"]])
    covariance = np.array([np.asarray(row, float) for row in column["COVARIANCE_MATRIX"]])
    if centre.shape != (n, 6) or covariance.size != n * 36:
        raise ValueError("no table of BANYAN Σ: centres and covariances are not of six coordinates")
    covariance = covariance.reshape(n, 6, 6)
    if not np.allclose(covariance, covariance.swapaxes(1, 2)):
        raise ValueError("no table of BANYAN Σ: a covariance matrix is not symmetric")
    is_field = name == FIELD
    associations = tuple(name[~is_field])
    if not is_field.any() or not associations or len(set(associations)) < len(associations):
        raise ValueError("no table of BANYAN Σ: associations, each once, and the field are needed")
    # the field last, so that hypotheses are in the order of the associations
    order = np.concatenate([np.flatnonzero(~is_field), np.flatnonzero(is_field)])
    weight = np.array([float(np.ma.filled(column["COEFFICIENT"][k], np.nan)) for k in order])
    weight[: len(associations)] = 1.0
    weight[len(associations) :] /= weight[len(associations) :].sum()
    ln_prior = np.empty((len(associations), len(OBSERVABLES)))
    for k, row in enumerate(order[: len(associations)]):
        modes = [_text(word) for word in column["LN_PRIOR_OBSERVABLES"][row]]
        if sorted(modes) != sorted(OBSERVABLES):
            raise ValueError(f"no table of BANYAN Σ: priors of {name[row]} are for {modes}")
        ln_prior[k] = [
            float(np.ma.filled(column["LN_PRIOR"][row], np.nan)[modes.index(mode)])
            for mode in OBSERVABLES
        ]
    hypothesis = np.minimum(np.arange(n), len(associations))
    model = BanyanModel(
        associations, hypothesis, centre[order], covariance[order], np.log(weight), ln_prior
    )
    if not all(np.isfinite(part).all() for part in model[2:]):
        raise ValueError("no table of BANYAN Σ: a number is missing")
    return model


def _values(column: Any) -> Any:
    return column.to_numpy() if isinstance(column, pd.Series) else column


def _text(word: Any) -> str:
    return (word.decode() if isinstance(word, bytes) else str(word)).strip()
