"""A smooth model of the efficiency of the search: logistic, with splines and a ceiling.

Bins cannot tell what happens between them, nor for a star of another cadence. The chance that an
event is recovered is modelled as

    p = c(z) / (1 + exp(−η(x))),

η being natural cubic splines of the logarithms of depth, duration and points a day and of magnitude,
with products of pairs. c, the ceiling, is the chance that an event falls where there are
observations at all, itself logistic in duration and cadence; it is used if the trials ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import expit

from malca.evaluation.logistic import Fit, Problem, fit_problem

#: Predictors in order: column of the trials, whether its decimal logarithm is taken, spline knots.
PREDICTORS = (
    ("depth_mag", True, 5),
    ("duration_days", True, 5),
    ("median_mag", False, 4),
    ("points_per_day", True, 3),
)
_PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
_DEPTH, _DURATION, _CADENCE = 0, 1, 3
#: Below the shallowest trial the odds fall at least in proportion to depth: ln 10 a factor of ten.
_LEAST_SLOPE = float(np.log(10.0))
_FEWEST_OF_EACH = 20


class Prediction(NamedTuple):
    """Predicted efficiency.

    Attributes
    ----------
    efficiency, standard_error : float64 arrays
    lower, upper : float64 arrays
        Limits of 95 %, normal in the log-odds of the efficiency.
    """

    efficiency: np.ndarray
    standard_error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True, eq=False)
class CompletenessModel:
    """A fitted model; see `fit_completeness`. Its arrays are what is stored.

    Attributes
    ----------
    knots : (4, n_most) float64 array
        Of each predictor, in its own scale, filled up with NaN.
    center, scale : (n_features,) float64 arrays
        What the features of η were standardised with.
    coefficients : (n_features + 1 [+ 3],) float64 array
        Of η, first the constant; then, where there is a ceiling, of its constant, log duration and
        log cadence.
    covariance : (n, n) float64 array
        Of the coefficients: robust to trials of one star resembling each other, where there are
        enough stars.
    has_ceiling, is_clustered : bool
    n_trials, n_stars : int
    ridge : float
    stage, fingerprint : str
    """

    knots: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    has_ceiling: bool
    is_clustered: bool
    n_trials: int
    n_stars: int
    ridge: float
    stage: str
    fingerprint: str = ""

    def predict(
        self,
        depth_mag: np.ndarray | float,
        duration_days: np.ndarray | float,
        median_mag: np.ndarray | float,
        points_per_day: np.ndarray | float,
    ) -> Prediction:
        """Efficiency for events of given depth and duration on given stars.

        Parameters
        ----------
        depth_mag, duration_days, median_mag, points_per_day : float or arrays
            Broadcast against each other. Beyond the range of the trials the log-odds go on as
            straight lines; at depth 0 the efficiency is 0.

        Returns
        -------
        Prediction, with arrays of the broadcast shape

        Raises
        ------
        ValueError
            A depth is negative, or a duration or a cadence not positive.
        """
        given = (depth_mag, duration_days, median_mag, points_per_day)
        values = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in given))
        shape = values[0].shape
        raw = np.stack([v.ravel() for v in values], axis=1)
        nothing = raw[:, _DEPTH] == 0.0
        raw[nothing, _DEPTH] = 1.0
        x = _own_scale(raw)
        shallowest = self.knots[_DEPTH, 0]
        lack = np.maximum(shallowest - x[:, _DEPTH], 0.0)
        inside = x.copy()
        inside[:, _DEPTH] = np.maximum(x[:, _DEPTH], shallowest)
        problem = self._problem(x)
        at_edge = self._problem(inside)
        beta = self.coefficients[: self._n_eta]
        eta, edge = problem.design @ beta, at_edge.design @ beta
        # With few shallow trials the fitted line may not fall towards depth 0; it must.
        steep = (lack > 0) & (edge - eta < _LEAST_SLOPE * lack)
        problem.design[steep] = at_edge.design[steep]
        eta = np.where(steep, edge - _LEAST_SLOPE * lack, eta)
        p, jacobian = problem.at(self.coefficients, eta)
        error = np.sqrt(np.einsum("ij,jk,ik->i", jacobian, self.covariance, jacobian))
        ln_p = np.log(np.maximum(p, np.finfo(float).tiny))
        log_odds = ln_p - np.log1p(-np.minimum(p, 1 - 1e-15))
        width = 1.959964 * error / np.maximum(p * (1.0 - p), 1e-300)
        lower, upper = expit(log_odds - width), expit(log_odds + width)
        columns = [np.where(nothing, 0.0, v).reshape(shape) for v in (p, error, lower, upper)]
        return Prediction(*columns)

    @property
    def _n_eta(self) -> int:
        return len(self.center) + 1

    def _problem(self, x: np.ndarray) -> Problem:
        features = (_features(x, self.knots) - self.center) / self.scale
        design = np.column_stack([np.ones(len(x)), features])
        return Problem(design, _ceiling_design(x, self.knots) if self.has_ceiling else None)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Arrays to be stored; none holds objects."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> CompletenessModel:
        """Build a model from its arrays.

        Raises
        ------
        ValueError
            An array is missing.
        """
        names = [field.name for field in fields(cls)]
        if missing := [name for name in names if name not in arrays]:
            raise ValueError(f"the arrays are no completeness model: they lack {', '.join(missing)}")
        kept = {name: np.asarray(arrays[name]) for name in names}
        scalars = {name: array.item() for name, array in kept.items() if array.ndim == 0}
        return cls(**(kept | scalars))


def fit_completeness(
    trials: pd.DataFrame,
    stage: str = "event",
    *,
    ridge: float = 0.1,
    ceiling: bool | None = None,
    fingerprint: str = "",
) -> CompletenessModel:
    """Fit the chance that an injected event reaches a stage.

    Penalised maximum likelihood (McCullagh & Nelder 1989, Generalized Linear
    Models). Whether there is a ceiling is decided by the Bayesian information criterion.

    Parameters
    ----------
    trials : DataFrame
        ``asas_sn_id, depth_mag, duration_days, median_mag, points_per_day``, ``outcome``, ``already``
        and the stage; trials not carried out and those of stars with an event there are left out.
    stage : str
        A boolean column.
    ridge : float
        Weight of the squared standardised coefficients in half the deviance; 1 over the variance of
        a normal prior.
    ceiling : bool, optional
        Ask for a ceiling, or for none.
    fingerprint : str

    Returns
    -------
    CompletenessModel

    Raises
    ------
    ValueError
        A column is missing or not finite, too few trials were recovered or missed, or the fit
        does not converge.
    """
    x, y, star = completeness_data(trials, stage)
    knots = _knots(x)
    features = _features(x, knots)
    center, scale = features.mean(axis=0), features.std(axis=0)
    # A predictor that does not vary, such as the magnitude of a single star, says nothing.
    scale = np.where(scale > 1e-9 * (1.0 + np.abs(center)), scale, np.inf)
    design = np.column_stack([np.ones(len(x)), (features - center) / scale])
    gaps = _ceiling_design(x, knots)
    fits: dict[bool, Fit] = {}
    if ceiling is not True:
        fits[False] = fit_problem(Problem(design, None), y, ridge)
    if ceiling is not False:
        fits[True] = fit_problem(Problem(design, gaps), y, ridge)
    has_ceiling = min(fits, key=lambda which: fits[which].bic)
    fit = fits[has_ceiling]
    problem = Problem(design, gaps if has_ceiling else None)
    covariance, is_clustered = problem.covariance(fit, y, star)
    return CompletenessModel(
        knots, center, scale, fit.coefficients, covariance, has_ceiling, is_clustered,
        n_trials=len(y), n_stars=int(star.max()) + 1, ridge=ridge, stage=stage,
        fingerprint=fingerprint,
    )  # fmt: skip


def used_trials(trials: pd.DataFrame, stage: str) -> np.ndarray:
    """Which trials a model is fitted to: (n_trials,) bool array.

    Raises
    ------
    ValueError
        A column is missing, or unknown for a trial that was carried out.
    """
    needed = [*(name for name, _, _ in PREDICTORS), "asas_sn_id", "outcome", "already", stage]
    if missing := [name for name in needed if name not in trials]:
        raise ValueError(f"the table of trials lacks {', '.join(missing)}")
    done = (trials["outcome"] == "done").fillna(False).to_numpy(bool)
    if trials.loc[done, ["already", stage]].isna().any(axis=None):
        raise ValueError(f"already or {stage} is unknown for trials that were carried out")
    already = trials["already"].astype("boolean").to_numpy(dtype=bool, na_value=False)
    return done & ~already


def completeness_data(trials: pd.DataFrame, stage: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictors in their own scale (n, 4), what was recovered (n,), number of the star (n,).

    Raises
    ------
    ValueError
        As `fit_completeness`.
    """
    used = trials[used_trials(trials, stage)]
    y = used[stage].to_numpy(bool).astype(np.float64)
    if min(y.sum(), (1 - y).sum()) < _FEWEST_OF_EACH:
        raise ValueError(
            f"of {len(y)} trials {y.sum():.0f} reached {stage}: a model needs {_FEWEST_OF_EACH} that "
            "did and as many that did not"
        )
    names = [name for name, _, _ in PREDICTORS]
    return _own_scale(used[names].to_numpy(np.float64)), y, pd.factorize(used["asas_sn_id"])[0]


def _own_scale(raw: np.ndarray) -> np.ndarray:
    out = raw.copy()
    for k, (name, is_log, _) in enumerate(PREDICTORS):
        if not np.isfinite(raw[:, k]).all() or (is_log and not (raw[:, k] > 0).all()):
            raise ValueError(f"{name} must be finite{' and positive' if is_log else ''}")
        if is_log:
            out[:, k] = np.log10(raw[:, k])
    return out


def _knots(x: np.ndarray) -> np.ndarray:
    """Knots at equal shares of the trials, the outermost at their ends; distinct."""
    knots = np.full((len(PREDICTORS), max(n for _, _, n in PREDICTORS)), np.nan)
    for k, (_, _, n) in enumerate(PREDICTORS):
        at = np.unique(np.quantile(x[:, k], np.linspace(0, 1, n)))
        knots[k, : len(at)] = at
    return knots


def _features(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Splines of each predictor and products of pairs: (n, n_features), straight beyond the knots."""
    columns, line = [], np.empty_like(x)
    for k in range(x.shape[1]):
        own = knots[k][np.isfinite(knots[k])]
        half = 0.5 * (own[-1] - own[0]) or 1.0
        line[:, k] = (x[:, k] - 0.5 * (own[0] + own[-1])) / half
        columns.append(line[:, k])
        if len(own) > 2:
            inside = np.clip(x[:, k], own[0], own[-1])
            basis = CubicSpline(own, np.eye(len(own))[:, 1:-1], bc_type="natural")
            beyond = (x[:, k] - inside)[:, None] * basis(inside, 1)
            columns.extend((basis(inside) + beyond).T)
    columns.extend(line[:, a] * line[:, b] for a, b in _PAIRS)
    return np.column_stack(columns)


def _ceiling_design(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    columns = [np.ones(len(x))]
    for k in (_DURATION, _CADENCE):
        own = knots[k][np.isfinite(knots[k])]
        columns.append((x[:, k] - own.mean()) / ((own[-1] - own[0]) or 1.0))
    return np.column_stack(columns)
