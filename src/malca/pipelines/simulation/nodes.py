"""Make the sample survey and check it against the sky."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from malca.lightcurves import LightCurves, concatenate
from malca.pipelines.simulation.catalog_parameters import SimulatedCatalogParameters
from malca.pipelines.simulation.catalogs import simulate_gaia, simulate_variables
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import draw_stars
from malca.pipelines.simulation.realism import (
    LAG_EDGES_DAYS,
    REFERENCE,
    compare,
    survey_statistics,
)
from malca.pipelines.simulation.sky.known import simulate_known
from malca.pipelines.simulation.sky.photometry import simulate_photometry
from malca.pipelines.simulation.sky.stars import draw_sky
from malca.pipelines.simulation.sky.surroundings import simulate_surroundings, with_neighbours
from malca.pipelines.simulation.survey import INDEX_COLUMNS, simulate_portions
from malca.pipelines.simulation.vsx import simulate_vsx, vsx_text
from malca.plots.realism import plot_realism

# Real curves of stars with events, cut this much wider than their events, days.
_EVENT_MARGIN_DAYS = 3.0


class SurveyOnDisk(Protocol):
    """What a node needs of a written survey."""

    def lightcurves(self, rows: pd.DataFrame) -> LightCurves:
        """Light curves of rows with ``mag_bin, index_num, asas_sn_id``."""

    def table(self, name: str) -> pd.DataFrame:
        """Table that was saved with the survey."""


def simulate_survey(parameters: SimulationParameters) -> Iterator[dict[str, Any]]:
    """Simulate the survey a portion at a time.

    It is the only output of its node: of a generator of several Kedro keeps what up to 57 steps gave.

    Yields
    ------
    dict
        What ``SurveyDataset`` writes: ``index`` (index columns with ``mag_bin`` and ``index_num``),
        ``lightcurves``, ``fingerprint``, ``parameters``, and as ``tables`` the truth of its stars.
    """
    for portion in simulate_portions(parameters):
        yield {
            "index": portion.stars[["mag_bin", "index_num", *INDEX_COLUMNS]].reset_index(drop=True),
            "lightcurves": portion.lightcurves,
            "fingerprint": parameters.fingerprint(),
            "parameters": parameters.model_dump(mode="json"),
            "tables": {"truth": portion.truth, "truth_events": portion.truth_events},
        }


def collect_truth(survey: SurveyOnDisk) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gather what is true of all stars of the survey, and their events."""
    return survey.table("truth"), survey.table("truth_events")


def simulate_lightcurves(
    parameters: SimulationParameters,
) -> tuple[LightCurves, pd.DataFrame, pd.DataFrame]:
    """Simulate a small survey in memory.

    Returns
    -------
    lightcurves : LightCurves
        As the survey's files would be read.
    truth : DataFrame, (n_stars,)
        Row *i* describes star *i* of ``lightcurves``.
    truth_events : DataFrame, (n_events,)
    """
    portions = list(simulate_portions(parameters))
    return (
        concatenate(portion.lightcurves for portion in portions),
        pd.concat([portion.truth for portion in portions], ignore_index=True),
        pd.concat([portion.truth_events for portion in portions], ignore_index=True),
    )


def write_vsx(truth: pd.DataFrame, parameters: SimulationParameters) -> str:
    """Make the catalogue of known variables, as the text of its raw fixed-width file."""
    return vsx_text(simulate_vsx(truth, parameters))


def write_catalogs(
    truth: pd.DataFrame, parameters: SimulationParameters, catalogs: SimulatedCatalogParameters
) -> dict[str, pd.DataFrame]:
    """Make the catalogues that the survey's stars are looked up in.

    Returns
    -------
    dict of str to DataFrame
        By the name of the catalogue's file; see ``malca.pipelines.simulation.catalogs`` and
        ``malca.pipelines.simulation.sky``.

    Raises
    ------
    ValueError
        The truth is not of these parameters' survey.
    """
    drawn = draw_stars(parameters).set_index("asas_sn_id", drop=False)
    stars = drawn.reindex(truth["asas_sn_id"]).reset_index(drop=True)
    if not np.array_equal(stars["ra_deg"].to_numpy(), truth["ra_deg"].to_numpy()):
        raise ValueError(
            "simulated_truth is not of the survey that these parameters make: run the whole pipeline "
            "simulation"
        )
    sky = draw_sky(stars, parameters.seed)
    variables = simulate_variables(stars, truth["period_days"], parameters.seed, catalogs)
    gaia = simulate_gaia(stars, sky, parameters.seed, catalogs)
    listed, known = stars.loc[gaia.index], sky.loc[gaia.index]
    photometry = simulate_photometry(gaia, listed, known, parameters.seed)
    whole, neighbours = with_neighbours(gaia, parameters.seed)
    vsx = simulate_vsx(truth, parameters)
    files = {"asassn": "asassn_variables", "ztf": "ztf_periodic"}
    return {
        "gaia": whole,
        **{files.get(name, name): table for name, table in variables.items()},
        **photometry,
        **simulate_known(gaia, listed, known, parameters.seed),
        **simulate_surroundings(gaia, neighbours, known, vsx, parameters.seed),
    }


def check_realism(
    survey: SurveyOnDisk,
    truth: pd.DataFrame,
    real: tuple[LightCurves, pd.DataFrame],
    parameters: SimulationParameters,
) -> tuple[Figure, pd.DataFrame]:
    """Compare quiet stars of the survey with real light curves.

    Parameters
    ----------
    survey : SurveyOnDisk
    truth : DataFrame
    real : (LightCurves, DataFrame)
        Real light curves and their events (``source_id, jd_start, jd_end``); with no curves the
        stored summary of real curves takes their place.
    parameters : SimulationParameters

    Returns
    -------
    figure : Figure
    comparison : DataFrame
        See `malca.pipelines.simulation.realism.compare`.
    """
    chosen = realism_sample(truth, parameters.realism_sample)
    simulated = survey_statistics(survey.lightcurves(chosen))
    curves, events = real
    measured = survey_statistics(curves, inside_events(curves, events)) if len(curves) else None
    figure = plot_realism(simulated, measured, REFERENCE, LAG_EDGES_DAYS)
    return figure, compare(simulated, measured)


def realism_sample(truth: pd.DataFrame, n: int) -> pd.DataFrame:
    """Quiet stars as bright as the real ones (g = 12–14), evenly from the whole survey.

    A survey without such stars gives what is nearest: quiet stars, or any.
    """
    quiet = truth[truth["population"] == "quiet"]
    alike = quiet[(quiet["g_mag"] >= 12) & (quiet["g_mag"] < 14)]
    pool = next(part for part in (alike, quiet, truth) if len(part))
    return pool.iloc[np.unique(np.linspace(0, len(pool) - 1, min(n, len(pool))).astype(int))]


def inside_events(lightcurves: LightCurves, events: pd.DataFrame) -> np.ndarray:
    """Whether each point lies in one of its star's events, or within 3 d of one."""
    owner = np.repeat(np.arange(len(lightcurves)), np.diff(lightcurves.offsets))
    position = {int(asas_sn_id): i for i, asas_sn_id in enumerate(lightcurves.stars["asas_sn_id"])}
    inside = np.zeros(lightcurves.n_points, bool)
    for source_id, start, end in zip(
        events["source_id"], events["jd_start"], events["jd_end"], strict=True
    ):
        inside |= (
            (owner == position.get(int(source_id), -1))
            & (lightcurves.jd > start - _EVENT_MARGIN_DAYS)
            & (lightcurves.jd < end + _EVENT_MARGIN_DAYS)
        )
    return inside
