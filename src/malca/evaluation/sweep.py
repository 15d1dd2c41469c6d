"""Choose parameters: completeness against false alarms, of every setting on the same light curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.stats import binomtest

from malca.evaluation.intervals import binomial_limits
from malca.evaluation.nulls import NULLS
from malca.search.parameters import DetectionParameters, SearchParameters, search_parameters


class Setting(BaseModel):
    """One way to search, with one parameter varied along its curve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: dict[str, Any] = Field(
        default={}, description="Search parameters by dotted name, in place of the defaults."
    )
    vary: str = Field(description="The parameter that makes a curve of the setting, by dotted name.")
    values: tuple[float, ...] = Field(min_length=1, description="Its values.")

    def search(self, value: float) -> SearchParameters:
        """Search parameters at one point of the curve."""
        return search_parameters({**self.parameters, self.vary: value})


_POSTERIOR = (90.0, 99.0, 99.9, 99.99, 99.999, 99.99997, 99.9999999)
_LN_BF = (2.0, 3.5, 5.0, 8.0, 12.0, 20.0, 40.0)
#: Trigger and baselines of MALCA and of the earlier MALCA.
DEFAULT_SETTINGS: dict[str, dict[str, Any]] = {
    "star_gp, event": {
        "vary": "event.threshold_sigma",
        "values": (4.0, 5.0, 6.0, 7.5, 9.0, 12.0, 16.0),
    },
    "gp, posterior (original default)": {
        "parameters": {
            "baseline.family": "gp",
            "trigger_mode": "posterior_prob",
            "min_mag_offset": 0.1,
            "points.runs.min_points": 2,
        },
        "vary": "points.posterior_threshold_percent",
        "values": _POSTERIOR,
    },
    "gp, ln BF": {
        "parameters": {"baseline.family": "gp", "trigger_mode": "logbf", "min_mag_offset": 0.1},
        "vary": "points.ln_bf_threshold_dip",
        "values": _LN_BF,
    },
    "gp_masked, posterior": {
        "parameters": {
            "baseline.family": "gp_masked",
            "trigger_mode": "posterior_prob",
            "min_mag_offset": 0.1,
        },
        "vary": "points.posterior_threshold_percent",
        "values": _POSTERIOR,
    },
    "trend, ln BF": {
        "parameters": {"baseline.family": "trend", "trigger_mode": "logbf", "min_mag_offset": 0.1},
        "vary": "points.ln_bf_threshold_dip",
        "values": _LN_BF,
    },
    "star_gp, posterior": {
        "parameters": {"trigger_mode": "posterior_prob"},
        "vary": "points.posterior_threshold_percent",
        "values": _POSTERIOR,
    },
}


class SweepParameters(BaseModel):
    """What ``parameters_evaluation.yml`` may say under ``evaluation.sweep``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: dict[str, Setting] = Field(
        default_factory=lambda: {k: Setting(**v) for k, v in DEFAULT_SETTINGS.items()},
        validate_default=True,
        description="Settings by name; each a curve.",
    )
    n_trials: int = Field(2000, ge=1, description="Injected events, the same for every point.")
    n_nulls: int = Field(500, ge=1, description="Most null light curves of each family.")
    families: tuple[str, ...] = Field(
        ("mirrored", "seasons_scrambled"), description="Null light curves that false alarms are of."
    )
    depth_mag: tuple[float, float] = Field(
        (0.1, 0.3), description="Depths of the completeness that decides, mag."
    )
    duration_days: tuple[float, float] = Field((2.0, 30.0), description="Durations of the same, d.")
    max_false_per_1000: float = Field(
        5.0, ge=0, description="The setting wins that is most complete with no more false alarms."
    )

    @field_validator("families")
    @classmethod
    def _known(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in families if name not in NULLS]
        if unknown or not families:
            raise ValueError(f"no null '{', '.join(unknown)}'; there are {', '.join(NULLS)}")
        return families

    @field_validator("settings")
    @classmethod
    def _possible(cls, settings: dict[str, Setting]) -> dict[str, Setting]:
        for name, setting in settings.items():
            for value in setting.values:
                try:
                    setting.search(value)
                except ValueError as error:
                    raise ValueError(f"setting '{name}': {error}") from None
        return settings

    @property
    def points(self) -> list[tuple[str, float]]:
        """Setting and value of every point, in order."""
        return [(name, value) for name, one in self.settings.items() for value in one.values]

    def detection(self, point: tuple[str, float], base: DetectionParameters) -> DetectionParameters:
        """Parameters of a point; tags are those of the survey."""
        return base.model_copy(update={"search": self.settings[point[0]].search(point[1])})


def sweep_curves(
    trials: pd.DataFrame, cases: pd.DataFrame, parameters: SweepParameters
) -> pd.DataFrame:
    """Completeness and false alarms at every point.

    Parameters
    ----------
    trials : DataFrame
        ``setting, value, depth_mag, duration_days, searched, already, event``.
    cases : DataFrame
        ``setting, value, searched, n_dips``.
    parameters : SweepParameters

    Returns
    -------
    DataFrame
        ``setting, varied, value``; ``n_trials, n_recovered, completeness`` with ``_lower, _upper``, of
        depths and durations that decide; the same with ``all_`` in front, of all; ``n_nulls, n_false,
        false_per_1000`` with its limits (null light curves with a dip); ``wins``: of the points with no
        more than ``max_false_per_1000`` the most complete.
    """
    rows = []
    for setting, value in parameters.points:
        own = _of(trials, setting, value)
        own = own[own["searched"] & ~own["already"]]
        inside = own["depth_mag"].between(*parameters.depth_mag) & own["duration_days"].between(
            *parameters.duration_days
        )
        null = _of(cases, setting, value)
        null = null[null["searched"]]
        row: dict[str, Any] = {
            "setting": setting,
            "varied": parameters.settings[setting].vary,
            "value": value,
        }
        for prefix, part in (("", own[inside]), ("all_", own)):
            n, k = len(part), int(part["event"].sum())
            lower, upper = map(float, binomial_limits(k, n))
            row |= {
                f"{prefix}n_trials": n,
                f"{prefix}n_recovered": k,
                f"{prefix}completeness": k / n if n else np.nan,
                f"{prefix}completeness_lower": lower,
                f"{prefix}completeness_upper": upper,
            }
        n, k = len(null), int((null["n_dips"] > 0).sum())
        lower, upper = map(float, binomial_limits(k, n))
        row |= {
            "n_nulls": n,
            "n_false": k,
            "false_per_1000": 1000.0 * k / n if n else np.nan,
            "false_per_1000_lower": 1000.0 * lower,
            "false_per_1000_upper": 1000.0 * upper,
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    if not table["n_trials"].all():
        raise ValueError(
            "sweep: no trial was carried out with a depth of "
            f"{parameters.depth_mag[0]:g} to {parameters.depth_mag[1]:g} mag and a duration of "
            f"{parameters.duration_days[0]:g} to {parameters.duration_days[1]:g} d"
        )
    allowed = table[table["false_per_1000"] <= parameters.max_false_per_1000]
    table["wins"] = False
    if len(allowed):
        table.loc[allowed["completeness"].idxmax(), "wins"] = True
    return table


def completeness_at(curves: pd.DataFrame, setting: str, false_per_1000: float) -> float:
    """Completeness of a setting at a rate of false alarms, between its points; NaN beyond them."""
    own = curves[curves["setting"] == setting].sort_values("false_per_1000")
    rate = own["false_per_1000"].to_numpy(np.float64)
    best = np.maximum.accumulate(own["completeness"].to_numpy(np.float64))
    if len(own) == 0 or not rate[0] <= false_per_1000:
        return float("nan")
    return float(np.interp(false_per_1000, rate, best))


def equal_rate_point(
    curves: pd.DataFrame, first: str, second: str
) -> tuple[tuple[str, float], tuple[str, float]] | None:
    """Points of two settings to compare: the second's default and the first's at no more false alarms.

    The second's default is the value that its parameter has by default, or else its middle one; of
    the first's points with no more false alarms the most complete is taken. None: there is none.
    """
    own, other = (curves[curves["setting"] == name] for name in (first, second))
    if own.empty or other.empty:
        return None
    default = _default_value(str(other["varied"].iloc[0]))
    chosen = other[other["value"] == default]
    point = chosen.iloc[0] if len(chosen) else other.iloc[len(other) // 2]
    allowed = own[own["false_per_1000"] <= point["false_per_1000"]]
    if allowed.empty:
        return None
    best = allowed.loc[allowed["completeness"].idxmax()]
    return (first, float(best["value"])), (second, float(point["value"]))


def _default_value(name: str) -> float:
    value: Any = SearchParameters()
    for part in name.split("."):
        value = getattr(value, part)
    return float(value)


def compare_cells(
    trials: pd.DataFrame,
    first: tuple[str, float],
    second: tuple[str, float],
    edges: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Compare two points cell by cell of depth and duration, on the same trials.

    Parameters
    ----------
    trials : DataFrame
        ``setting, value, trial_id, depth_mag, duration_days, searched, already, event``.
    first, second : (setting, value)
    edges : dict
        ``depth_mag`` and ``duration_days``: edges of the cells.

    Returns
    -------
    DataFrame
        A row a cell with trials: its edges, ``n_trials``, ``first_only, second_only`` (events found by
        one alone), ``difference`` of completeness and ``p_value``, two-sided, of McNemar's exact test
        (McNemar 1947, Psychometrika 12, 153): the chance of such a difference if both were alike.
    """
    columns = ["trial_id", "depth_mag", "duration_days", "searched", "already", "event"]
    both = _of(trials, *first)[columns].merge(
        _of(trials, *second)[["trial_id", "searched", "already", "event"]],
        on="trial_id", suffixes=("", "_second"), validate="1:1",
    )  # fmt: skip
    both = both[both["searched"] & ~both["already"] & both["searched_second"] & ~both["already_second"]]
    cells = [
        np.clip(np.searchsorted(edges[name], both[name], side="right") - 1, 0, len(edges[name]) - 2)
        for name in ("depth_mag", "duration_days")
    ]
    rows = []
    for (i, j), part in both.groupby(cells):
        only = int((part["event"] & ~part["event_second"]).sum())
        other = int((part["event_second"] & ~part["event"]).sum())
        p = binomtest(only, only + other).pvalue if only + other else 1.0
        rows.append(
            (
                edges["depth_mag"][i], edges["depth_mag"][i + 1],
                edges["duration_days"][j], edges["duration_days"][j + 1],
                len(part), only, other, (only - other) / len(part), p,
            )
        )  # fmt: skip
    names = [
        "depth_low_mag", "depth_high_mag", "duration_low_days", "duration_high_days", "n_trials",
        "first_only", "second_only", "difference", "p_value",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _of(table: pd.DataFrame, setting: str, value: float) -> pd.DataFrame:
    return table[(table["setting"] == setting) & (table["value"] == value)]
