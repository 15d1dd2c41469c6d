import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from malca import read_lightcurves
from malca.lightcurves import STAR_DTYPES, Camera, LightCurves
from malca.search.detect import detect_events
from malca.search.periodicity import PERIODICITY_COLUMNS, judge_star, test_periodicity
from malca.search.periodicity_parameters import PeriodicityParameters

NO_EVENTS = pd.DataFrame(
    {
        "asas_sn_id": pd.array([], dtype="Int64"),
        "kind": pd.array([], dtype="str"),
        "jd_start": np.empty(0),
        "jd_end": np.empty(0),
    }
)
FIRST_JD = 2457000.5


@pytest.fixture
def points(rng):
    """Four cameras at two sites, eight months a year for nine years: (jd, camera)."""
    night = rng.integers(0, 3300, 2600)
    night = np.sort(night[night % 365 < 245])
    camera = rng.integers(0, 4, len(night))
    hour = np.where(camera < 2, 0.1, 0.45) + rng.normal(0, 0.06, len(night))
    order = np.argsort(night + hour)
    return FIRST_JD + (night + hour)[order], camera[order]


def noise(rng, jd, sigma=0.02):
    return 13.0 + rng.normal(0, sigma, len(jd))


def judge(jd, mag, camera, spans=None, **parameters):
    return judge_star(
        jd, mag, np.full(len(jd), 0.01), camera, spans, PeriodicityParameters(**parameters)
    )


def damped_random_walk(rng, jd, sigma, tau):
    memory = np.exp(-np.diff(jd, prepend=jd[0]) / tau)
    value, walk = rng.standard_normal(), np.empty(len(jd))
    for i, m in enumerate(memory):
        value = m * value + np.sqrt(1 - m * m) * rng.standard_normal()
        walk[i] = sigma * value
    return walk


def eclipses(jd, period, duration, depth, epoch=FIRST_JD + 0.3):
    distance = np.abs(jd - epoch - period * np.round((jd - epoch) / period))
    return np.where(distance < 0.5 * duration, depth, 0.0)


def batch(curves):
    """A batch of (jd, mag, camera) curves, ids 101, 102 …"""
    n = [len(jd) for jd, _, _ in curves]
    stars = pd.DataFrame(
        {
            "asas_sn_id": 101 + np.arange(len(curves)),
            "name": [f"star{i}" for i in range(len(curves))],
            "time_system": "JD",
            "gaia_id": pd.NA,
            "gaia_release": "",
            "source": "",
        }
    ).astype(STAR_DTYPES)
    jd, mag, camera = (np.concatenate(parts) for parts in zip(*curves, strict=True))
    return LightCurves(
        stars=stars,
        offsets=np.concatenate([[0], np.cumsum(n)]).astype(np.int64),
        jd=jd,
        mag=mag.astype(np.float32),
        mag_err=np.full(len(jd), 0.01, np.float32),
        camera=camera.astype(np.int16),
        band=np.zeros(len(jd), np.int8),
        good=np.ones(len(jd), bool),
        saturated=np.zeros(len(jd), bool),
        field=np.zeros(len(jd), np.int16),
        cameras=tuple(Camera(f"c{k}") for k in range(4)),
    )


def test_pulsation(rng, points):
    jd, camera = points
    row = judge(jd, noise(rng, jd) + 0.02 * np.sin(2 * np.pi * jd / 3.3127), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(3.3127, rel=1e-4)
    assert row["lsp_log10_fap"] < -30
    assert row["lsp_amplitude_mag"] == pytest.approx(0.04, abs=0.004)
    # Variances of the sinusoid and of the noise.
    assert row["lsp_power"] == pytest.approx(0.0002 / (0.0002 + 0.0004), abs=0.04)
    assert row["phase_coherence"] > 0.8
    assert row["camera_coherence"] > 0.8
    assert row["periodicity_reason"] in {"coherent", "quasi-periodic"}
    assert row["lsp_is_alias"] is False


def test_cameras_may_differ_by_more_than_the_signal(rng, points):
    jd, camera = points
    mag = noise(rng, jd) + 0.02 * np.sin(2 * np.pi * jd / 3.3127)
    plain = judge(jd, mag, camera)
    shifted = judge(jd, mag + np.array([0.0, 0.3, -0.2, 1.0])[camera], camera)
    assert shifted["lsp_period_days"] == pytest.approx(plain["lsp_period_days"], rel=1e-9)
    assert shifted["lsp_log10_fap"] == pytest.approx(plain["lsp_log10_fap"], rel=1e-3)


@pytest.mark.parametrize(("period", "duration"), [(2.2351, 0.2), (41.37, 1.0)])
def test_eclipses_too_weak_to_be_events(rng, points, period, duration):
    jd, camera = points
    row = judge(jd, noise(rng, jd) + eclipses(jd, period, duration, 0.1), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(period, rel=1e-3)
    assert row["lsp_n_harmonics"] >= 4
    assert np.isnan(row["event_recurrence"])
    assert row["period_explains_events"] is None


def test_eclipses_that_were_all_detected_are_found_by_their_recurrence(rng, points):
    jd, camera = points
    period, depth = 9.731, 0.4
    eclipsed = eclipses(jd, period, 1.0, depth)
    cycle = np.unique(np.round((jd[eclipsed > 0] - FIRST_JD - 0.3) / period))
    middle = FIRST_JD + 0.3 + cycle * period
    spans = np.column_stack([middle - 0.5, middle + 0.5])
    row = judge(jd, noise(rng, jd) + eclipsed, camera, spans)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(period, rel=1e-3)
    assert row["events_masked"] is False
    assert row["event_recurrence"] > 0.9
    assert row["period_explains_events"] is True


def test_a_pulsating_star_may_dim_for_another_reason(rng, points):
    jd, camera = points
    t0 = FIRST_JD + 800.0
    dip = np.where(np.abs(jd - t0) < 15, 0.4, 0.0)
    pulsation = 0.04 * np.sin(2 * np.pi * jd / 0.6081)
    row = judge(jd, noise(rng, jd) + dip + pulsation, camera, np.array([[t0 - 15, t0 + 15]]))
    assert row["is_periodic"] is True
    assert row["event_recurrence"] < 0.2
    assert row["period_explains_events"] is False


def test_eclipses_that_return_after_years_are_no_short_period(rng, points):
    """Their comb is also one of every whole fraction of their period."""
    jd, camera = points
    for period in (301.0, 360.0, 420.0):
        eclipsed = eclipses(jd, period, 8.0, 0.8, FIRST_JD + 100.0)
        cycle = np.unique(np.round((jd[eclipsed > 0] - FIRST_JD - 100.0) / period))
        middle = FIRST_JD + 100.0 + cycle * period
        row = judge(jd, noise(rng, jd) + eclipsed, camera, np.column_stack([middle - 4, middle + 4]))
        assert row["is_periodic"] is False
        assert row["event_recurrence"] < 0.5


def test_spots_that_come_and_go(rng, points):
    jd, camera = points
    knots = np.arange(FIRST_JD - 200, FIRST_JD + 3600, 200.0)
    a, b = (np.interp(jd, knots, rng.standard_normal(len(knots))) for _ in range(2))
    phase = 2 * np.pi * jd / 17.2
    row = judge(jd, noise(rng, jd) + 0.03 * (a * np.sin(phase) + b * np.cos(phase)), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(17.2, rel=0.05)
    assert row["periodicity_reason"] == "quasi-periodic"
    assert 50 < row["lsp_coherence_days"] < 1200


@pytest.mark.parametrize("depth", [0.2, 1.5])
def test_one_dip_is_no_period(rng, points, depth):
    jd, camera = points
    t0 = FIRST_JD + 1200.0
    dip = depth * np.exp(-0.5 * ((jd - t0) / 6.0) ** 2)
    spans = np.array([[t0 - 12.0, t0 + 12.0]])
    row = judge(jd, noise(rng, jd) + dip, camera, spans)
    assert row["is_periodic"] is False
    assert row["events_masked"] is True
    assert row["n_points_used"] == ((jd < t0 - 24) | (jd > t0 + 24)).sum()
    # Not even when nobody has detected it.
    assert judge(jd, noise(rng, jd) + dip, camera)["is_periodic"] is False


def test_red_noise_is_no_period(rng, points):
    jd, camera = points
    verdicts = [
        judge(jd, noise(rng, jd) + damped_random_walk(rng, jd, sigma, tau), camera)["is_periodic"]
        for sigma in (0.01, 0.1)
        for tau in (3.0, 10.0, 30.0, 100.0, 300.0)
        for _ in range(2)
    ]
    assert verdicts == [False] * 20


def test_a_period_survives_red_noise(rng, points):
    jd, camera = points
    mag = noise(rng, jd) + damped_random_walk(rng, jd, 0.06, 40.0)
    row = judge(jd, mag + 0.03 * np.sin(2 * np.pi * jd / 5.77), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(5.77, rel=1e-3)


@pytest.mark.parametrize(
    ("per_day", "days"),
    [(1.0, 1.0), (1.0027379, 0.99727), (2.0054758, 0.498635), (1 / 29.530589, 29.530589)],
)
def test_a_weak_signal_of_the_sampling_leaves_the_question_open(rng, points, per_day, days):
    jd, camera = points
    row = judge(jd, noise(rng, jd, 0.01) + 0.03 * np.sin(2 * np.pi * per_day * jd), camera)
    assert row["is_periodic"] is None
    assert row["lsp_is_alias"] is True
    # Of a day, a whole number of cycles may be named in place of one.
    cycles = row["lsp_alias_of_days"] / days
    assert cycles == pytest.approx(round(1 / cycles) ** -1 if cycles < 1 else round(cycles), rel=0.003)
    assert row["periodicity_reason"].startswith("period of the sampling")


def test_a_strong_one_is_the_stars(rng, points):
    jd, camera = points
    row = judge(jd, noise(rng, jd) + 0.2 * np.sin(2 * np.pi * 2.0 * jd), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] / 0.5 == pytest.approx(round(row["lsp_period_days"] / 0.5), rel=1e-4)


def test_a_period_near_half_a_day_is_no_alias(rng, points):
    """0.53 d is within 0.1 d of half a day, but far from it in frequency."""
    jd, camera = points
    row = judge(jd, noise(rng, jd) + 0.03 * np.sin(2 * np.pi * jd / 0.53), camera)
    assert row["is_periodic"] is True
    assert row["lsp_period_days"] == pytest.approx(0.53, rel=1e-4)


def test_one_camera_that_goes_up_and_down(rng, points):
    jd, camera = points
    mag = noise(rng, jd) + 0.15 * (camera == 1) * np.sin(2 * np.pi * jd / 6.1)
    assert judge(jd, mag, camera)["is_periodic"] is False


def test_what_cannot_be_judged_is_missing(rng, points):
    jd, camera = points
    few = judge(jd[:30], noise(rng, jd[:30]), camera[:30])
    assert few == {"periodicity_reason": "too few points", "n_points_used": 30}
    assert judge(jd[:0], jd[:0], camera[:0])["n_points_used"] == 0
    covered = judge(jd, noise(rng, jd), camera, np.array([[FIRST_JD + 100, FIRST_JD + 3000]]))
    assert covered["periodicity_reason"] == "events cover most points"
    assert judge(jd, np.full(len(jd), 13.0), camera)["periodicity_reason"] == "constant magnitudes"


def test_table_has_a_row_a_star_whatever_the_threads(rng, points):
    jd, camera = points
    t0 = FIRST_JD + 700
    dip = np.where(np.abs(jd - t0) < 10, 0.5, 0.0)
    curves = [
        (jd, noise(rng, jd), camera),
        (jd, noise(rng, jd) + dip, camera),
        (jd, noise(rng, jd) + 0.1 * np.sin(2 * np.pi * jd / 2.7), camera),
        (jd[:20], noise(rng, jd[:20]), camera[:20]),
    ]
    events = pd.DataFrame(
        {
            "asas_sn_id": pd.array([102, 999], dtype="Int64"),
            "kind": ["dip", "dip"],
            "jd_start": [t0 - 10, t0],
            "jd_end": [t0 + 10, t0],
        }
    )
    table = test_periodicity(batch(curves), events, PeriodicityParameters(), workers=1)
    assert tuple(table.columns) == PERIODICITY_COLUMNS
    assert table["asas_sn_id"].tolist() == [101, 102, 103, 104]
    assert table["asas_sn_id"].dtype == "Int64"
    assert table["is_periodic"].dtype == "boolean"
    assert table["is_periodic"].tolist()[:3] == [False, False, True]
    assert table["is_periodic"].isna().tolist() == [False, False, False, True]
    assert table["n_points_used"][1] == (np.abs(jd - t0) > 20).sum()
    assert table["n_points_used"][0] == len(jd)
    pd.testing.assert_frame_equal(
        table, test_periodicity(batch(curves), events, PeriodicityParameters(), workers=3)
    )


def test_excluded_points_do_not_count(rng, points):
    jd, camera = points
    curves = batch([(jd, noise(rng, jd), camera)])
    table = test_periodicity(curves, NO_EVENTS, excluded=camera == 3)
    assert table["n_points_used"][0] == (camera != 3).sum()


def test_no_stars():
    table = test_periodicity(LightCurves.empty(), NO_EVENTS)
    assert len(table) == 0
    assert tuple(table.columns) == PERIODICITY_COLUMNS


def test_parameters_are_checked():
    with pytest.raises(ValidationError, match="ascend"):
        PeriodicityParameters(harmonics=(1, 4, 2))
    with pytest.raises(ValidationError, match="begin with 1"):
        PeriodicityParameters(harmonics=(2, 4))
    with pytest.raises(ValidationError):
        PeriodicityParameters(max_fap=0.01)


@pytest.mark.real_data
def test_real_dippers_that_pulsate_or_rotate_dim_for_another_reason(real_data):
    """Three of fourteen are periodic by hundredths of a magnitude; no period explains a dip."""
    lightcurves = read_lightcurves(sorted((real_data / "skypatrol2").glob("*.csv")))
    table = test_periodicity(lightcurves, detect_events(lightcurves, workers=1).events)
    table = table.set_index("asas_sn_id")
    periodic = table.index[table["is_periodic"].fillna(False).astype(bool)]
    assert sorted(periodic) == [25770019815, 223339338105, 412317159120]
    assert table.loc[25770019815, "lsp_period_days"] == pytest.approx(0.608, abs=0.001)
    assert not table["period_explains_events"].fillna(False).any()
    # Its eclipses return after 754 d, which is what the survey looks for.
    assert not table.loc[68720274411, "is_periodic"]
