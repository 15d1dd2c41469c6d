"""Membership in nearby young associations: BANYAN Σ (Gagné+ 2018, ApJ 856, 23).

Associations and the field are Gaussians (the field a mixture of them) in place XYZ and velocity UVW.
A star's six coordinates are linear in its distance d and radial velocity v, so that both can be
integrated over in closed form where they are not measured (equations 5 to 20 of the paper). Models and
calibrated priors are the paper's table, which is not part of MALCA; see ``malca.datasets.banyan``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import erfc, erfcx, logsumexp

from malca.astrophysics.banyan_model import OBSERVABLES, BanyanModel
from malca.astrophysics.galactic import sky_axes
from malca.astrophysics.star_table import best_position, distance_error_pc, numbers

ASSESSED, UNKNOWN = "assessed", "unknown"
#: km/s of a star at 1 pc that moves 1 mas/yr, as the paper's models were made with.
KMS_PER_MASYR_PC = 4.743717361e-3
_STARS_AT_ONCE = 2000
# pc and km/s; an error of 0 would weigh without end
_MIN_ERROR = 1e-3


class BanyanHypotheses(NamedTuple):
    """How each hypothesis fares with each star, shape (n, n_associations + 1); the last is the field.

    Attributes
    ----------
    probability : (n, n_associations + 1) array
        Rows sum to one; NaN for a star of which position or proper motion is not known.
    ln_likelihood : (n, n_associations + 1) array
    observables : (n,) object array
        One of ``OBSERVABLES``.
    distance_pc, distance_error_pc, rv_kms, rv_error_kms : (n, n_associations) arrays
        Where a star would be and how it would move, were it a member; a measurement counts in.
    xyz_separation_pc, uvw_separation_kms, mahalanobis : (n, n_associations) arrays
        Separations from the association's centre, of the measured distance and radial velocity, or
        where not measured of those.
    """

    probability: np.ndarray
    ln_likelihood: np.ndarray
    observables: np.ndarray
    distance_pc: np.ndarray
    distance_error_pc: np.ndarray
    rv_kms: np.ndarray
    rv_error_kms: np.ndarray
    xyz_separation_pc: np.ndarray
    uvw_separation_kms: np.ndarray
    mahalanobis: np.ndarray


class BanyanParameters(BaseModel):
    """What of a star goes into its membership, and from which probability on it is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_parallax_snr: float = Field(
        5.0,
        gt=1,
        description="Parallax over its error from which on its reciprocal is the distance; below, the "
        "distance that was chosen for the star is taken, with its interval.",
    )
    min_probability: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Least probability of an association at which it is named. Members of the paper's "
        "samples have 0.9 and more (Gagné+ 2018, ApJ 856, 23).",
    )


_DEFAULT = BanyanParameters()


def banyan_hypotheses(
    model: BanyanModel,
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    pm_ra_masyr: np.ndarray,
    pm_ra_error_masyr: np.ndarray,
    pm_dec_masyr: np.ndarray,
    pm_dec_error_masyr: np.ndarray,
    distance_pc: np.ndarray | None = None,
    distance_error_pc: np.ndarray | None = None,
    rv_kms: np.ndarray | None = None,
    rv_error_kms: np.ndarray | None = None,
) -> BanyanHypotheses:
    """Probability of every hypothesis for every star.

    Parameters
    ----------
    model : BanyanModel
    ra_deg, dec_deg : (n,) arrays
        ICRS, degrees.
    pm_ra_masyr, pm_ra_error_masyr, pm_dec_masyr, pm_dec_error_masyr : (n,) arrays
        Proper motion (times cos(dec)) and its errors, mas/yr; an error that is not known counts as
        none.
    distance_pc, distance_error_pc, rv_kms, rv_error_kms : (n,) arrays, optional
        With their errors; a star of which one or its error is not finite is treated as not measured
        so, with the prior that goes with it.
    """
    stars = [np.atleast_1d(np.asarray(a, float)) for a in (
        ra_deg, dec_deg, pm_ra_masyr, pm_ra_error_masyr, pm_dec_masyr, pm_dec_error_masyr,
    )]  # fmt: skip
    n = len(stars[0])
    for value, error in ((distance_pc, distance_error_pc), (rv_kms, rv_error_kms)):
        value = np.full(n, np.nan) if value is None else np.atleast_1d(np.asarray(value, float))
        error = np.full(n, np.nan) if error is None else np.atleast_1d(np.asarray(error, float))
        known = np.isfinite(value) & np.isfinite(error) & (error >= 0)
        stars += [np.where(known, value, np.nan), np.where(known, error, np.nan)]
    parts = [
        _some_hypotheses(model, *(a[start : start + _STARS_AT_ONCE] for a in stars))
        for start in range(0, max(n, 1), _STARS_AT_ONCE)
    ]
    return BanyanHypotheses(*(np.concatenate(field) for field in zip(*parts, strict=True)))


class _Moments(NamedTuple):
    """Scalar products under the precision matrices, shape (n, n_components) each."""

    gg: np.ndarray  # of the direction that distance moves a star in, with itself
    go: np.ndarray  # with that of the radial velocity
    oo: np.ndarray
    gt: np.ndarray  # with the centre
    ot: np.ndarray
    tt: np.ndarray
    ln_det: np.ndarray  # of the precision matrices


def _some_hypotheses(
    model: BanyanModel,
    ra: np.ndarray,
    dec: np.ndarray,
    pm_ra: np.ndarray,
    pm_ra_error: np.ndarray,
    pm_dec: np.ndarray,
    pm_dec_error: np.ndarray,
    distance: np.ndarray,
    distance_sigma: np.ndarray,
    rv: np.ndarray,
    rv_sigma: np.ndarray,
) -> BanyanHypotheses:
    n, n_associations = len(ra), len(model.associations)
    axes = sky_axes(ra, dec)
    k = KMS_PER_MASYR_PC
    tangential = k * (axes.east * pm_ra[:, None] + axes.north * pm_dec[:, None])
    gamma = np.concatenate([axes.outward, tangential], axis=1)
    omega = np.concatenate([np.zeros_like(axes.outward), axes.outward], axis=1)
    # errors of the proper motion as velocities in U, V, W at 1 pc
    errors = k * np.hypot(
        axes.east * np.nan_to_num(pm_ra_error)[:, None],
        axes.north * np.nan_to_num(pm_dec_error)[:, None],
    )
    has_distance, has_rv = np.isfinite(distance), np.isfinite(rv)
    sigma = np.maximum(distance_sigma, _MIN_ERROR)
    distance_weight = np.where(has_distance, sigma**-2.0, 0.0)[:, None]
    rv_weight = np.where(has_rv, np.maximum(rv_sigma, _MIN_ERROR) ** -2.0, 0.0)[:, None]
    d, v = np.nan_to_num(distance)[:, None], np.nan_to_num(rv)[:, None]

    def moments(covariance: np.ndarray) -> tuple[_Moments, np.ndarray]:
        precision = np.linalg.inv(covariance)
        with_gamma = (precision @ gamma[:, None, :, None])[..., 0]
        with_omega = (precision @ omega[:, None, :, None])[..., 0]
        with_centre = (precision @ model.centre[:, :, None])[..., 0]
        products = _Moments(
            gg=np.einsum("ni,nki->nk", gamma, with_gamma) + distance_weight,
            go=np.einsum("ni,nki->nk", gamma, with_omega),
            oo=np.einsum("ni,nki->nk", omega, with_omega) + rv_weight,
            gt=np.einsum("ki,nki->nk", model.centre, with_gamma) + d * distance_weight,
            ot=np.einsum("ki,nki->nk", model.centre, with_omega) + v * rv_weight,
            tt=np.einsum("ki,...ki->...k", model.centre, with_centre)
            + d**2 * distance_weight
            + v**2 * rv_weight,
            ln_det=np.broadcast_to(-np.linalg.slogdet(covariance)[1], (n, len(model.centre))),
        )
        return products, precision

    first, _ = moments(model.covariance[None])
    first_distance, _, _, _ = _optimum(first)
    inflated = np.broadcast_to(model.covariance, (n, *model.covariance.shape)).copy()
    velocity_variance = (errors[:, None, :] * first_distance[..., None]) ** 2
    for axis in range(3):
        inflated[:, :, 3 + axis, 3 + axis] += velocity_variance[..., axis]
    usable = np.isfinite(gamma).all(axis=1)
    inflated[~usable] = np.eye(6)
    second, precision = moments(inflated)
    ln_component = _ln_likelihood(second)

    ln_p = np.empty((n, n_associations + 1))
    ln_p[:, :n_associations] = ln_component[:, :n_associations]
    in_field = model.hypothesis == n_associations
    ln_p[:, -1] = logsumexp(ln_component[:, in_field] + model.ln_weight[in_field], axis=1)
    mode = has_rv.astype(int) + 2 * has_distance
    ln_prior = model.ln_prior.T[mode]
    members = ln_p[:, :n_associations]
    with np.errstate(invalid="ignore"):
        share = members - logsumexp(members, axis=1, keepdims=True)
        weighted = ln_p.copy()
        weighted[:, -1] -= logsumexp(ln_prior + share, axis=1)
        probability = np.exp(weighted - logsumexp(weighted, axis=1, keepdims=True))
    probability[~usable], ln_p[~usable] = np.nan, np.nan

    best_distance, distance_error, best_rv, rv_error = (
        np.where(usable[:, None], part[:, :n_associations], np.nan) for part in _optimum(second)
    )
    # where distance or velocity was measured, the separations are of what was measured
    at_distance = np.where(has_distance[:, None], distance[:, None], best_distance)
    at_rv = np.where(has_rv[:, None], rv[:, None], best_rv)
    at = at_distance[..., None] * gamma[:, None] + at_rv[..., None] * omega[:, None]
    off = at - model.centre[:n_associations]
    metric = precision[:, :n_associations]
    return BanyanHypotheses(
        probability=probability,
        ln_likelihood=ln_p,
        observables=np.array(OBSERVABLES, dtype=object)[mode],
        distance_pc=best_distance,
        distance_error_pc=distance_error,
        rv_kms=best_rv,
        rv_error_kms=rv_error,
        xyz_separation_pc=np.sqrt((off[..., :3] ** 2).sum(axis=-1)),
        uvw_separation_kms=np.sqrt((off[..., 3:] ** 2).sum(axis=-1)),
        mahalanobis=np.sqrt(np.einsum("nki,nkij,nkj->nk", off, metric, off)),
    )


def _ln_likelihood(m: _Moments) -> np.ndarray:
    """Integral over radial velocity and, with a weight of d⁴, over distance; the paper's equation 20.

    The weight is d² of the volume and d² of the Jacobian from velocities to proper motions.
    """
    beta = (m.gg - m.go**2 / m.oo) / 2
    gamma = m.go * m.ot / m.oo - m.gt
    zeta = (m.tt - m.ot**2 / m.oo) / 2
    x = gamma / np.sqrt(2 * beta)
    return -0.5 * np.log(m.oo) - 2.5 * np.log(beta) + 0.5 * m.ln_det - zeta + _ln_d4_integral(x)


def _ln_d4_integral(x: np.ndarray) -> np.ndarray:
    """Logarithm of x²/2 and of the paper's F(x), taken together lest one overflow.

    ``exp(x²/2) F(x)`` with ``F(x) = [sqrt(π/2) (x⁴+6x²+3) erfc(x/√2) - exp(-x²/2) (x³+5x)] / 24``. For
    large x the two terms cancel and an asymptotic series takes over.
    """
    polynomial, other = x**4 + 6 * x**2 + 3, x**3 + 5 * x
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # x < 0: the star's place is well defined, the first term rules
        below = np.log(
            np.sqrt(np.pi / 2) * polynomial * erfc(x / np.sqrt(2)) - np.exp(-(x**2) / 2) * other
        )
        above = np.log(np.sqrt(np.pi / 2) * polynomial * erfcx(x / np.sqrt(2)) - other)
        # the integral of t⁴ exp(-t²/2 - x t), 24/x⁵ (1 - 15/x² + 210/x⁴ - 3150/x⁶) and on
        y = 1 / x**2
        series = np.log(24 * (1 - 15 * y + 210 * y**2 - 3150 * y**3 + 51975 * y**4)) - 5 * np.log(x)
    result = np.where(x < 0, below + x**2 / 2, np.where(x < 25, above, series))
    return result - np.log(24)


def _optimum(m: _Moments) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Most likely distance and radial velocity, with their errors from the curvature there."""
    beta = (m.gg - m.go**2 / m.oo) / 2
    gamma = m.go * m.ot / m.oo - m.gt
    distance = (np.sqrt(gamma**2 + 32 * beta) - gamma) / (4 * beta)
    velocity = (m.ot - m.go * distance) / m.oo
    curvature = m.gg + 4 / distance**2
    distance_error = 1 / np.sqrt(curvature - m.go**2 / m.oo)
    velocity_error = 1 / np.sqrt(m.oo - m.go**2 / curvature)
    return distance, distance_error, velocity, velocity_error


def banyan_membership(
    model: BanyanModel,
    ra_deg: np.ndarray,
    dec_deg: np.ndarray,
    pm_ra_masyr: np.ndarray,
    pm_ra_error_masyr: np.ndarray,
    pm_dec_masyr: np.ndarray,
    pm_dec_error_masyr: np.ndarray,
    distance_pc: np.ndarray | None = None,
    distance_error_pc: np.ndarray | None = None,
    rv_kms: np.ndarray | None = None,
    rv_error_kms: np.ndarray | None = None,
    min_probability: float = 0.1,
) -> pd.DataFrame:
    """Best association of every star; arguments as of ``banyan_hypotheses``.

    Returns
    -------
    DataFrame, (n,)
        ``field_probability``; ``best_association``, empty where none reaches ``min_probability``;
        ``best_probability``, of the best whether named or not; ``observables``; and, were it a member
        of the best: ``distance_pc, distance_error_pc, rv_kms, rv_error_kms, xyz_separation_pc,
        uvw_separation_kms, mahalanobis``. NaN for a star without position or proper motion.
    """
    found = banyan_hypotheses(
        model, ra_deg, dec_deg, pm_ra_masyr, pm_ra_error_masyr, pm_dec_masyr, pm_dec_error_masyr,
        distance_pc, distance_error_pc, rv_kms, rv_error_kms,
    )  # fmt: skip
    members = found.probability[:, :-1]
    known = np.isfinite(found.probability[:, -1])
    best = np.argmax(np.nan_to_num(members), axis=1)
    row = np.arange(len(members))
    probability = members[row, best]
    name = np.array(model.associations, dtype=object)[best]
    table = pd.DataFrame(
        {
            "field_probability": found.probability[:, -1],
            "best_association": np.where(probability >= min_probability, name, ""),
            "best_probability": probability,
            "observables": np.where(known, found.observables, ""),
        }
    )
    for column in found._fields[3:]:
        table[column] = getattr(found, column)[row, best]
    return table.astype({"best_association": "str", "observables": "str"})


def add_membership(
    table: pd.DataFrame, model: BanyanModel | None, parameters: BanyanParameters = _DEFAULT
) -> pd.DataFrame:
    """Membership of every star of a table in nearby young associations.

    Parameters
    ----------
    table : DataFrame, (n,)
        Position, Gaia's parallax, proper motion and radial velocity with their errors,
        ``distance_pc`` with its interval. Those that are missing are unknown.
    model : BanyanModel or None
        None: there is no parameter table, and every star is unknown.
    parameters : BanyanParameters

    Returns
    -------
    DataFrame, (n,)
        ``banyan_field_probability``, ``banyan_best_association``, ``banyan_best_probability``,
        ``banyan_observables``, ``banyan_outcome`` ("assessed" or "unknown") and ``banyan_reason``.
    """
    ra, dec = best_position(table)
    pm_ra, pm_ra_error, pm_dec, pm_dec_error = (
        numbers(table, f"gaia_pm_{name}_masyr") for name in ("ra", "ra_error", "dec", "dec_error")
    )
    parallax, error = numbers(table, "gaia_parallax_mas"), numbers(table, "gaia_parallax_error_mas")
    good = (parallax >= parameters.min_parallax_snr * error) & (error > 0)
    good_parallax = np.where(good, parallax, np.nan)
    distance = np.where(good, 1000 / good_parallax, numbers(table, "distance_pc"))
    distance_error = np.where(good, 1000 * error / good_parallax**2, distance_error_pc(table))
    known = np.isfinite(np.stack([ra, dec, pm_ra, pm_dec])).all(axis=0)
    if model is None:
        found = pd.DataFrame(
            {
                "field_probability": np.full(len(table), np.nan),
                "best_association": "",
                "best_probability": np.nan,
                "observables": "",
            }
        )
        reason = np.full(len(table), "no parameter table of BANYAN Σ", dtype=object)
    else:
        found = banyan_membership(
            model, ra, dec, pm_ra, pm_ra_error, pm_dec, pm_dec_error, distance, distance_error,
            numbers(table, "gaia_rv_kms"), numbers(table, "gaia_rv_error_kms"),
            parameters.min_probability,
        )  # fmt: skip
        reason = np.where(known, "", "no position or proper motion").astype(object)
    outcome = np.where(reason == "", ASSESSED, UNKNOWN)
    columns = ("field_probability", "best_association", "best_probability", "observables")
    result = {f"banyan_{name}": found[name].to_numpy() for name in columns}
    result |= {"banyan_outcome": outcome, "banyan_reason": reason}
    text = [f"banyan_{name}" for name in ("best_association", "observables", "outcome", "reason")]
    return pd.DataFrame(result, index=table.index).astype(dict.fromkeys(text, "str"))
