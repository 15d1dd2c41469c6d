"""What makes each star dim: the probability of every class, the decision, its margin and its grounds.

Observables are taken to be independent given the class (naive Bayes), which makes probabilities more
extreme than they should be where observables say the same thing twice; the catalogues of variables,
which copy one another, are therefore added up as correlated witnesses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import logsumexp

from malca.astrophysics.class_defaults import NUMBERS, OUTCOMES, PRIORS
from malca.astrophysics.class_likelihoods import (
    CLASSES,
    CategoricalLikelihood,
    ContinuousLikelihood,
    correlated_sum,
)
from malca.astrophysics.class_observables import Observables, observables
from malca.astrophysics.star_table import numbers, words

#: Words for the classes.
CLASS_NAMES = {
    "eclipsing_binary": "eclipsing binary",
    "cataclysmic": "cataclysmic variable",
    "starspot": "starspot",
    "circumstellar_disc": "disc occultation",
    "yso": "YSO",
    "unknown": "unknown dipper",
}
NO_DIP = "no dip"
#: Columns of ``classify``.
COLUMNS = (
    *(f"p_{name}" for name in CLASSES), "final_class", "class_best", "class_second", "class_margin",
    "class_n_observables", "class_evidence",
)  # fmt: skip
_CATALOGUES = "catalogues"
# Classes that mean something of a star that does not dim.
_WITHOUT_DIPS = ("cataclysmic", "yso")
_YOUNG_DISCS = ("Class I", "Class II", "transition disc")


class ClassificationModel(BaseModel):
    """Priors and likelihoods of the classes, and when to decide."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priors: dict[str, float] = Field(
        default=PRIORS,
        description="Share of each class among what is classified; they are scaled to a sum of one. "
        "JoHantgen+ 2025 (arXiv:2507.19594) for binaries and discs, else judgement.",
    )
    numbers: dict[str, ContinuousLikelihood] = Field(
        default={}, validate_default=True, description="Likelihoods of numbers; one that is given "
        "replaces that of the same name in malca/astrophysics/class_defaults.py as a whole.",
    )  # fmt: skip
    outcomes: dict[str, CategoricalLikelihood] = Field(
        default={}, validate_default=True, description="Likelihoods of outcomes, likewise.",
    )  # fmt: skip
    ignored: tuple[str, ...] = Field(
        default=(), description="Names of observables that are not looked at."
    )
    catalogue_correlation: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Correlation of catalogues of variables, which copy one another: n of them count "
        "as n / (1 + (n − 1) ρ). Judgement.",
    )
    min_probability: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Least probability with which a class is named; below it the star is an unknown "
        "dipper.",
    )
    evidence_terms: int = Field(
        default=5, ge=1, description="Strongest observables that class_evidence names."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return given | {
            "numbers": NUMBERS | given.get("numbers", {}),
            "outcomes": OUTCOMES | given.get("outcomes", {}),
        }

    @model_validator(mode="after")
    def _complete(self) -> ClassificationModel:
        if set(self.priors) != set(CLASSES) or min(self.priors.values()) <= 0:
            raise ValueError(f"priors: give a positive share for each of {', '.join(CLASSES)}")
        known = set(NUMBERS) | set(OUTCOMES)
        named = {*self.numbers, *self.outcomes, *self.ignored}
        if named - known:
            raise ValueError(f"no observable {', '.join(sorted(named - known))}; there are "
                             f"{', '.join(sorted(known))}")  # fmt: skip
        for name, likelihood in self.outcomes.items():
            if likelihood.outcomes != tuple(OUTCOMES[name]["outcomes"]):
                raise ValueError(f"{name}: its outcomes are {', '.join(OUTCOMES[name]['outcomes'])}")
        return self

    @property
    def ln_priors(self) -> np.ndarray:
        """Natural logarithms of the priors, (n_classes,)."""
        shares = np.array([self.priors[name] for name in CLASSES])
        return np.log(shares / shares.sum())


def ln_likelihoods(seen: Observables, model: ClassificationModel) -> dict[str, np.ndarray]:
    """Weigh every observable: natural logarithm of its likelihood, (n, n_classes); 0 where unknown."""
    terms = {
        name: likelihood.ln(seen.numbers[name])
        for name, likelihood in model.numbers.items()
        if name in seen.numbers
    }
    for name, likelihood in model.outcomes.items():
        if name in seen.outcomes:
            terms[name] = likelihood.ln(seen.outcomes[name])
    said = []
    likelihood = model.outcomes[_CATALOGUES]
    for label, quality in seen.labels.values():
        # a catalogue that doubts its own class is of something else so much more often
        doubt = np.clip(np.where(np.isfinite(quality), 1 - quality, 0.0), likelihood.foreign, 1.0)
        known = np.isin(label, likelihood.outcomes)
        said.append((likelihood.ln(likelihood.weights(label), doubt), known))
    if said:
        values, known = (np.stack(part) for part in zip(*said, strict=True))
        terms[_CATALOGUES] = correlated_sum(values, known, model.catalogue_correlation)
    return {name: value for name, value in terms.items() if name not in model.ignored}


def posterior(terms: dict[str, np.ndarray], model: ClassificationModel, n: int) -> np.ndarray:
    """Natural logarithm of the probability of every class, (n, n_classes): exponentials sum to 1."""
    total = np.broadcast_to(model.ln_priors, (n, len(CLASSES))).copy()
    for name in sorted(terms):  # rounding does not depend on the order given
        total += terms[name]
    return total - logsumexp(total, axis=-1, keepdims=True)


def classify(
    table: pd.DataFrame, dips: pd.DataFrame, model: ClassificationModel | None = None
) -> pd.DataFrame:
    """Classify every star.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns of candidates, characterized and vetted; any may be missing.
    dips : DataFrame, (n,)
        ``malca.astrophysics.dip_quantities.strongest_dips``.
    model : ClassificationModel, optional

    Returns
    -------
    DataFrame, (n,)
        ``COLUMNS``, with the index of ``table``. ``p_<class>``; ``final_class``, in the words of
        ``CLASS_NAMES``: "unknown dipper" too where no class reaches ``min_probability``, "no dip"
        where the search found none and the star is neither cataclysmic nor young, and of young stars
        the infrared class in brackets; ``class_best`` and ``class_second``, the two most probable;
        ``class_margin``, natural logarithm of their odds; ``class_n_observables``, how many say
        something; ``class_evidence``, what each of the strongest adds to the margin, and the prior.
    """
    model = model or ClassificationModel()
    n = len(table)
    seen = observables(table, dips)
    terms = ln_likelihoods(seen, model)
    ln_p = posterior(terms, model, n)
    order = np.argsort(-ln_p, axis=1, kind="stable")
    best, second = order[:, 0], order[:, 1]
    row = np.arange(n)
    names = np.array(CLASSES, dtype=object)
    margin = ln_p[row, best] - ln_p[row, second]
    gains = {name: term[row, best] - term[row, second] for name, term in terms.items()}
    known = sum(((term != 0).any(axis=1).astype(np.int64) for term in terms.values()), np.zeros(n, int))
    prior = model.ln_priors[best] - model.ln_priors[second]
    result: dict[str, Any] = {f"p_{name}": np.exp(ln_p[:, k]) for k, name in enumerate(CLASSES)}
    result |= {
        "final_class": pd.array(
            _final(table, names[best], np.exp(ln_p[row, best]), model), dtype="str"
        ),
        "class_best": pd.array(names[best], dtype="str"),
        "class_second": pd.array(names[second], dtype="str"),
        "class_margin": margin,
        "class_n_observables": known,
        "class_evidence": pd.array(_evidence(seen, gains, prior, names[second], model), dtype="str"),
    }
    return pd.DataFrame(result, index=table.index)


def _final(
    table: pd.DataFrame, best: np.ndarray, probability: np.ndarray, model: ClassificationModel
) -> list[str]:
    infrared, dips = words(table, "yso_class"), numbers(table, "dip_count")
    final = []
    for kind, p, excess, count in zip(best, probability, infrared, dips, strict=True):
        sure = p >= model.min_probability
        if count == 0 and not (sure and kind in _WITHOUT_DIPS):
            final.append(NO_DIP)
        elif not sure:
            final.append(CLASS_NAMES["unknown"])
        elif kind == "yso" and excess in _YOUNG_DISCS:
            final.append(f"{CLASS_NAMES[kind]} ({excess})")
        else:
            final.append(CLASS_NAMES[kind])
    return final


def _evidence(
    seen: Observables,
    gains: dict[str, np.ndarray],
    prior: np.ndarray,
    against: np.ndarray,
    model: ClassificationModel,
) -> list[str]:
    """Tell what the strongest observables add to the margin over the second class, in ln units."""
    names = list(gains)
    amount = np.stack([gains[name] for name in names], axis=1) if names else np.zeros((len(prior), 0))
    order = np.argsort(-np.abs(amount), axis=1, kind="stable")[:, : model.evidence_terms]
    told = []
    for i in range(len(prior)):
        parts = [
            f"{seen.told(names[k], i, _outcomes(names[k], model))} {amount[i, k]:+.1f}"
            for k in order[i].tolist()
            if abs(amount[i, k]) >= 0.05
        ]
        parts.append(f"prior {prior[i]:+.1f}")
        told.append(f"against {CLASS_NAMES[against[i]]}: {'; '.join(parts)}")
    return told


def _outcomes(name: str, model: ClassificationModel) -> tuple[str, ...]:
    return model.outcomes[name].outcomes if name in model.outcomes else ()
