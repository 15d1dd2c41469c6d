import numpy as np
import pytest
from scipy import stats

from malca.search.periodicity_parameters import PeriodicityParameters
from malca.search.periodicity_significance import ln_tail, strongest_peaks
from malca.search.periodicity_spectrum import Spectrum, spectrum, weigh_star

PARAMETERS = PeriodicityParameters(max_frequency=2.0)
SPAN = 1000.0


def noise_spectrum(rng):
    """Independent exponential powers, as many samples a resolution element as the search takes."""
    step = 1.0 / (PARAMETERS.samples_per_peak * SPAN)
    n = int(PARAMETERS.max_frequency / step) + 1
    power = rng.exponential(size=n)
    power[:10] = 0.0
    return Spectrum(step, power, np.ones(n), 10)


@pytest.mark.parametrize(
    ("x", "shape", "known"), [(5, 1, 40), (0.3, 2, 10), (80, 16, 500), (30, 2.7, 8)]
)
def test_tail_is_beta_prime(x, shape, known):
    expected = stats.betaprime.logsf(x / known, shape, known)
    assert ln_tail(x, shape, known) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("x", "shape"), [(3.0, 1), (40.0, 4), (25.0, 32)])
def test_tail_against_a_known_level_is_gamma(x, shape):
    assert ln_tail(x, shape, 1e9) == pytest.approx(stats.gamma.logsf(x, shape), rel=1e-5)


def test_tail_does_not_underflow():
    # One exponential against one: 1 / (1 + x); against a known level: exp(-x).
    assert ln_tail(1e200, 1.0, 1.0) == pytest.approx(-200 * np.log(10), rel=1e-6)
    assert ln_tail(5000.0, 1.0, 1e12) == pytest.approx(-5000.0, rel=1e-6)


def test_comb_is_found_by_its_harmonics(rng):
    of = noise_spectrum(rng)
    fundamental = 1 / 31.7
    k = np.arange(1, 33)
    of.power[np.round(k * fundamental / of.step).astype(int)] += 4
    best = min(strongest_peaks(of, SPAN, PARAMETERS), key=lambda peak: peak.log10_fap)
    assert best.n_harmonics == 32
    assert 1 / best.frequency == pytest.approx(31.7, rel=1e-3)
    assert best.log10_fap < -6


def test_broad_line_is_found_by_its_width(rng):
    of = noise_spectrum(rng)
    centre = round(0.3 / of.step)
    of.power[centre - 24 : centre + 24] += 2.5
    best = min(strongest_peaks(of, SPAN, PARAMETERS), key=lambda peak: peak.log10_fap)
    assert best.n_elements == 12
    assert best.frequency == pytest.approx(0.3, abs=7 / SPAN)
    assert best.log10_fap < -6


def test_narrow_shapes_keep_to_short_periods(rng):
    of = noise_spectrum(rng)
    for peak in strongest_peaks(of, SPAN, PARAMETERS, narrow_only=True):
        assert peak.n_elements == 1
        assert 1 / peak.frequency <= PARAMETERS.max_eclipse_period_days * 1.01
    for peak in strongest_peaks(of, SPAN, PARAMETERS):
        if peak.n_harmonics < 4:
            assert 1 / peak.frequency <= SPAN / PARAMETERS.min_cycles * 1.01
        else:
            assert 1 / peak.frequency <= PARAMETERS.max_eclipse_period_days * 1.01


def test_false_alarms_of_white_noise_are_as_frequent_as_said(rng):
    """Of every shape, over the clumpy times of a survey; binomial 99.9 % bounds."""
    n = 250
    below = {}
    for _ in range(n):
        night = np.sort(rng.choice(1100, 420, replace=False))
        night = night[night % 365 < 240]
        t = night + rng.choice([0.1, 0.45], len(night)) + rng.normal(0, 0.05, len(night))
        err = rng.uniform(0.01, 0.03, len(t))
        star = weigh_star(np.sort(t), rng.normal(0, err), err, np.zeros(len(t), int), PARAMETERS)
        of = spectrum(star, PARAMETERS)
        for peak in strongest_peaks(of, star.span_days, PARAMETERS):
            below.setdefault((peak.n_harmonics, peak.n_elements), []).append(peak.log10_fap)
    assert len(below) == 9
    for values in below.values():
        assert (np.array(values) < -1).sum() <= stats.binom.ppf(0.999, n, 0.1)
        assert (np.array(values) < -2).sum() <= stats.binom.ppf(0.999, n, 0.01)
    # Nor so cautious that nothing would ever be found.
    together = np.concatenate(list(below.values()))
    assert (together < -1).mean() > 0.02
