"""Penalised logistic regression with a ceiling that has predictors of its own, by Newton's method."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.special import expit, logit, xlogy

_MAX_STEPS, _TOLERANCE = 100, 1e-8
_CHUNK = 100_000
_SMALLEST = 1e-12
#: Constant of a ceiling's log-odds that nothing is known of: 0.95.
_PRIOR_CEILING = float(logit(0.95))


class Fit(NamedTuple):
    """Coefficients, the inverse of the penalised information, and how good the fit is."""

    coefficients: np.ndarray
    inverse_information: np.ndarray
    ln_likelihood: float
    bic: float


class Problem:
    """Design matrices of the log-odds η (n, k) and, where there is one, of the ceiling (n, m)."""

    def __init__(self, design: np.ndarray, ceiling: np.ndarray | None) -> None:
        self.design, self.ceiling = design, ceiling

    def at(
        self, coefficients: np.ndarray, eta: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (n,) and their derivatives by the coefficients (n, k + m)."""
        k = self.design.shape[1]
        q = expit(self.design @ coefficients[:k] if eta is None else eta)
        if self.ceiling is None:
            return q, (q * (1 - q))[:, None] * self.design
        c = expit(self.ceiling @ coefficients[k:])
        parts = ((c * q * (1 - q))[:, None] * self.design, (c * (1 - c) * q)[:, None] * self.ceiling)
        return c * q, np.hstack(parts)

    def chunks(self) -> Iterator[tuple[slice, Problem]]:
        """Parts of bounded memory."""
        for start in range(0, len(self.design), _CHUNK):
            part = slice(start, start + _CHUNK)
            yield part, Problem(self.design[part], None if self.ceiling is None else self.ceiling[part])

    def ln_likelihood(self, coefficients: np.ndarray, y: np.ndarray) -> float:
        """Natural logarithm of the likelihood."""
        total = 0.0
        for part, problem in self.chunks():
            p = np.clip(problem.at(coefficients)[0], _SMALLEST, 1 - _SMALLEST)
            total += float((xlogy(y[part], p) + xlogy(1 - y[part], 1 - p)).sum())
        return total

    def derivatives(
        self, coefficients: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the log-likelihood: gradient, and minus its expected and its observed curvature."""
        n, k = len(coefficients), self.design.shape[1]
        score, expected, excess = np.zeros(n), np.zeros((n, n)), np.zeros((n, n))
        for part, problem in self.chunks():
            p, jacobian = problem.at(coefficients)
            # Where the likelihood is cut off it does not change, nor must it seem to.
            inside = (p > _SMALLEST) & (p < 1 - _SMALLEST)
            p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
            jacobian[~inside] = 0.0
            misfit = np.where(inside, (y[part] - p) / (p * (1 - p)), 0.0)
            score += jacobian.T @ misfit
            expected += (jacobian / (p * (1 - p))[:, None]).T @ jacobian
            if problem.ceiling is None:
                continue
            # For the canonical link both curvatures agree; with a ceiling they do not.
            x, z = problem.design, problem.ceiling
            q, c = expit(x @ coefficients[:k]), expit(z @ coefficients[k:])
            dq, dc = q * (1 - q), c * (1 - c)
            cross = (x * (misfit * dq * dc)[:, None]).T @ z
            excess += (jacobian * (misfit**2 - 1 / (p * (1 - p)))[:, None]).T @ jacobian
            excess[:k, :k] -= (x * (misfit * c * dq * (1 - 2 * q))[:, None]).T @ x
            excess[k:, k:] -= (z * (misfit * q * dc * (1 - 2 * c))[:, None]).T @ z
            excess[:k, k:] -= cross
            excess[k:, :k] -= cross.T
        return score, expected, expected + excess

    def covariance(self, fit: Fit, y: np.ndarray, star: np.ndarray) -> tuple[np.ndarray, bool]:
        """Covariance of the coefficients, and whether it allows for trials sharing stars.

        Sandwich with the scores added up by star (Liang & Zeger 1986, Biometrika 73, 13); with fewer
        than three stars a coefficient it would be too small, and the information's inverse is given.
        """
        n_stars = int(star.max()) + 1
        if n_stars < 3 * len(fit.coefficients):
            return fit.inverse_information, False
        scores = np.zeros((n_stars, len(fit.coefficients)))
        for part, problem in self.chunks():
            p, jacobian = problem.at(fit.coefficients)
            p = np.clip(p, _SMALLEST, 1 - _SMALLEST)
            np.add.at(scores, star[part], jacobian * ((y[part] - p) / (p * (1 - p)))[:, None])
        middle = scores.T @ scores * n_stars / (n_stars - 1)
        return fit.inverse_information @ middle @ fit.inverse_information, True


def fit_problem(problem: Problem, y: np.ndarray, ridge: float) -> Fit:
    """Maximise the log-likelihood less half ``ridge`` times the squared coefficients.

    The constant of η is not penalised; the constant of the ceiling is drawn to that of 0.95.

    Raises
    ------
    ValueError
        No convergence, or a ridge that is not positive.
    """
    if not ridge > 0:
        raise ValueError(f"the ridge must be positive, not {ridge}")
    k = problem.design.shape[1]
    n = k + (0 if problem.ceiling is None else problem.ceiling.shape[1])
    prior, weight = np.zeros(n), np.full(n, ridge)
    weight[0] = 0.0
    if n > k:
        prior[k] = _PRIOR_CEILING
    theta = prior.copy()
    theta[0] = logit(np.clip(y.mean(), 0.01, 0.99))

    def objective(at: np.ndarray) -> tuple[float, float]:
        ln_l = problem.ln_likelihood(at, y)
        return ln_l, ln_l - 0.5 * float(weight @ (at - prior) ** 2)

    ln_l, value = objective(theta)
    for _ in range(_MAX_STEPS):
        score, *curvatures = problem.derivatives(theta, y)
        score -= weight * (theta - prior)
        factor = _factor(*(curvature + np.diag(weight) for curvature in curvatures))
        step = cho_solve(factor, score)
        # The expected gain of a full step; what is left to gain when it is negligible.
        gain = float(score @ step)
        if gain < _TOLERANCE * (1.0 + abs(value)) * 1e-2:
            inverse = cho_solve(factor, np.eye(n))
            return Fit(theta, inverse, ln_l, float(n * np.log(len(y)) - 2.0 * ln_l))
        size = 1.0
        while True:
            ln_new, new = objective(theta + size * step)
            if new > value or size < 1e-6:
                break
            size *= 0.5
        if not new > value:
            break
        theta, ln_l, value = theta + size * step, ln_new, new
    raise ValueError("the fit of the completeness model does not converge")


def _factor(expected: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, bool]:
    """Of the observed curvature, or of the expected one where the likelihood is not concave."""
    try:
        return cho_factor(observed)
    except LinAlgError:
        return cho_factor(expected)
