"""What of a candidate's columns speaks for a class: numbers, outcomes, and how to say them in words.

Nothing here weighs. A column that is not there, or a value that is missing, is unknown and says
nothing; "not covered" and a failed service are unknown too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from malca.astrophysics.class_labels import catalogue_labels
from malca.astrophysics.main_sequence import offset_from_sequence
from malca.astrophysics.star_table import numbers, words
from malca.catalogs import MATCHED, NOT_MATCHED

#: Beyond this distance BANYAN knows no associations, so that "field" says nothing of youth, pc.
BANYAN_REACH_PC = 150.0
_YOUNG_LOG10_YR = 7.7
_MAX_RUWE = 1.4
_NSS_ECLIPSING = 4  # third bit of non_single_star: eclipsing; first astrometric, second spectroscopic
# How sure a place in a star-forming region makes youth: field stars lie there too.
_REGION_PROBABILITY = 0.8


class Observables(NamedTuple):
    """What is known of n stars.

    Attributes
    ----------
    numbers : mapping of str to (n,) array
        NaN where unknown.
    outcomes : mapping of str to (n, n_outcomes) array
        Weight of each outcome, as ``CategoricalLikelihood.ln`` takes it: ones where unknown.
    labels : mapping of str to (labels, quality)
        What catalogues say, see ``malca.astrophysics.class_labels.catalogue_labels``.
    """

    numbers: Mapping[str, np.ndarray]
    outcomes: Mapping[str, np.ndarray]
    labels: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def told(self, name: str, i: int, outcomes: tuple[str, ...] = ()) -> str:
        """Say in words what is known of star ``i``."""
        if name in self.numbers:
            value = self.numbers[name][i]
            unit = _UNITS.get(name, "")
            value = 10**value if name in _LOGARITHMS else value
            return f"{name.replace('_', ' ')} {value:.3g}{unit}"
        if name in self.outcomes:
            weight = self.outcomes[name][i]
            best = " or ".join(outcomes[k] for k in np.flatnonzero(weight == weight.max()))
            return f"{name.replace('_', ' ')}: {best}"
        said = [f"{who} {label[i]}" for who, (label, _) in self.labels.items() if label[i]]
        return f"catalogues: {', '.join(said)}"


_LOGARITHMS = {"duration", "depth", "period"}
_UNITS = {"duration": " d", "depth": " mag", "period": " d", "cmd_offset": " mag", "colour": " mag"}


def observables(table: pd.DataFrame, dips: pd.DataFrame) -> Observables:
    """Gather what is known of every star.

    Parameters
    ----------
    table : DataFrame, (n,)
        Columns of candidates, characterized and vetted, as far as they are there.
    dips : DataFrame, (n,)
        ``malca.astrophysics.dip_quantities.strongest_dips``.
    """
    colour, absolute = numbers(table, "bp_rp0_mag"), numbers(table, "abs_g0_mag")
    catalogued, own = numbers(table, "period_consensus_days"), numbers(table, "lsp_period_days")
    accepted, periodic = _truth(table, "period_accepted"), _truth(table, "is_periodic")
    period = np.where(accepted == 1, catalogued, np.where(periodic == 1, own, np.nan))
    ruwe = np.where(
        np.isfinite(numbers(table, "gaia_ruwe")), numbers(table, "gaia_ruwe"), numbers(table, "ruwe")
    )
    return Observables(
        numbers={
            "duration": _log10(np.maximum(numbers(dips, "dip_duration_days"), 1e-3)),
            "depth": _log10(numbers(dips, "dip_depth_mag")),
            "period": _log10(period),
            "asymmetry": numbers(dips, "dip_asymmetry"),
            "cmd_offset": offset_from_sequence(colour, absolute),
            "colour": colour,
        },
        outcomes={
            "recurrence": _recurrence(table, accepted, periodic),
            "brightenings": _yes_no(_above(numbers(table, "jump_count"), 0)),
            "infrared": _infrared(words(table, "yso_class")),
            "halpha": _yes_no(_truth(table, "halpha_emitter")),
            "youth": _youth(table),
            "xrays": _detected(words(table, "erosita_outcome")),
            "mid_infrared": _yes_no(_truth(table, "midir_variable")),
            "reddening": _yes_no(_truth(table, "dip_reddens")),
            "ruwe": _yes_no(_above(ruwe, _MAX_RUWE)),
            "non_single": _non_single(numbers(table, "gaia_non_single_star")),
        },
        labels=catalogue_labels(table),
    )


def _log10(values: np.ndarray) -> np.ndarray:
    return np.log10(np.where(values > 0, values, np.nan))


def _truth(table: pd.DataFrame, name: str) -> np.ndarray:
    """Nullable boolean as 1, 0 and NaN."""
    if name not in table:
        return np.full(len(table), np.nan)
    return table[name].astype("boolean").astype("Float64").to_numpy(float, na_value=np.nan)


def _above(values: np.ndarray, threshold: float) -> np.ndarray:
    return np.where(np.isfinite(values), (values > threshold).astype(float), np.nan)


def _yes_no(truth: np.ndarray) -> np.ndarray:
    """Weights of yes and no from 1, 0 and NaN, or from a probability between."""
    yes = np.where(np.isfinite(truth), truth, 1.0)
    no = np.where(np.isfinite(truth), 1 - truth, 1.0)
    return np.stack([yes, no], axis=1)


def _recurrence(table: pd.DataFrame, accepted: np.ndarray, periodic: np.ndarray) -> np.ndarray:
    """Weights of: a period makes the dips; they repeat, with another period or none; one dip, likewise.

    An accepted period of catalogues makes the dips unless the star's own test says that it does not.
    """
    count = numbers(table, "dip_count")
    makes = _truth(table, "period_explains_events")
    makes = np.where(np.isfinite(makes), makes, np.where(accepted == 1, 1.0, np.nan))
    has_period = np.where((accepted == 1) | (periodic == 1), 1.0, periodic)
    # what is not ruled out; comparisons with NaN leave both sides possible
    by_period, otherwise = makes != 0, makes != 1
    one, many = ~(count > 1), ~(count == 1)
    with_period, without = has_period != 0, has_period != 1
    # one dip cannot show that it repeats: unless catalogues know a period, none makes it
    by_period &= ~((count == 1) & (makes != 1))
    weights = np.stack(
        [
            by_period,
            many & otherwise & with_period,
            many & otherwise & without,
            one & otherwise & with_period,
            one & otherwise & without,
        ],
        axis=1,
    )
    weights = np.where((count == 0)[:, None], True, weights).astype(float)
    return weights


def _infrared(kind: np.ndarray) -> np.ndarray:
    names = ("Class I", "Class II", "transition disc", "no excess")
    hot = kind[:, None] == np.array(names, dtype=object)[None]
    return np.where(hot.any(axis=1, keepdims=True), hot, True).astype(float)


def _youth(table: pd.DataFrame) -> np.ndarray:
    """Probability of being young from the best of BANYAN, regions and clusters.

    That one of them does not know a star as young is no proof: it counts as "not young" if regions were
    looked into, or BANYAN is within its reach.
    """
    banyan = 1 - numbers(table, "banyan_field_probability")
    near = numbers(table, "distance_pc") <= BANYAN_REACH_PC
    in_reach = np.isfinite(banyan) & near
    region = _REGION_PROBABILITY * _truth(table, "sfr_member")
    age, member = numbers(table, "cluster_age_log10yr"), numbers(table, "cluster_probability")
    member = np.where(np.isfinite(member), member, 1.0)
    cluster = np.where(np.isfinite(age), np.where(age < _YOUNG_LOG10_YR, member, 0.0), np.nan)
    best = np.fmax(np.fmax(banyan, region), cluster)
    looked = in_reach | np.isfinite(region) | np.isfinite(cluster)
    return _yes_no(np.where((best > 0.5) | looked, np.clip(best, 0.0, 1.0), np.nan))


def _detected(outcome: np.ndarray) -> np.ndarray:
    return _yes_no(np.where(outcome == MATCHED, 1.0, np.where(outcome == NOT_MATCHED, 0.0, np.nan)))


def _non_single(flag: np.ndarray) -> np.ndarray:
    """Weights of: eclipsing, another orbit, none; from the bits of Gaia's ``non_single_star``."""
    known = np.isfinite(flag)
    bits = np.where(known, flag, 0).astype(np.int64)
    eclipsing = (bits & _NSS_ECLIPSING) > 0
    weights = np.stack([eclipsing, ~eclipsing & (bits > 0), bits == 0], axis=1)
    return np.where(known[:, None], weights, True).astype(float)
