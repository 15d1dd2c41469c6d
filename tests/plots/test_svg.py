"""Axes have round ticks where they belong, and texts stay texts."""

from __future__ import annotations

import numpy as np
import pytest

from malca.plots.svg import Drawing, Scale, dots_path, significant


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (-0.6, 4.4, ["0", "1", "2", "3", "4"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (15.5, -7.0, ["-5", "0", "5", "10", "15"]),
        (100.0, 350.0, ["100", "150", "200", "250", "300", "350"]),
    ],
)
def test_ticks_are_round(low, high, written):
    ticks = Scale(low, high, 0, 1).ticks()
    assert [text for _, text in ticks] == written
    np.testing.assert_allclose([value for value, _ in ticks], [float(text) for text in written])


def test_ticks_of_powers():
    assert [text for _, text in Scale(1e-16, 1e-12, 0, 1, True).ticks()] == [
        "10⁻¹⁶", "10⁻¹⁵", "10⁻¹⁴", "10⁻¹³", "10⁻¹²",
    ]  # fmt: skip
    assert [text for _, text in Scale(0.03, 3000.0, 0, 1, True).ticks()] == [
        "0.1", "1", "10", "100", "1000",
    ]  # fmt: skip
    assert len(Scale(1e-9, 1e9, 0, 1, True).ticks(6)) <= 7


def test_places():
    assert Scale(2.0, 4.0, 10.0, 30.0).at(3.0) == pytest.approx(20)
    assert Scale(1.0, 100.0, 30.0, 10.0, True).at(10.0) == pytest.approx(20)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"), (1234.0, "1234"), (12.345, "12.3"), (0.012345, "0.0123"), (9.996, "10.0"),
        (1.28e6, "1.28 × 10⁶"), (-5e-7, "-5.00 × 10⁻⁷"), (99999.0, "1.00 × 10⁵"),
    ],
)  # fmt: skip
def test_three_digits(value, written):
    assert significant(value) == written


def test_dots_that_cover_each_other_are_one():
    assert dots_path(np.array([1.1, 0.9, 5.0]), np.array([2.2, 1.8, 5.0])) == "M1 2h0M5 5h0"


def test_texts_are_escaped():
    drawing = Drawing(10, 10, '"><b>')
    drawing.text(1, 1, "<script>")
    drawing.circle(1, 1, 1, "x", "<i>")
    assert not set(["<script>", "<b>", "<i>"]) & set(str(drawing.markup()).replace(">", "> ").split())
    assert "&lt;script&gt;" in drawing.markup()
