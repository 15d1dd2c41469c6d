"""How likely each kind of star is to show what is observed: a density or a table for each observable.

Every likelihood is a proper one: a density that integrates to one over a range, or probabilities of
outcomes that sum to one. Observing nothing then says nothing: the factor of an unknown is exactly 1.

No single observable may decide. With probability ``foreign`` an observation is taken to be of something
else (a neighbour in the aperture, a wrong match, a misfit), and then says nothing of the class: each
likelihood p of class c becomes (1 − ε) p_c + ε p̄, with p̄ the mean over the K classes. It still
integrates to one, and the ratio of two classes stays below 1 + K (1 − ε) / ε, which is 55 (4.0 in ln)
for ε = 0.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import ndtr

#: What may make a star dim, in the order of every array's last axis.
CLASSES = (
    "eclipsing_binary", "cataclysmic", "starspot", "circumstellar_disc", "yso", "unknown",
)  # fmt: skip


class Density(BaseModel):
    """A density over a range: a flat part and normal ones, cut at the ends of the range."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flat: float = Field(0.0, ge=0, le=1, description="Weight of the flat part.")
    normals: tuple[tuple[float, float, float], ...] = Field(
        (), description="Weight, mean and standard deviation of each normal part."
    )

    @model_validator(mode="after")
    def _proper(self) -> Density:
        total = self.flat + sum(weight for weight, _, _ in self.normals)
        if not np.isclose(total, 1):
            raise ValueError(f"the weights of a density must sum to one, not {total:g}")
        if any(weight < 0 or sigma <= 0 for weight, _, sigma in self.normals):
            raise ValueError("weights must not be negative, standard deviations must be positive")
        return self

    def pdf(self, x: np.ndarray, low: float, high: float) -> np.ndarray:
        """Density at ``x``, within ``low`` to ``high``."""
        density = np.full(np.shape(x), self.flat / (high - low))
        for weight, mean, sigma in self.normals:
            inside = ndtr((high - mean) / sigma) - ndtr((low - mean) / sigma)
            z = (x - mean) / sigma
            density += weight * np.exp(-0.5 * z * z) / (np.sqrt(2 * np.pi) * sigma * inside)
        return density


class _Likelihood(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    foreign: float = Field(
        0.1,
        gt=0,
        le=1,
        description="ε: probability that the observation is of something else and says nothing.",
    )
    source: str = Field(description="Where the numbers come from.")

    def _robust(self, likelihood: np.ndarray, foreign: np.ndarray | None = None) -> np.ndarray:
        """Natural logarithm of the likelihoods (…, n_classes) mixed with their mean over classes."""
        share = self.foreign if foreign is None else foreign
        mean = likelihood.mean(axis=-1, keepdims=True)
        return np.log((1 - share) * likelihood + share * mean)


class ContinuousLikelihood(_Likelihood):
    """Densities of a number, one a class."""

    kind: Literal["number"] = "number"
    low: float = Field(description="Low end of the range; smaller values are taken to be there.")
    high: float = Field(description="High end of the range; larger values are taken to be there.")
    classes: dict[str, Density] = Field(description="Density by class; all of the classes.")

    @model_validator(mode="after")
    def _complete(self) -> ContinuousLikelihood:
        _check_classes(self.classes)
        if not self.low < self.high:
            raise ValueError("low must be below high")
        return self

    def ln(self, x: np.ndarray) -> np.ndarray:
        """Natural logarithm of the robust likelihood of ``x`` (n,): (n, n_classes); 0 for NaN."""
        x = np.asarray(x, float)
        known = np.isfinite(x)
        inside = np.where(known, np.clip(x, self.low, self.high), self.low)
        density = np.stack(
            [self.classes[name].pdf(inside, self.low, self.high) for name in CLASSES], axis=-1
        )
        # a density has a unit; ratios count, so take it in units of the flat one
        result = self._robust(density * (self.high - self.low))
        return np.where(known[:, None], result, 0.0)


class CategoricalLikelihood(_Likelihood):
    """Probabilities of outcomes, one table row a class."""

    kind: Literal["outcomes"] = "outcomes"
    outcomes: tuple[str, ...] = Field(min_length=2, description="Outcomes, one of which is true.")
    classes: dict[str, tuple[float, ...]] = Field(
        description="Probability of each outcome by class; all of the classes."
    )

    @model_validator(mode="after")
    def _complete(self) -> CategoricalLikelihood:
        _check_classes(self.classes)
        for name, row in self.classes.items():
            if len(row) != len(self.outcomes) or min(row) < 0 or not np.isclose(sum(row), 1):
                raise ValueError(
                    f"{name}: give a probability for each of {', '.join(self.outcomes)}, sum one"
                )
        return self

    @property
    def table(self) -> np.ndarray:
        """Probability of outcome (rows) by class (columns)."""
        return np.array([self.classes[name] for name in CLASSES]).T

    def ln(self, weights: np.ndarray, foreign: np.ndarray | None = None) -> np.ndarray:
        """Natural logarithm of the robust likelihood: (n, n_classes).

        Parameters
        ----------
        weights : (n, n_outcomes) array
            How likely what was seen is under each outcome: 1 and 0 where it is known, ones
            where nothing is, ones for those that are still possible where only some are ruled out.
        foreign : (n,) array, optional
            Replaces ``foreign`` star by star.
        """
        weights = np.asarray(weights, float)
        share = None if foreign is None else np.asarray(foreign, float)[:, None]
        known = (weights != weights[:, :1]).any(axis=1)
        with np.errstate(divide="ignore"):
            result = self._robust(weights @ self.table, share)
        return np.where(known[:, None], result, 0.0)

    def weights(self, outcome: np.ndarray) -> np.ndarray:
        """Weights of known outcomes, (n, n_outcomes); of a name that is none of them, ones."""
        hot = np.asarray(outcome, object)[:, None] == np.array(self.outcomes, dtype=object)[None]
        return np.where(hot.any(axis=1, keepdims=True), hot, True).astype(float)


def correlated_sum(ln_likelihoods: np.ndarray, known: np.ndarray, correlation: float) -> np.ndarray:
    """Add up what witnesses say that have partly copied one another.

    Of n equally correlated witnesses the effective number is n / (1 + (n − 1) ρ) (Kish 1965, Survey
    Sampling, section 5.4); their mean logarithm counts so often.

    Parameters
    ----------
    ln_likelihoods : (n_witnesses, n, n_classes) array
        0 where a witness says nothing.
    known : (n_witnesses, n) bool array
        Who says something.
    correlation : float
        ρ: 0 adds all up, 1 takes their mean.

    Returns
    -------
    (n, n_classes) array
    """
    n = known.sum(axis=0)
    weight = 1.0 / (1 + (np.maximum(n, 1) - 1) * correlation)
    return weight[:, None] * ln_likelihoods.sum(axis=0)


def _check_classes(given: Mapping[str, object]) -> None:
    if set(given) != set(CLASSES):
        missing, extra = sorted(set(CLASSES) - set(given)), sorted(set(given) - set(CLASSES))
        raise ValueError(f"classes missing: {missing}, not known: {extra}")
