from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from malca.pipelines.simulation.cadence import make_nights
from malca.pipelines.simulation.cameras import StarCameras
from malca.pipelines.simulation.noise import MAG_OF_1_MJY, observe, robust_t_scale
from malca.pipelines.simulation.parameters import NoiseParameters, SimulationParameters

NIGHTS = make_nights(SimulationParameters(n_stars=1))
JD = 2458500.0 + 0.4 * np.arange(4000)


def one_camera(**values: float) -> StarCameras:
    columns = dict.fromkeys(("offset_mag", "white_mag", "drift_mag"), 0.0)
    columns |= {"drift_days": 50.0, "sky_mjy": 0.05, "first_jd": 0.0, "last_jd": 9e6} | values
    return StarCameras(
        camera=np.zeros(1, np.int64),
        unit=np.zeros(1, np.int64),
        band=np.zeros(1, np.int8),
        field=np.zeros(1, np.int64),
        is_bad=np.zeros(1, bool),
        **{name: np.array([value]) for name, value in columns.items()},
    )


def measure(rng: np.random.Generator, flux_mjy: float, noise: NoiseParameters, **camera: float):
    n = len(JD)
    return observe(
        rng,
        JD,
        np.zeros(n, np.int64),
        np.full(n, flux_mjy),
        np.zeros(n),
        one_camera(**camera),
        NIGHTS,
        noise,
    )


PLAIN = NoiseParameters(
    common_mag=1e-12,
    gross_outlier_share=0,
    failed_share=0,
    haze_share=0,
    moon_dex=1e-12,
    sky_visit_dex=1e-12,
)


def test_reported_errors_are_true_where_nothing_else_disturbs(rng) -> None:
    photometry = measure(rng, 2.0, PLAIN)
    pulls = (photometry.mag - (MAG_OF_1_MJY - 2.5 * np.log10(2.0))) / photometry.mag_err
    assert np.std(pulls) == pytest.approx(1, abs=0.05)
    assert np.mean(pulls) == pytest.approx(0, abs=0.08)


def test_errors_grow_for_faint_stars(rng) -> None:
    errors = [np.nanmedian(measure(rng, flux, PLAIN).mag_err) for flux in (100.0, 10.0, 1.0)]
    assert errors[0] < errors[1] < errors[2]
    assert errors[2] == pytest.approx(1.0857 * 0.05, rel=0.05)


def test_excess_scatter_has_its_size_and_tails(rng) -> None:
    photometry = measure(
        rng, 500.0, PLAIN.model_copy(update={"flux_share": 1e-6, "saturation_mag": 2.0}), white_mag=0.02
    )
    good = photometry.good
    residual = photometry.mag[good] - np.median(photometry.mag[good])
    assert 1.4826 * np.median(np.abs(residual)) == pytest.approx(0.02, rel=0.08)
    assert 0.002 < np.mean(np.abs(residual) > 0.08) < 0.02


def test_drift_is_an_ornstein_uhlenbeck_process(rng) -> None:
    flags = {"bad_share_early": 0.0, "bad_share_late": 0.0, "flux_share": 1e-6, "saturation_mag": 2.0}
    photometry = measure(rng, 500.0, PLAIN.model_copy(update=flags), drift_mag=0.03, drift_days=5.0)
    residual = photometry.mag - photometry.mag.mean()
    assert residual.std() == pytest.approx(0.03, rel=0.15)
    step = 12  # 4.8 d
    correlation = np.mean(residual[:-step] * residual[step:]) / residual.var()
    assert correlation == pytest.approx(np.exp(-4.8 / 5), abs=0.12)


def test_undetected_stars_have_no_magnitude(rng) -> None:
    photometry = measure(rng, 0.1, PLAIN)
    assert np.isnan(photometry.mag).mean() > 0.99
    photometry = measure(rng, 0.25, PLAIN)
    assert np.isnan(photometry.mag).mean() == pytest.approx(0.5, abs=0.05)


def test_bright_stars_saturate(rng) -> None:
    flux = 10 ** (0.4 * (MAG_OF_1_MJY - 11.3))
    assert measure(rng, flux, PLAIN).saturated.mean() == pytest.approx(0.5, abs=0.05)
    assert measure(rng, flux / 3, PLAIN).saturated.mean() < 0.01


def test_no_point_after_the_last_good_date_is_good(rng) -> None:
    photometry = measure(rng, 5.0, PLAIN.model_copy(update={"good_until_jd": JD[2000]}))
    assert photometry.good[:2000].mean() > 0.8
    assert not photometry.good[2000:].any()


def test_t_scale_is_the_robust_sigma_of_students_t() -> None:
    assert robust_t_scale(5.0) == pytest.approx(1.482602218505602 * t.ppf(0.75, 5))
    assert robust_t_scale(1e7) == pytest.approx(1, abs=1e-6)
