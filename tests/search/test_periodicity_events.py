import numpy as np
import pandas as pd
import pytest

from malca.search.periodicity_events import event_recurrence, event_spans, events_mask
from malca.search.periodicity_parameters import PeriodicityParameters


def test_events_are_masked_with_padding():
    jd = np.arange(0.0, 100.0)
    spans = np.array([[20.0, 22.0], [50.0, 70.0], [60.0, 61.0]])
    masked = events_mask(jd, spans, PeriodicityParameters(pad_days=3.0, pad_fraction=0.5))
    expected = ((jd >= 17) & (jd <= 25)) | ((jd >= 40) & (jd <= 80))
    np.testing.assert_array_equal(masked, expected)


def test_spans_go_to_their_stars():
    stars = pd.DataFrame(
        {"asas_sn_id": pd.array([11, pd.NA, 13], dtype="Int64"), "name": ["a", "b", "c"]}
    )
    events = pd.DataFrame(
        {
            "asas_sn_id": pd.array([13, 99, pd.NA, 13], dtype="Int64"),
            "name": ["c", "x", "b", "c"],
            "jd_start": [1.0, 2.0, 3.0, 4.0],
            "jd_end": [1.5, 2.5, 3.5, 4.5],
        }
    )
    spans = event_spans(stars, events)
    assert sorted(spans) == [1, 2]
    np.testing.assert_array_equal(spans[2], [[1.0, 1.5], [4.0, 4.5]])
    np.testing.assert_array_equal(spans[1], [[3.0, 3.5]])


def test_events_must_have_their_columns():
    stars = pd.DataFrame({"asas_sn_id": pd.array([1], dtype="Int64"), "name": ["a"]})
    events = pd.DataFrame({"asas_sn_id": pd.array([1], dtype="Int64"), "jd_start": [np.nan]})
    with pytest.raises(ValueError, match="lacks jd_end"):
        event_spans(stars, events)
    with pytest.raises(ValueError, match="not finite"):
        event_spans(stars, events.assign(jd_end=2.0))


def eclipses(rng, period, every):
    """Points of a star that eclipses in every ``every``-th period, and the spans of some eclipses."""
    jd = np.sort(rng.uniform(0, 2000, 3000))
    cycle = np.round(jd / period)
    eclipsed = (np.abs(jd - cycle * period) < 0.02 * period) & (cycle % every == 0)
    residual = np.where(eclipsed, 0.4, 0.0) + rng.normal(0, 0.02, 3000)
    middle = np.unique(cycle[eclipsed])[::3] * period
    half = 0.018 * period
    return jd, residual, np.column_stack([middle - half, middle + half])


def test_events_that_return_with_the_period(rng):
    assert event_recurrence(*eclipses(rng, 30.0, 1), 30.0) > 0.9


@pytest.mark.parametrize("every", [3, 5])
def test_events_that_do_so_only_now_and_then(rng, every):
    assert event_recurrence(*eclipses(rng, 30.0, every), 30.0) < 0.5


def test_jumps_recur_like_dips(rng):
    jd, residual, spans = eclipses(rng, 30.0, 1)
    assert event_recurrence(jd, -residual, spans, 30.0) > 0.9


def test_an_event_longer_than_the_period_does_not_recur_with_it(rng):
    jd = np.sort(rng.uniform(0, 2000, 3000))
    residual = 0.05 * np.cos(2 * np.pi * jd / 17) + np.where(np.abs(jd - 900) < 100, 1.0, 0.0)
    assert event_recurrence(jd, residual, np.array([[800.0, 1000.0]]), 17.0) < 0.2


def test_no_event_no_recurrence():
    jd = np.arange(10.0)
    assert np.isnan(event_recurrence(jd, np.zeros(10), np.empty((0, 2)), 3.0))
    assert np.isnan(event_recurrence(jd, np.ones(10), np.array([[50.0, 60.0]]), 3.0))
