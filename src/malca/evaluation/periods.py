"""Periods of altered light curves, tested once a star where that tells the same.

The test for periods masks a star's events; what is left of a star into which an event was put is the
star itself, less few points. So the star is tested once, and of each of its trials only whether the
star's period, should it have one, makes the trial's events. A trial with so many events that they
could be searched for a period by themselves is tested by itself.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.lightcurves import LightCurves
from malca.search.periodicity import star_explains_events, test_periodicity
from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.tags import excluded_of_lists, points_of_cameras


def tested_each(
    lightcurves: LightCurves,
    events: pd.DataFrame,
    chosen: pd.DataFrame,
    parameters: PeriodicityParameters,
    workers: int,
) -> pd.DataFrame:
    """Test every light curve as the search does.

    Parameters
    ----------
    lightcurves : LightCurves
    events : DataFrame
        Of these and maybe others.
    chosen : DataFrame
        ``asas_sn_id, excluded_cameras`` of the light curves.
    parameters : PeriodicityParameters
    workers : int
    """
    return test_periodicity(lightcurves, events, parameters, workers, _excluded(lightcurves, chosen))


tested_each.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's either


def _excluded(lightcurves: LightCurves, chosen: pd.DataFrame) -> np.ndarray | None:
    cameras = excluded_of_lists(chosen)
    return points_of_cameras(lightcurves, cameras) if len(cameras) else None


class TestedStars:
    """Periods of trials from those of their stars, each star tested when it is first asked for.

    Parameters
    ----------
    lightcurves : LightCurves
        Of the stars, with nothing put in.
    events : DataFrame
        Events of the stars themselves.
    excluded_cameras : Series
        Lists such as "3,17" by ``asas_sn_id``.
    owner : DataFrame
        ``case_id, asas_sn_id``.
    parameters : PeriodicityParameters
    workers : int
    """

    __test__ = False  # no test of pytest's

    def __init__(
        self,
        lightcurves: LightCurves,
        events: pd.DataFrame,
        excluded_cameras: pd.Series,
        owner: pd.DataFrame,
        parameters: PeriodicityParameters,
        workers: int,
    ) -> None:
        self._lightcurves, self._events, self._cameras = lightcurves, events, excluded_cameras
        self._owner = owner.set_index("case_id")["asas_sn_id"]
        self._parameters, self._workers = parameters, workers

    def __call__(
        self, lightcurves: LightCurves, events: pd.DataFrame, chosen: pd.DataFrame
    ) -> pd.DataFrame:
        """Test the chosen trials; see ``PeriodTest``."""
        star = chosen["asas_sn_id"].map(self._owner)
        count = events["asas_sn_id"].value_counts()
        many = chosen["asas_sn_id"].map(count).fillna(0) >= self._parameters.min_recurring_events
        own = self._of_stars(np.unique(star[~many.to_numpy()].to_numpy(np.int64)))
        table = own.set_index("asas_sn_id").reindex(star).reset_index(drop=True)
        table.insert(0, "asas_sn_id", chosen["asas_sn_id"].astype("Int64").array)
        for i in np.flatnonzero(table["is_periodic"].fillna(False).to_numpy(bool)):
            case = int(chosen["asas_sn_id"].iloc[i])
            spans = events.loc[events["asas_sn_id"] == case, ["jd_start", "jd_end"]].to_numpy(
                np.float64
            )
            one = lightcurves.take(np.array([i]))
            table.loc[i, "period_explains_events"] = star_explains_events(
                one, spans, float(table.loc[i, "lsp_period_days"]), self._parameters,
                _excluded(one, chosen.iloc[[i]]),
            )  # fmt: skip
        if not many.any():
            return table
        rows = np.flatnonzero(many.to_numpy())
        each = tested_each(
            lightcurves.take(rows), events, chosen.iloc[rows], self._parameters, self._workers
        )
        if len(rows) == len(table):
            return each
        return pd.concat([table.drop(index=rows).astype(each.dtypes), each], ignore_index=True)

    def _of_stars(self, ids: np.ndarray) -> pd.DataFrame:
        place = pd.Index(self._lightcurves.stars["asas_sn_id"].to_numpy(np.int64)).get_indexer(ids)
        chosen = pd.DataFrame(
            {"asas_sn_id": ids, "excluded_cameras": self._cameras.reindex(ids).fillna("").to_numpy()}
        )
        return tested_each(
            self._lightcurves.take(place), self._events, chosen, self._parameters, self._workers
        )
