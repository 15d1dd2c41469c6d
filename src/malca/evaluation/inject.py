"""Put events into observed light curves, in flux and with the noise of the dimmed star."""

from __future__ import annotations

import numpy as np
import pandas as pd

from malca.evaluation.noise import MAG_PER_RELATIVE_FLUX, ErrorModel
from malca.evaluation.parameters import InjectionParameters
from malca.evaluation.shapes import InjectedShape
from malca.lightcurves import LightCurves

# Of a magnitude: changes below it are below what the files can hold.
_NOTHING_MAG = 1e-6


def shape_of(trial: dict[str, object], parameters: InjectionParameters) -> InjectedShape:
    """Make the event of one trial."""
    return InjectedShape(
        shape=str(trial["shape"]),
        peak_mag=float(trial["depth_mag"]),  # type: ignore[arg-type]
        duration_days=float(trial["duration_days"]),  # type: ignore[arg-type]
        asymmetry=float(trial["asymmetry"]),  # type: ignore[arg-type]
        max_alpha=parameters.max_alpha,
        ingress_share=parameters.ingress_share,
    )


def injected_spans(trials: pd.DataFrame, parameters: InjectionParameters) -> pd.DataFrame:
    """First and last dates of every injected event: ``trial_id, jd_start, jd_end``.

    A span is the time in which the profile exceeds a tenth of its peak.
    """
    rows = []
    for trial in trials.to_dict("records"):
        before, after = shape_of(trial, parameters).half_spans()
        for k in range(int(trial["n_events"])):
            peak = trial["t_peak_jd"] + k * parameters.spacing_days
            rows.append((trial["trial_id"], peak - before, peak + after))
    spans = pd.DataFrame(rows, columns=["trial_id", "jd_start", "jd_end"])
    return spans.astype({"trial_id": "int64", "jd_start": "float64", "jd_end": "float64"})


def inject(
    lightcurves: LightCurves,
    trials: pd.DataFrame,
    errors: ErrorModel,
    parameters: InjectionParameters,
) -> LightCurves:
    """Make a light curve for every trial.

    The magnitude changes by the shape at the observed times. Where the star dims, its reported
    error grows as the survey's errors do with magnitude, and so does its scatter: normal noise of the
    variance by which the error's has grown is added, and no other (what is there already stays). What
    falls below the least signal to noise becomes an upper limit. Where a star brightens, its noise is
    left as it is: it cannot be taken away.

    Parameters
    ----------
    lightcurves : LightCurves
        Those of the trials' stars, and maybe others.
    trials : DataFrame
        ``trial_id, asas_sn_id, shape, n_events, depth_mag, duration_days, asymmetry, t_peak_jd``.
    errors : ErrorModel
    parameters : InjectionParameters

    Returns
    -------
    LightCurves
        One a trial, in their order; ``asas_sn_id`` and ``name`` are the trial's number.

    Raises
    ------
    ValueError
        A star of the trials is not among the light curves.
    """
    ids = pd.Index(lightcurves.stars["asas_sn_id"].to_numpy(np.int64))
    row = ids.get_indexer(trials["asas_sn_id"].to_numpy(np.int64))
    if (row < 0).any():
        missing = trials.loc[row < 0, "asas_sn_id"].iloc[0]
        raise ValueError(f"star {missing} is to be injected into and has no light curve")
    batch = lightcurves.take(row)
    mag, mag_err = batch.mag.astype(np.float64), batch.mag_err.astype(np.float64)
    for k, trial in enumerate(trials.to_dict("records")):
        part = slice(batch.offsets[k], batch.offsets[k + 1])
        change = _change_mag(batch.jd[part], trial, parameters)
        rng = np.random.default_rng([parameters.seed, 3, int(trial["trial_id"])])
        if parameters.one_camera:
            camera = batch.camera[part]
            change[camera != rng.choice(np.unique(camera))] = 0.0
        touched = part.start + np.flatnonzero(np.abs(change) > _NOTHING_MAG)
        if len(touched) == 0:
            continue
        change = change[touched - part.start]
        before, error, band = mag[touched], mag_err[touched], batch.band[touched]
        growth = errors.variance(before + np.maximum(change, 0.0), band) / errors.variance(before, band)
        grown = error * np.sqrt(growth)
        added = np.sqrt(np.maximum(grown**2 - error**2, 0.0)) * rng.standard_normal(len(touched))
        below = grown > MAG_PER_RELATIVE_FLUX / parameters.noise.min_signal_to_noise
        mag[touched] = np.where(below & (change > 0), np.nan, before + change + added)
        mag_err[touched] = grown
    number = trials["trial_id"].to_numpy(np.int64)
    stars = batch.stars.assign(
        asas_sn_id=pd.array(number, dtype="Int64"), name=pd.array(number.astype(str), dtype="str")
    )
    return LightCurves(
        stars=stars, offsets=batch.offsets, jd=batch.jd, mag=mag.astype(np.float32),
        mag_err=mag_err.astype(np.float32), camera=batch.camera, band=batch.band, good=batch.good,
        saturated=batch.saturated, field=batch.field, cameras=batch.cameras, fields=batch.fields,
    )  # fmt: skip


def _change_mag(
    jd: np.ndarray, trial: dict[str, object], parameters: InjectionParameters
) -> np.ndarray:
    shape = shape_of(trial, parameters)
    change = np.zeros(len(jd))
    for k in range(int(trial["n_events"])):  # type: ignore[call-overload]
        peak = float(trial["t_peak_jd"]) + k * parameters.spacing_days  # type: ignore[arg-type]
        change += shape.change_mag(jd - peak)
    return change
