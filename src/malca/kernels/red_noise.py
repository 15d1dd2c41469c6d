"""A damped random walk plus white noise: fitted to a star and taken out of it by weighting.

The covariance of points *i* and *j* is ``variance`` · exp(−|t_i − t_j| / ``tau_days``), plus the
noise of the point on the diagonal: an Ornstein-Uhlenbeck process, which astronomers call a damped
random walk (Kelly, Bechtold & Siemiginowska 2009, ApJ 698, 895). It is the celerite kernel with
one real term, whose Cholesky factor comes in one pass over the points (Foreman-Mackey et al. 2017,
AJ 154, 220, sect. 5.1 with J = 1).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.ordering import median_in_place

# Bounds of the fit: variances relative to the robust variance of the points, and days.
_LN_RED = (-8.0, 3.0)
_LN_WHITE = (-7.0, 2.0)
_TAU_DAYS = (0.5, 1000.0)
_FIRST_TAU_DAYS = (1.5, 5.0, 20.0, 60.0, 200.0)
_LAST_STEP = 0.05  # in the logarithm of a parameter: 5 %, finer than such fits are certain
_MAD_TO_SIGMA = 1.482602218505602


@njit(cache=True, nogil=True)
def ln_likelihood(t, y, noise, variance, tau_days):
    """Log likelihood of a damped random walk of mean 0, up to the constant −(n/2) ln 2π.

    Parameters
    ----------
    t, y, noise : (n_points,) float64 arrays
        Sorted times, d; magnitudes; variance of each point's white noise, mag².
    variance, tau_days : float
        Of the process: mag², d.
    """
    total = 0.0
    spread, carried = 0.0, 0.0
    d, w, z = 1.0, 0.0, 0.0
    for i in range(len(t)):
        if i > 0:
            memory = np.exp((t[i - 1] - t[i]) / tau_days)
            spread = memory * memory * (spread + d * w * w)
            carried = memory * (carried + w * z)
        d = variance + noise[i] - variance * variance * spread
        w = (1.0 - variance * spread) / d
        z = y[i] - variance * carried
        total += z * z / d + np.log(d)
    return -0.5 * total


@njit(cache=True, nogil=True)
def factorise(t, noise, variance, tau_days, d, w):
    """Factorise the covariance for ``solve``; ``d`` and ``w``, (n_points,), are written."""
    spread = 0.0
    for i in range(len(t)):
        if i > 0:
            memory = np.exp((t[i - 1] - t[i]) / tau_days)
            spread = memory * memory * (spread + d[i - 1] * w[i - 1] * w[i - 1])
        d[i] = variance + noise[i] - variance * variance * spread
        w[i] = (1.0 - variance * spread) / d[i]


@njit(cache=True, nogil=True)
def solve(t, variance, tau_days, d, w, y, x):
    """Write C⁻¹ y to ``x``, (n_points,), from the factors of ``factorise``."""
    n = len(t)
    carried = 0.0
    for i in range(n):
        if i > 0:
            memory = np.exp((t[i - 1] - t[i]) / tau_days)
            carried = memory * (carried + w[i - 1] * x[i - 1])
        x[i] = y[i] - variance * carried
    carried = 0.0
    for i in range(n - 1, -1, -1):
        if i < n - 1:
            memory = np.exp((t[i] - t[i + 1]) / tau_days)
            carried = memory * (carried + variance * x[i + 1])
        x[i] = x[i] / d[i] - w[i] * carried


@njit(cache=True, nogil=True)
def fit(t, y, err, scale, noise):
    """Most likely damped random walk and white noise, by compass search.

    Coordinates are tried a step up and down, and steps halved when none helps (Kolda, Lewis &
    Torczon 2003, SIAM Review 45, 385). White noise is err² + w · scale².

    Parameters
    ----------
    t, y : (n_points,) float64 arrays
        Sorted times, d; magnitudes about 0.
    err, scale : (n_points,) float64 arrays
        Reported errors, mag, and the relative scatter of each point's channel.
    noise : (n_points,) float64 array
        Written: variance of the white noise, mag².

    Returns
    -------
    variance, tau_days, white : float
        Of the process, mag² and d, and w, mag².
    """
    n = len(t)
    work = np.abs(y)
    typical = (_MAD_TO_SIGMA * median_in_place(work)) ** 2 + 1e-12
    low = np.log(np.array([typical * np.exp(_LN_RED[0]), _TAU_DAYS[0], typical * np.exp(_LN_WHITE[0])]))
    high = np.log(
        np.array([typical * np.exp(_LN_RED[1]), _TAU_DAYS[1], typical * np.exp(_LN_WHITE[1])])
    )
    at = np.log(np.array([0.3 * typical, _FIRST_TAU_DAYS[0], 0.7 * typical]))
    trial = at.copy()
    step = np.array([1.5, 1.5, 1.0])
    best = -np.inf
    for k in range(len(_FIRST_TAU_DAYS)):
        trial[1] = np.log(_FIRST_TAU_DAYS[k])
        for i in range(n):
            noise[i] = err[i] * err[i] + np.exp(trial[2]) * scale[i] * scale[i]
        value = ln_likelihood(t, y, noise, np.exp(trial[0]), np.exp(trial[1]))
        if value > best:
            best = value
            at[:] = trial
    while step.max() > _LAST_STEP:
        moved = False
        for k in range(3):
            for direction in (1.0, -1.0):
                trial[:] = at
                trial[k] = min(max(at[k] + direction * step[k], low[k]), high[k])
                if trial[k] == at[k]:
                    continue
                for i in range(n):
                    noise[i] = err[i] * err[i] + np.exp(trial[2]) * scale[i] * scale[i]
                value = ln_likelihood(t, y, noise, np.exp(trial[0]), np.exp(trial[1]))
                if value > best:
                    best = value
                    at[:] = trial
                    moved = True
                    break
        if not moved:
            step *= 0.5
    for i in range(n):
        noise[i] = err[i] * err[i] + np.exp(at[2]) * scale[i] * scale[i]
    return np.exp(at[0]), np.exp(at[1]), np.exp(at[2])


@njit(cache=True, nogil=True)
def zero_points(t, y, channel, n_channels, variance, tau_days, noise, level, weighted):
    """Zero points of the channels by generalised least squares, and what is left, weighted.

    Parameters
    ----------
    t, y, noise : (n_points,) float64 arrays
    channel : (n_points,) int array
        Each of 0 … ``n_channels`` − 1 must occur.
    variance, tau_days : float
    level : (n_channels,) float64 array
        Written, mag.
    weighted : (n_points,) float64 array
        Written: C⁻¹ (y − zero points), 1/mag. Its product with a template is that template's matched
        filter, with the zero points fitted at the same time.
    """
    n = len(t)
    d, w = np.empty(n), np.empty(n)
    factorise(t, noise, variance, tau_days, d, w)
    solved = np.empty((n_channels, n))
    column = np.empty(n)
    normal, target = np.zeros((n_channels, n_channels)), np.zeros(n_channels)
    for c in range(n_channels):
        for i in range(n):
            column[i] = 1.0 if channel[i] == c else 0.0
        solve(t, variance, tau_days, d, w, column, solved[c])
        for i in range(n):
            normal[c, channel[i]] += solved[c, i]
            target[c] += solved[c, i] * y[i]
    level[:] = np.linalg.solve(normal, target)
    for i in range(n):
        column[i] = y[i] - level[channel[i]]
    solve(t, variance, tau_days, d, w, column, weighted)
