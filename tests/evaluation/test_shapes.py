from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm, skewnorm

from malca.evaluation.shapes import DIP_SHAPES, JUMP_SHAPES, InjectedShape

ASYMMETRIES = (-0.9, 0.0, 0.4)


def shapes():
    for name in (*DIP_SHAPES, *JUMP_SHAPES):
        for asymmetry in ASYMMETRIES:
            yield InjectedShape(name, peak_mag=0.8, duration_days=20.0, asymmetry=asymmetry)


@pytest.mark.parametrize("shape", list(shapes()), ids=lambda one: f"{one.shape} {one.asymmetry}")
class TestEveryShape:
    def test_the_extremum_is_at_zero_and_as_large_as_asked(self, shape):
        days = np.linspace(-200, 200, 400_001)
        change = shape.change_mag(days)
        sign = 1 if shape.shape in DIP_SHAPES else -1
        assert (sign * change).max() == pytest.approx(0.8, abs=1e-9)
        assert (sign * change >= -1e-12).all()
        assert (sign * shape.change_mag(np.zeros(1)))[0] == pytest.approx(0.8, abs=1e-9)

    def test_the_duration_is_the_full_width_at_half_maximum(self, shape):
        days = np.linspace(-200, 200, 400_001)
        height = -shape.change_mag(days) if shape.shape == "paczynski" else shape.relative_flux(days)
        inside = days[height >= 0.5 * height.max()]
        assert inside[-1] - inside[0] == pytest.approx(20.0, abs=2e-3)

    def test_half_spans_end_where_the_profile_has_fallen_to_a_tenth(self, shape):
        before, after = shape.half_spans()
        edges = np.array([-before, after])
        if shape.shape == "paczynski":
            height = -shape.change_mag(edges) / 0.8
        else:
            height = shape.relative_flux(edges)
        np.testing.assert_allclose(height, 0.1, atol=1e-9)


def test_a_skew_normal_dip_is_the_density_of_scipy_over_its_mode():
    shape = InjectedShape("skew_normal", 0.5, 30.0, asymmetry=0.6, max_alpha=5.0)
    slope = lambda z: -z + 3.0 * np.exp(norm.logpdf(3.0 * z) - norm.logcdf(3.0 * z))  # noqa: E731
    mode = brentq(slope, 0, 1, xtol=1e-14)
    half = skewnorm.logpdf(mode, 3.0) - np.log(2)
    edges = [brentq(lambda z: skewnorm.logpdf(z, 3.0) - half, mode, mode + side) for side in (-4, 4)]
    sigma = 30.0 / (edges[1] - edges[0])
    days = np.linspace(-60, 90, 301)
    density = skewnorm.pdf(days / sigma + mode, 3.0) / skewnorm.pdf(mode, 3.0)
    lost = 1 - 10 ** (-0.4 * 0.5)
    np.testing.assert_allclose(shape.change_mag(days), -2.5 * np.log10(1 - lost * density), atol=1e-9)


def test_a_dip_between_observations_is_not_blown_up_to_full_depth():
    shape = InjectedShape("skew_normal", 1.0, 1.0)
    assert shape.change_mag(np.array([-12.0, 15.0])).max() < 1e-30


def test_a_trapezoid_without_ingress_is_a_box():
    shape = InjectedShape("trapezoid", 0.3, 10.0, ingress_share=0.0)
    np.testing.assert_allclose(
        shape.change_mag(np.array([-5.01, -4.99, 4.99, 5.01])), [0, 0.3, 0.3, 0], atol=1e-12
    )


def test_unknown_shapes_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no shape 'square': there are skew_normal, trapezoid"):
        InjectedShape("square", 1.0, 1.0).change_mag(np.zeros(1))
