"""The law of Cardelli, Clayton & Mathis against its published table."""

from __future__ import annotations

import numpy as np
import pytest

from malca.astrophysics.extinction_law import extinction_ratio, implied_r_v, law_coefficients


def test_published_table():
    """Table 3 of Cardelli, Clayton & Mathis 1989: U B V R I J H K for R_V = 3.1."""
    wavelength = np.array([1 / 2.78, 1 / 2.27, 1 / 1.82, 1 / 1.43, 1 / 1.11, 1.25, 1.6, 2.2])
    a, b = law_coefficients(wavelength)
    published = np.array([1.569, 1.337, 1.0, 0.751, 0.479, 0.282, 0.190, 0.114])
    difference = np.abs(a + b / 3.1 - published)
    # the table's B is not quite that of the polynomials at x = 2.27
    assert difference[1] < 0.016
    assert np.delete(difference, 1).max() < 0.0011
    np.testing.assert_allclose(a[5:], [0.4008, 0.2693, 0.1615], atol=3e-4)
    np.testing.assert_allclose(b[5:], [-0.3679, -0.2473, -0.1483], atol=3e-4)


def test_inverse():
    for r_v in (2.1, 3.1, 5.5):
        assert implied_r_v(extinction_ratio(0.545, 0.477, r_v), 0.545, 0.477) == pytest.approx(r_v)
    assert np.isnan(implied_r_v(1.3, 0.545, 0.477))  # V more than g: no dust does that


def test_the_two_pieces_meet_and_the_range_is_kept():
    below, above = law_coefficients(np.array([1 / 1.0999, 1 / 1.1001]))[0]
    assert below == pytest.approx(above, abs=0.01)
    with pytest.raises(ValueError, match="wavelength"):
        law_coefficients(0.2)
