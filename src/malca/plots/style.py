"""What all figures of a star share: its channels with their looks, residuals, profiles, the time axis.

Nothing here draws; the static and the interactive figures both build on it, so that a camera has
the same colour and marker in both.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from malca.kernels import profiles
from malca.kernels.families import skew_normal_alpha_and_mean
from malca.lightcurves import BAND_NAMES, BAND_V, Camera, LightCurves, Star
from malca.search.points import UsablePoints

#: Subtracted from dates on time axes, days.
JD_OFFSET = 2_450_000.0
#: Points with a larger reported error (mag) are drawn faint, as detection leaves them out.
MAX_MAG_ERR = 1.0
#: A baseline is not drawn across longer gaps, where nothing constrains it, days.
SEASON_GAP_DAYS = 60.0

# Okabe & Ito (2008), told apart under every common colour vision deficiency: the cool ones for
# g, the warm ones for V.
G_COLORS = ("#0072B2", "#56B4E9", "#009E73", "#CC79A7")
V_COLORS = ("#D55E00", "#E69F00")
#: Markers as (matplotlib, plotly) names, used in turn when a band's colours are exhausted.
MARKERS = (
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("D", "diamond"),
    ("v", "triangle-down"),
    ("P", "cross"),
    ("p", "pentagon"),
    ("*", "star"),
)
#: Fill of event spans, and the darker tone of their marks and texts.
EVENT_COLORS = {"dip": "#F2D16B", "jump": "#B9A7DB"}
EVENT_INKS = {"dip": "#8A6100", "jump": "#573B94"}
FAINT = "#9A9A9A"
INK = "#222222"

_ORDINAL_OF_JD_0 = 1_721_424.5


class Channel(NamedTuple):
    """One camera in one band of a star: what shares a zero point, a colour and a marker.

    ``points`` are the positions of its points within the star.
    """

    label: str
    camera: str
    band: int
    points: np.ndarray
    color: str
    marker: str
    symbol: str

    @property
    def filled(self) -> bool:
        """Whether its markers are filled: g is filled, V is open."""
        return self.band != BAND_V


class PointKinds(NamedTuple):
    """Which points of a star are drawn how: boolean arrays, exactly one true a point."""

    usable: np.ndarray
    bad: np.ndarray
    saturated: np.ndarray
    limit: np.ndarray


def channel_label(cameras: Sequence[Camera], camera: int, band: int) -> str:
    """Name of a channel: camera and band, with the camera's number where names repeat."""
    name, number = cameras[camera]
    if sum(other.name == name for other in cameras) > 1:
        name = f"{name}#{number}"
    return f"{name} {BAND_NAMES[band]}"


def channels_of(star: Star, cameras: Sequence[Camera]) -> list[Channel]:
    """Channels of a star, V before g as they came into use, by name within a band.

    Colours repeat after four channels in g and two in V, each time with another marker: 32 and
    16 channels differ. Beyond that, looks repeat.
    """
    keys = np.unique(np.stack([star.band, star.camera], axis=1), axis=0)
    named = [(channel_label(cameras, camera, band), int(band), int(camera)) for band, camera in keys]
    named.sort(key=lambda item: (item[1] != BAND_V, item[0].lower(), item[0]))
    channels: list[Channel] = []
    n_in_band: dict[int, int] = {}
    for label, band, camera in named:
        k = n_in_band.setdefault(band, 0)
        n_in_band[band] += 1
        colors = V_COLORS if band == BAND_V else G_COLORS
        marker, symbol = MARKERS[k // len(colors) % len(MARKERS)]
        channels.append(
            Channel(
                label=label,
                camera=cameras[camera].name,
                band=band,
                points=np.flatnonzero((star.camera == camera) & (star.band == band)),
                color=colors[k % len(colors)],
                marker=marker,
                symbol=symbol if band != BAND_V else f"{symbol}-open",
            )
        )
    return channels


def point_kinds(star: Star) -> PointKinds:
    """Sort the points of a star by how they are drawn."""
    limit = ~(np.isfinite(star.mag) & np.isfinite(star.mag_err))
    saturated = star.saturated & ~limit
    usable = star.good & ~limit & ~saturated & (star.mag_err > 0) & (star.mag_err < MAX_MAG_ERR)
    return PointKinds(usable, ~(usable | saturated | limit), saturated, limit)


def baseline_arrays(
    points: UsablePoints, baseline_mag: np.ndarray, lightcurves: LightCurves, i: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Baseline of star ``i`` in the form the figures take.

    Parameters
    ----------
    points : UsablePoints
        Those the baseline was fitted to.
    baseline_mag : (n_points,) array
        Baseline at each of them, mag.
    lightcurves : LightCurves
        The batch ``points`` were selected from.
    i : int
        Which star of ``lightcurves``; ``points`` may hold fewer stars.

    Returns
    -------
    jd, mag, channel_label : arrays of the star's usable points
    """
    part = slice(*np.searchsorted(points.index, lightcurves.offsets[i : i + 2]))
    labels = [
        channel_label(lightcurves.cameras, camera, band)
        for camera, band in zip(points.camera[part], points.band[part], strict=True)
    ]
    return points.jd[part], np.asarray(baseline_mag[part], np.float64), np.array(labels, dtype=str)


def channel_baseline(
    channel: Channel, baseline: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Dates and magnitudes of one channel's baseline, sorted; empty if it has none."""
    jd, mag, labels = (np.asarray(values) for values in baseline)
    if not len(jd) == len(mag) == len(labels):
        raise ValueError(f"baseline arrays differ in length: {len(jd)}, {len(mag)}, {len(labels)}")
    own = (labels == channel.label) & np.isfinite(mag)
    order = np.argsort(jd[own], kind="stable")
    return jd[own][order], mag[own][order]


def residuals(
    star: Star,
    channels: Sequence[Channel],
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """Magnitude above the baseline, or above the channel's median where no baseline is given.

    Returns
    -------
    (n_points,) float64 array, mag
        Positive is fainter. NaN for upper limits and for channels the given baseline lacks.
    """
    kinds = point_kinds(star)
    out = np.full(len(star.jd), np.nan)
    for channel in channels:
        at = channel.points[~kinds.limit[channel.points]]
        if baseline is not None:
            jd, mag = channel_baseline(channel, baseline)
            if len(jd):
                out[at] = star.mag[at] - np.interp(star.jd[at], jd, mag)
        elif len(at):
            reference = at[kinds.usable[at]] if kinds.usable[at].any() else at
            out[at] = star.mag[at] - np.median(star.mag[reference].astype(np.float64))
    return out


def events_of_star(events: pd.DataFrame | None, lightcurves: LightCurves, i: int) -> pd.DataFrame:
    """Events of star ``i``, strongest first.

    The table is cut to the star by ``asas_sn_id``, or by ``name`` where the star has no id. A
    table without the column is taken to be the star's own.

    Raises
    ------
    ValueError
        The table lacks a column that says what and when an event is.
    """
    if events is None or events.empty:
        return pd.DataFrame(columns=["kind", "jd_start", "jd_end"])
    missing = [name for name in ("kind", "jd_start", "jd_end") if name not in events.columns]
    if missing:
        raise ValueError(f"the events table lacks {', '.join(missing)}")
    star = lightcurves.stars.iloc[i]
    key = "name" if pd.isna(star["asas_sn_id"]) else "asas_sn_id"
    if key in events.columns:
        events = events[(events[key] == star[key]).fillna(False).to_numpy(bool)]
    strength = events.get("ln_bf", pd.Series(0.0, index=events.index)).astype(float)
    return events.loc[strength.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def event_profile(event: pd.Series[Any], jd: np.ndarray) -> np.ndarray | None:
    """Fitted profile of an event at the given dates, mag above the baseline.

    The columns are those of ``malca.search.morphology.fit_events``: ``t0_jd`` is the moment of the
    extremum, ``width_days`` the family's own scale (Gaussian σ, skew-normal scale, Paczyński t_E,
    FRED decay time), ``skewness`` the third standardised moment, and ``fit_offset_mag``, where
    present, the level the profile stands on; it and ``amp_mag`` count in the event's own sense.

    Returns
    -------
    (n,) float64 array, or None
        None where the event has no fitted shape.
    """
    values = [event.get(name, math.nan) for name in ("amp_mag", "t0_jd", "width_days")]
    if any(pd.isna(value) for value in values):
        return None
    amplitude, t0, width = abs(float(values[0])), float(values[1]), float(values[2])
    if width <= 0 or amplitude == 0:
        return None
    skewness, offset = (
        0.0 if pd.isna(value := event.get(name, 0.0)) else float(value)
        for name in ("skewness", "fit_offset_mag")
    )
    # Dates relative to the peak: differences of full Julian dates keep their digits.
    t = np.asarray(jd, np.float64) - t0
    match event.get("morphology"):
        case "gaussian":
            shape = amplitude * profiles.gaussian_profile(t, 0.0, width)
        case "skew_normal":
            alpha, _ = skew_normal_alpha_and_mean(float(np.clip(skewness, -0.995, 0.995)))
            location = -profiles.skew_normal_peak_time(0.0, width, alpha)
            shape = amplitude * profiles.skew_normal_profile(t, location, width, alpha)
        case "paczynski":
            shape = profiles.paczynski_profile(t, 0.0, width, profiles.paczynski_u0(amplitude))
        case "fred":
            rise = width * _fred_rise_over_decay(skewness)
            shape = amplitude * profiles.fred_profile(t, 0.0, rise, width)
        case _:
            return None
    return (offset + shape) * (1.0 if event["kind"] == "dip" else -1.0)


def _fred_rise_over_decay(skewness: float) -> float:
    wanted = float(np.clip(skewness, -1.999, 1.999))
    return math.exp(brentq(lambda ln: profiles.fred_skewness(math.exp(ln), 1.0) - wanted, -9.0, 9.0))


def event_rows(events: pd.DataFrame) -> list[pd.Series[Any]]:
    """Split a table of events into its rows."""
    return [events.iloc[k] for k in range(len(events))]


def near_events(star: Star, events: pd.DataFrame) -> np.ndarray:
    """Points within a day of an event's span: (n_points,) bool array."""
    inside = np.zeros(len(star.jd), bool)
    for event in event_rows(events):
        inside |= (star.jd >= event["jd_start"] - 1.0) & (star.jd <= event["jd_end"] + 1.0)
    return inside


def values_to_show(star: Star, y: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Values an axis must have room for; the others are NaN.

    All usable points, and inside events also those flagged bad: an event may lie in these alone.
    """
    kinds = point_kinds(star)
    flagged = kinds.bad & inside & (star.mag_err > 0) & (star.mag_err < MAX_MAG_ERR)
    return np.where(kinds.usable | flagged, y, np.nan)


def time_range(star: Star) -> tuple[float, float]:
    """First and last Julian date of an axis that shows all points with a margin."""
    if not len(star.jd):
        return JD_OFFSET, JD_OFFSET + 1.0
    first, last = float(star.jd.min()), float(star.jd.max())
    margin = 0.015 * max(last - first, 1.0)
    return first - margin, last + margin


def zoom_window(event: pd.Series[Any]) -> tuple[float, float]:
    """First and last Julian date shown around an event."""
    start, end = float(event["jd_start"]), float(event["jd_end"])
    margin = min(max(1.2 * (end - start), 6.0), 300.0)
    return start - margin, end + margin


def event_peak_jd(event: pd.Series[Any]) -> float:
    """Date of an event's peak; the middle of its span where the table does not tell it."""
    peak = event.get("jd_peak", np.nan)
    return 0.5 * (event["jd_start"] + event["jd_end"]) if pd.isna(peak) else float(peak)


def folded_phase(star: Star, period_days: float, events: pd.DataFrame) -> np.ndarray:
    """Phase of each point in [-0.5, 0.5), 0 at the peak of the first event or at the first point."""
    epoch = event_peak_jd(events.iloc[0]) if len(events) else next(iter(star.jd), JD_OFFSET)
    return np.mod((star.jd - epoch) / period_days + 0.5, 1.0) - 0.5


def star_title(lightcurves: LightCurves, i: int) -> str:
    """Name of star ``i`` for a title."""
    star = lightcurves.stars.iloc[i]
    return f"ASAS-SN {star['asas_sn_id']}" if not pd.isna(star["asas_sn_id"]) else str(star["name"])


def event_texts(event: pd.Series[Any]) -> tuple[str, str]:
    """Two short lines on an event: what and when; how deep, how long, how sure."""
    when = calendar_date(event_peak_jd(event))
    facts = []
    if not pd.isna(depth := event.get("depth_mag", math.nan)):
        facts.append(f"{abs(depth):.2f} mag")
    duration = event["jd_end"] - event["jd_start"]
    facts.append(f"{duration:.0f} d" if duration >= 10 else f"{duration:.1f} d")
    if not pd.isna(ln_bf := event.get("ln_bf", math.nan)):
        facts.append(f"ln BF {ln_bf:.0f}")
    morphology = event.get("morphology", None)
    if isinstance(morphology, str) and morphology not in ("", "none"):
        facts.append(morphology.replace("_", " "))
    return f"{event['kind']}, {when}", " · ".join(facts)


def calendar_date(jd: float) -> str:
    """Calendar day of a Julian date (UTC), such as "2022 Aug 24"."""
    day = datetime.date.fromordinal(math.floor(jd - _ORDINAL_OF_JD_0))
    return f"{day:%Y %b} {day.day}"


def year_ticks(jd_min: float, jd_max: float, max_ticks: int = 14) -> tuple[np.ndarray, list[str]]:
    """Julian dates of 1 January within a range, thinned to ``max_ticks``, with the years."""
    first = datetime.date.fromordinal(math.floor(jd_min - _ORDINAL_OF_JD_0)).year
    last = datetime.date.fromordinal(math.ceil(jd_max - _ORDINAL_OF_JD_0)).year + 1
    starts = {y: datetime.date(y, 1, 1).toordinal() + _ORDINAL_OF_JD_0 for y in range(first, last + 1)}
    inside = [year for year, jd in starts.items() if jd_min <= jd <= jd_max]
    step = max(1, math.ceil(len(inside) / max_ticks))
    years = [year for year in inside if year % step == 0]
    return np.array([starts[year] for year in years]), [str(year) for year in years]


def robust_limits(values: np.ndarray, keep: np.ndarray | None = None) -> tuple[float, float]:
    """Range that shows the bulk of the values whole and stray ones not.

    Parameters
    ----------
    values : (n,) array
        NaN are left out.
    keep : (n,) bool array, optional
        Values that must be inside.

    Returns
    -------
    low, high : float
    """
    values = np.asarray(values, np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 1.0
    bulk = values[finite]
    low, high = np.percentile(bulk, [1, 99])
    reach = 0.8 * max(high - low, 0.04)
    low, high = max(bulk.min(), low - reach), min(bulk.max(), high + reach)
    if keep is not None and (finite & keep).any():
        low, high = min(low, values[finite & keep].min()), max(high, values[finite & keep].max())
    pad = 0.06 * max(high - low, 0.04)
    return float(low - pad), float(high + pad)
