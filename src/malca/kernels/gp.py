"""Exact Gaussian-process smoothing with celerite kernels, in time linear in the points.

A celerite kernel (Foreman-Mackey, Agol, Ambikasaran & Angus 2017, AJ 154, 220) is a sum of
exponentials and damped sinusoids, hence the covariance of a linear stochastic differential
equation with few states. Conditional mean and variance at the data then come from one forward
pass (Kalman filter) and one backward pass. The backward pass is the modified Bryson-Frazier
smoother (Bierman 1973, Proc. IEEE Conf. Decision and Control 12, 869), which gives what the
Rauch-Tung-Striebel smoother gives without inverting a state covariance: noiseless points,
coincident times and terms of negative amplitude need no care.

Points with infinite noise variance are predicted but not conditioned on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

_CRITICAL_EPS = 1e-5  # celerite2 regularises sqrt(|1 - 4 Q^2|) by it near critical damping
_LN_2PI = float(np.log(2.0 * np.pi))

#: Floats of workspace a point that ``smooth_two_state`` needs.
TWO_STATE_WORK = 8


class Coefficients(NamedTuple):
    """Coefficients of a celerite kernel, in celerite2's ``get_coefficients`` order.

    k(τ) = Σ a_real exp(−c_real τ) + Σ exp(−c τ) [a cos(d τ) + b sin(d τ)], amplitudes in mag²,
    rates in 1/d, each a 1-d array.
    """

    a_real: np.ndarray
    c_real: np.ndarray
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d: np.ndarray


class Smoothed(NamedTuple):
    """Conditional mean and variance at the data, (n_points,) each, and the ln likelihood."""

    mean: np.ndarray
    variance: np.ndarray
    ln_likelihood: float


def sho_coefficients(s0: float, w0: float, q: float) -> Coefficients:
    """Coefficients of a stochastically driven damped harmonic oscillator.

    Foreman-Mackey et al. 2017, eqs. 20-24; like celerite2, |1 − 4 Q²| is kept above 1e-5.

    Parameters
    ----------
    s0 : float
        Power at zero frequency over sqrt(2/π), mag² d.
    w0 : float
        Undamped angular frequency, rad/d.
    q : float
        Quality factor; below 1/2 the oscillator is overdamped.

    Raises
    ------
    ValueError
        A parameter is not positive and finite.
    """
    for name, value in (("s0", s0), ("w0", w0), ("q", q)):
        _require_positive(name, value)
    power, none = s0 * w0 * q, np.empty(0)
    f = np.sqrt(max(abs(1.0 - 4.0 * q * q), _CRITICAL_EPS))
    rate = 0.5 * w0 / q
    if q < 0.5:
        return Coefficients(
            0.5 * power * np.array([1.0 + 1.0 / f, 1.0 - 1.0 / f]),
            rate * np.array([1.0 - f, 1.0 + f]),
            *[none] * 4,
        )
    return Coefficients(
        none, none, *(np.array([value]) for value in (power, power / f, rate, rate * f))
    )


def sho_coefficients_from_sigma(sigma: float, rho: float, q: float) -> Coefficients:
    """Coefficients of the oscillator of ``sho_coefficients`` by its scatter and period.

    Parameters
    ----------
    sigma : float
        Standard deviation of the process, sqrt(S0 w0 Q), mag.
    rho : float
        Undamped period, 2π/w0, d.
    q : float
        Quality factor.
    """
    for name, value in (("sigma", sigma), ("rho", rho), ("q", q)):
        _require_positive(name, value)
    w0 = 2.0 * np.pi / rho
    return sho_coefficients(sigma * sigma / (w0 * q), w0, q)


def ou_coefficients(sigma: float, tau: float) -> Coefficients:
    """Coefficients of an Ornstein-Uhlenbeck process (damped random walk).

    k(τ') = sigma² exp(−τ'/tau) (Kelly, Bechtold & Siemiginowska 2009, ApJ 698, 895).

    Parameters
    ----------
    sigma : float
        Standard deviation of the process, mag.
    tau : float
        Damping time, d.
    """
    for name, value in (("sigma", sigma), ("tau", tau)):
        _require_positive(name, value)
    none = np.empty(0)
    return Coefficients(np.array([sigma * sigma]), np.array([1.0 / tau]), *[none] * 4)


def add_coefficients(*terms: Coefficients) -> Coefficients:
    """Coefficients of the sum of independent processes."""
    return Coefficients(*(np.concatenate(parts) for parts in zip(*terms, strict=True)))


def two_state_model(coefficients: Coefficients) -> np.ndarray | None:
    """Pack a kernel of at most two states for ``smooth_two_state``.

    The first state is the process itself. One damped sinusoid has the transition
    exp(−c Δ) R(d Δ) and the stationary covariance a, −b of the first state with both; two
    exponentials use the states (sum of both, second). The second state's own variance is free:
    no prediction of the data depends on it.

    Returns
    -------
    (5,) array or None
        Kind (1 sinusoid, 0 exponentials), two rates, two stationary covariances; None if the
        kernel needs more states.
    """
    n_real, n_complex = len(coefficients.a_real), len(coefficients.a)
    if n_complex == 1 and n_real == 0:
        a, b, c, d = (float(values[0]) for values in coefficients[2:])
        if d == 0.0:
            return np.array([0.0, c, c, a, 0.0])
        return np.array([1.0, c, d, a, -b])
    if n_complex == 0 and n_real in {1, 2}:
        a1, c1 = float(coefficients.a_real[0]), float(coefficients.c_real[0])
        a2, c2 = (float(coefficients[i][1]) for i in (0, 1)) if n_real == 2 else (0.0, c1)
        return np.array([0.0, c1, c2, a1 + a2, a2])
    return None


@njit(cache=True, nogil=True)
def smooth_two_state(t, y, level, noise_var, model, mean, variance, work):
    """Smooth one series with a kernel of at most two states.

    Parameters
    ----------
    t : (n,) array
        Times, ascending, d.
    y : (n,) array
        Magnitudes; finite, also where they are not conditioned on.
    level : float
        Constant mean of the process.
    noise_var : (n,) array
        White-noise variance, mag²; infinite where the point must not be conditioned on.
    model : (5,) array
        From ``two_state_model``.
    mean, variance : (n,) arrays, written
        Conditional mean (with ``level``) and variance of the noiseless process.
    work : (n or more, TWO_STATE_WORK) array
        Scratch.

    Returns
    -------
    float
        ln likelihood of the conditioned points; NaN if the covariance is not positive definite
        (the outputs are then incomplete).
    """
    n = len(t)
    is_complex = model[0] == 1.0
    rate1, rate2 = model[1], model[2]
    s11, s12 = model[3], model[4]
    x1 = x2 = 0.0
    # the filter's covariance less the stationary one: gaps then only shrink it
    e11 = e12 = e22 = 0.0
    chi2, scale, ln_det, n_used = 0.0, 1.0, 0.0, 0
    f11 = f22 = 1.0
    f12 = f21 = 0.0
    for i in range(n):
        if i > 0:
            dt = t[i] - t[i - 1]
            if is_complex:
                decay = np.exp(-rate1 * dt)
                angle = rate2 * dt
                f11 = decay * np.cos(angle)
                f21 = decay * np.sin(angle)
                f12, f22 = -f21, f11
            else:
                f11 = np.exp(-rate1 * dt)
                f22 = np.exp(-rate2 * dt)
                f12 = f22 - f11
            x1, x2 = f11 * x1 + f12 * x2, f21 * x1 + f22 * x2
            g11, g12 = f11 * e11 + f12 * e12, f11 * e12 + f12 * e22
            g21, g22 = f21 * e11 + f22 * e12, f21 * e12 + f22 * e22
            e11 = g11 * f11 + g12 * f12
            e12 = g11 * f21 + g12 * f22
            e22 = g21 * f21 + g22 * f22
        p1, p2 = s11 + e11, s12 + e12
        innovation_var = p1 + noise_var[i]
        if not innovation_var > 0.0:
            return np.nan
        inv = 1.0 / innovation_var
        v = y[i] - level - x1
        row = work[i]
        row[0], row[1], row[2], row[3] = v, inv, p1, p2
        row[4], row[5], row[6], row[7] = f11, f12, f21, f22
        if inv > 0.0:
            k1, k2 = p1 * inv, p2 * inv
            x1 += k1 * v
            x2 += k2 * v
            e11 -= k1 * p1
            e12 -= k1 * p2
            e22 -= k2 * p2
            chi2 += v * v * inv
            n_used += 1
            scale *= innovation_var
            if scale < 1e-100 or scale > 1e100:
                ln_det += np.log(scale)
                scale = 1.0
    l1 = l2 = 0.0
    m11 = m12 = m22 = 0.0
    for i in range(n - 1, -1, -1):
        row = work[i]
        v, inv, p1, p2 = row[0], row[1], row[2], row[3]
        # what the own point leaves over: no cancellation where noise is small beside the process
        left = noise_var[i] * inv if inv > 0.0 else 1.0
        q1, q2 = p1 * left, p2 * left
        mean[i] = y[i] - v * left - (q1 * l1 + q2 * l2)
        variance[i] = max(q1 - (q1 * q1 * m11 + 2.0 * q1 * q2 * m12 + q2 * q2 * m22), 0.0)
        k1, k2 = p1 * inv, p2 * inv
        g1, g2 = m11 * k1 + m12 * k2, m12 * k1 + m22 * k2
        m11 += k1 * g1 + k2 * g2 - 2.0 * g1 + inv
        m12 -= g2
        l1 -= k1 * l1 + k2 * l2 + inv * v
        f11, f12, f21, f22 = row[4], row[5], row[6], row[7]
        l1, l2 = f11 * l1 + f21 * l2, f12 * l1 + f22 * l2
        g11, g12 = f11 * m11 + f21 * m12, f11 * m12 + f21 * m22
        g21, g22 = f12 * m11 + f22 * m12, f12 * m12 + f22 * m22
        m11 = g11 * f11 + g12 * f21
        m12 = g11 * f12 + g12 * f22
        m22 = g21 * f12 + g22 * f22
    return -0.5 * (chi2 + ln_det + np.log(scale) + n_used * _LN_2PI)


@njit(cache=True, nogil=True)
def _congruence(matrix, cos, sin, n_real, scratch):
    """Replace ``matrix`` (k, k) by F matrix Fᵀ, F block diagonal with (cos, sin) a state."""
    k = matrix.shape[0]
    for _ in range(2):
        for column in range(k):
            for i in range(n_real):
                scratch[column, i] = cos[i] * matrix[i, column]
            for i in range(n_real, k, 2):
                upper, lower = matrix[i, column], matrix[i + 1, column]
                scratch[column, i] = cos[i] * upper - sin[i] * lower
                scratch[column, i + 1] = sin[i] * upper + cos[i] * lower
        matrix[:] = scratch  # the transpose: applying F twice gives F M Fᵀ for symmetric M


@njit(cache=True, nogil=True)
def _transition(dt, rates, angles, n_real, cos, sin):
    for i in range(len(rates)):
        decay = np.exp(-rates[i] * dt)
        if i < n_real:
            cos[i], sin[i] = decay, 0.0
        else:
            cos[i], sin[i] = decay * np.cos(angles[i] * dt), decay * np.sin(angles[i] * dt)


@njit(cache=True, nogil=True)
def _smooth_states(t, y, level, noise_var, rates, angles, stationary, n_real, mean, variance):
    """Do what ``smooth_two_state`` does for any number of states ``k``.

    Exponentials come first, one state each; every damped sinusoid has two. ``rates``,
    ``angles`` and ``stationary`` (covariance of each state with the process) are (k,).
    """
    n, k = len(t), len(rates)
    observed = np.zeros(k)
    observed[:n_real] = 1.0
    observed[n_real::2] = 1.0
    innovation, inverse, prior_var = np.empty(n), np.empty(n), np.empty(n)
    cross, cosines, sines = np.empty((n, k)), np.empty((n, k)), np.empty((n, k))
    excess, scratch, state = np.zeros((k, k)), np.empty((k, k)), np.zeros(k)
    chi2, ln_det, n_used = 0.0, 0.0, 0
    for i in range(n):
        cos, sin, ph = cosines[i], sines[i], cross[i]
        _transition(t[i] - t[i - 1] if i > 0 else 0.0, rates, angles, n_real, cos, sin)
        for s in range(n_real):
            state[s] *= cos[s]
        for s in range(n_real, k, 2):
            upper, lower = state[s], state[s + 1]
            state[s] = cos[s] * upper - sin[s] * lower
            state[s + 1] = sin[s] * upper + cos[s] * lower
        _congruence(excess, cos, sin, n_real, scratch)
        predicted, p = 0.0, 0.0
        for s in range(k):
            total = stationary[s]
            for u in range(k):
                total += excess[s, u] * observed[u]
            ph[s] = total
            p += observed[s] * total
            predicted += observed[s] * state[s]
        innovation_var = p + noise_var[i]
        if not innovation_var > 0.0:
            return np.nan
        inv = 1.0 / innovation_var
        v = y[i] - level - predicted
        innovation[i], inverse[i], prior_var[i] = v, inv, p
        if inv > 0.0:
            for s in range(k):
                state[s] += ph[s] * inv * v
                for u in range(k):
                    excess[s, u] -= ph[s] * ph[u] * inv
            chi2 += v * v * inv
            ln_det += np.log(innovation_var)
            n_used += 1
    adjoint, information, gain = np.zeros(k), np.zeros((k, k)), np.empty(k)
    for i in range(n - 1, -1, -1):
        v, inv, ph = innovation[i], inverse[i], cross[i]
        left = noise_var[i] * inv if inv > 0.0 else 1.0
        shift, shrink = 0.0, 0.0
        for s in range(k):
            shift += ph[s] * left * adjoint[s]
            for u in range(k):
                shrink += ph[s] * ph[u] * left * left * information[s, u]
        mean[i] = y[i] - v * left - shift
        variance[i] = max(prior_var[i] * left - shrink, 0.0)
        dot, quadratic = inv * v, inv
        for s in range(k):
            total = 0.0
            for u in range(k):
                total += information[s, u] * ph[u]
            gain[s] = total * inv
            quadratic += gain[s] * ph[s] * inv
            dot += ph[s] * inv * adjoint[s]
        for s in range(k):
            h = observed[s]
            adjoint[s] -= h * dot
            for u in range(k):
                information[s, u] += h * (observed[u] * quadratic - gain[u]) - gain[s] * observed[u]
        cos, sin = cosines[i], sines[i]
        for s in range(n_real):
            adjoint[s] *= cos[s]
        for s in range(n_real, k, 2):
            upper, lower = adjoint[s], adjoint[s + 1]
            adjoint[s] = cos[s] * upper + sin[s] * lower
            adjoint[s + 1] = cos[s] * lower - sin[s] * upper
        _congruence(information, cos, -sin, n_real, scratch)
    return -0.5 * (chi2 + ln_det + n_used * _LN_2PI)


def smooth(
    t: np.ndarray,
    y: np.ndarray,
    noise_var: np.ndarray,
    coefficients: Coefficients | tuple[np.ndarray, ...],
    *,
    mean: float | str = "median",
    conditioned: np.ndarray | None = None,
) -> Smoothed:
    """Condition a Gaussian process on one series and evaluate it at the same times.

    Parameters
    ----------
    t : (n,) array
        Times, ascending, d.
    y : (n,) array
        Magnitudes.
    noise_var : (n,) array
        Variance of each point's white noise, mag².
    coefficients : Coefficients
        Or the tuple of a celerite2 term's ``get_coefficients()``.
    mean : float, "median" or "weighted"
        Constant mean of the process: a number, or the median or the inverse-variance-weighted
        mean of the conditioned points.
    conditioned : (n,) bool array, optional
        Points that the process is conditioned on (all); the others are predicted.

    Raises
    ------
    ValueError
        Times descend, a value is not finite, or a noise variance is negative.
    numpy.linalg.LinAlgError
        The covariance of the points is not positive definite.
    """
    t, y, noise_var = (np.ascontiguousarray(values, dtype=np.float64) for values in (t, y, noise_var))
    if not (np.isfinite(t).all() and np.isfinite(y).all()):
        raise ValueError("times and magnitudes must be finite")
    if (np.diff(t) < 0).any():
        raise ValueError("times must ascend")
    if not (noise_var >= 0).all():
        raise ValueError("noise variances must be zero or positive")
    used = np.isfinite(noise_var) if conditioned is None else np.isfinite(noise_var) & conditioned
    noise_var = np.where(used, noise_var, np.inf)
    coefficients = Coefficients(*(np.asarray(values, dtype=np.float64) for values in coefficients))
    out, variance = np.empty_like(y), np.empty_like(y)
    level = _level(y[used], noise_var[used], mean)
    model = two_state_model(coefficients)
    if model is not None:
        work = np.empty((len(t), TWO_STATE_WORK))
        ln_likelihood = smooth_two_state(t, y, level, noise_var, model, out, variance, work)
    else:
        states = _states(coefficients)
        ln_likelihood = _smooth_states(t, y, level, noise_var, *states, out, variance)
    if np.isnan(ln_likelihood):
        raise np.linalg.LinAlgError("the covariance of the points is not positive definite")
    return Smoothed(out, variance, ln_likelihood)


def _states(coefficients: Coefficients) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Rates, angular rates, covariance of each state with the process, number of exponentials."""
    rates = np.concatenate([coefficients.c_real, np.repeat(coefficients.c, 2)])
    angles = np.concatenate([np.zeros_like(coefficients.c_real), np.repeat(coefficients.d, 2)])
    pairs = np.column_stack([coefficients.a, -coefficients.b]).ravel()
    return rates, angles, np.concatenate([coefficients.a_real, pairs]), len(coefficients.a_real)


def _level(y: np.ndarray, noise_var: np.ndarray, mean: float | str) -> float:
    if isinstance(mean, str):
        if mean not in {"median", "weighted"}:
            raise ValueError(f"mean must be a number, 'median' or 'weighted', not {mean!r}")
        if len(y) == 0:
            raise ValueError("no point to take the mean of: give a number")
        if mean == "median":
            return float(np.median(y))
        if not (noise_var > 0).all():
            raise ValueError("a weighted mean needs positive noise variances")
        return float(np.average(y, weights=1.0 / noise_var))
    if not np.isfinite(mean):
        raise ValueError("the mean must be finite")
    return float(mean)


def _require_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive and finite, not {value}")
