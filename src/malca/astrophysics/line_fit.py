"""Straight lines through points with errors in both coordinates, many sets of points at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from malca.astrophysics.groups import group_count, group_sum


class LineFits(NamedTuple):
    """A line ``y = intercept + slope x`` a group of points, shape (n_groups,) each.

    NaN where a group has too few points or none of any extent. Errors are those of the points
    alone; where ``chi2`` is greater than ``n_points`` less the number of parameters, the points
    scatter more than their errors say, and ``scaled_errors`` is the fairer choice.
    """

    slope: np.ndarray
    slope_error: np.ndarray
    intercept: np.ndarray
    intercept_error: np.ndarray
    chi2: np.ndarray
    n_points: np.ndarray
    degrees_of_freedom: np.ndarray

    @property
    def reduced_chi2(self) -> np.ndarray:
        """``chi2`` over the degrees of freedom; NaN where there are none."""
        free = np.where(self.degrees_of_freedom > 0, self.degrees_of_freedom, np.nan)
        return self.chi2 / free

    @property
    def scaled_errors(self) -> np.ndarray:
        """Error of the slope, made larger where the points scatter more than their errors say."""
        excess = np.fmax(1.0, self.reduced_chi2)
        return self.slope_error * np.sqrt(np.where(np.isnan(excess), 1.0, excess))


def fit_lines(
    x: np.ndarray,
    x_error: np.ndarray,
    y: np.ndarray,
    y_error: np.ndarray,
    group: np.ndarray,
    n_groups: int,
    correlation: np.ndarray | float = 0.0,
    *,
    through_origin: bool = False,
    max_iterations: int = 200,
) -> LineFits:
    """Fit a line to each group of points by maximum likelihood, with errors in both coordinates.

    The unified equations of York, Evensen, Martínez & De Basabe Delgado 2004 (Am. J. Phys. 72, 367),
    which hold for any errors and correlations and do not change with the scale of the axes. Through
    the origin the same equations hold without the means, and one parameter is estimated instead
    of two.

    Parameters
    ----------
    x, x_error, y, y_error : (n,) arrays
        Points and their standard deviations; finite, errors positive.
    group : (n,) integer array
        Group of each point, 0 to ``n_groups - 1``, in any order.
    correlation : (n,) array or float
        Correlation of the two errors of a point, between -1 and 1.
    through_origin : bool
        Whether the line goes through (0, 0).
    max_iterations : int
        A slope that has not settled to 1e-10 of itself by then is NaN.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    weight_x, weight_y = np.asarray(x_error, float) ** -2, np.asarray(y_error, float) ** -2
    r = np.broadcast_to(np.asarray(correlation, float), x.shape)
    alpha = np.sqrt(weight_x * weight_y)
    n_points = group_count(group, n_groups)
    n_parameters = 1 if through_origin else 2

    def total(values: np.ndarray) -> np.ndarray:
        return group_sum(values, group, n_groups)

    def means(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
        if through_origin:
            return np.zeros(n_groups)
        return total(weight * values) / total(weight)

    with np.errstate(divide="ignore", invalid="ignore"):
        slope = _start_slope(x, y, weight_x, weight_y, means, total, group)
        settled = np.zeros(n_groups, bool)
        for _ in range(max_iterations):
            b = slope[group]
            weight = weight_x * weight_y / (weight_x + b**2 * weight_y - 2 * b * r * alpha)
            u, v = x - means(weight, x)[group], y - means(weight, y)[group]
            beta = weight * (u / weight_y + b * v / weight_x - (b * u + v) * r / alpha)
            new = total(weight * beta * v) / total(weight * beta * u)
            # one that has settled is left alone, so that a group's result is its own affair
            new = np.where(settled, slope, new)
            settled |= np.abs(new - slope) <= 1e-10 * np.abs(new)
            slope = new
            if (settled | ~np.isfinite(slope)).all():
                break
        slope = np.where(settled & (n_points >= n_parameters), slope, np.nan)
        b = slope[group]
        weight = weight_x * weight_y / (weight_x + b**2 * weight_y - 2 * b * r * alpha)
        mean_x, mean_y = means(weight, x), means(weight, y)
        u, v = x - mean_x[group], y - mean_y[group]
        beta = weight * (u / weight_y + b * v / weight_x - (b * u + v) * r / alpha)
        adjusted = mean_x[group] + beta  # the point on the line that the data speak for
        mean_adjusted = means(weight, adjusted)
        slope_variance = 1 / total(weight * (adjusted - mean_adjusted[group]) ** 2)
        intercept = mean_y - slope * mean_x
        intercept_variance = (
            np.zeros(n_groups)
            if through_origin
            else 1 / total(weight) + mean_adjusted**2 * slope_variance
        )
        chi2 = total(weight * (y - b * x - intercept[group]) ** 2)
        slope_error, intercept_error = np.sqrt(slope_variance), np.sqrt(intercept_variance)
    unknown = ~np.isfinite(slope) | ~np.isfinite(slope_error)
    return LineFits(
        *(
            np.where(unknown, np.nan, values)
            for values in (slope, slope_error, intercept, intercept_error, chi2)
        ),
        n_points=n_points,
        degrees_of_freedom=n_points - n_parameters,
    )


def _start_slope(x, y, weight_x, weight_y, means, total, group):
    """Slope of the major axis of the points in units of their mean errors."""
    scale = np.sqrt(total(1 / weight_y) / total(1 / weight_x))  # y error over x error
    ones = np.ones_like(x)
    u = x - means(ones, x)[group]
    v = (y - means(ones, y)[group]) / scale[group]
    xx, yy, xy = total(u * u), total(v * v), total(u * v)
    # not 0: at right angles the iteration of York stands still
    slope = np.where(xy == 0, 1e-6, (yy - xx + np.sqrt((yy - xx) ** 2 + 4 * xy**2)) / (2 * xy))
    return slope * scale
