from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from malca.lightcurves import BAND_G, BAND_V, POINT_DTYPES
from malca.pipelines.simulation.nodes import simulate_lightcurves
from malca.pipelines.simulation.parameters import SimulationParameters
from malca.pipelines.simulation.populations import POPULATION_NAMES, draw_stars, quotas


def test_neither_threads_nor_portions_change_a_star(survey, parameters) -> None:
    lightcurves, truth, events = survey
    other = parameters.model_copy(update={"workers": 1, "stars_per_chunk": 7})
    again, again_truth, again_events = simulate_lightcurves(other)
    for name in POINT_DTYPES:
        ours, theirs = getattr(lightcurves, name), getattr(again, name)
        if name == "field":
            ours, theirs = (
                np.array(lightcurves.fields)[ours],
                np.array(again.fields)[theirs],
            )
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    assert truth.equals(again_truth)
    assert events.equals(again_events)
    assert parameters.fingerprint() == other.fingerprint()


def test_another_seed_is_another_survey(survey, parameters) -> None:
    other = parameters.model_copy(update={"seed": parameters.seed + 1})
    assert other.fingerprint() != parameters.fingerprint()
    assert not draw_stars(other)["ra_deg"].equals(draw_stars(parameters)["ra_deg"])


def test_every_population_occurs(survey) -> None:
    assert set(survey[1]["population"]) == set(POPULATION_NAMES)


def test_quotas_keep_rare_names_and_the_total() -> None:
    names = quotas({"a": 0.9, "b": 0.001, "c": 0.099, "d": 0.0}, 50)
    assert len(names) == 50
    assert names.count("b") == 1
    assert "d" not in names
    assert quotas({"a": 1.0, "b": 1.0, "c": 1.0}, 2).__len__() == 2


def test_cameras_and_eras(survey) -> None:
    lightcurves, truth, _ = survey
    assert truth["n_cameras"].between(3, 22).all()
    assert truth["n_cameras"].max() > 8
    in_v, in_g = lightcurves.jd[lightcurves.band == BAND_V], lightcurves.jd[lightcurves.band == BAND_G]
    assert in_v.min() < 2457500 < in_v.max() < 2458452
    assert 2458018 < in_g.min() < in_v.max()  # the eras overlap
    for i in range(len(lightcurves)):
        assert (np.diff(lightcurves.star(i).jd) >= 0).all()


def test_seasons_follow_right_ascension(survey) -> None:
    from malca.pipelines.simulation.cadence import sun_position

    lightcurves, truth, _ = survey
    worst = []
    for i, row in enumerate(truth.itertuples()):
        if abs(row.dec_deg) > 30:
            continue
        sun_ra, _ = sun_position(lightcurves.star(i).jd)
        worst.append(np.min(np.abs((sun_ra - row.ra_deg / 15 + 12) % 24 - 12)))
    assert min(worst) > 1.0  # hours; nobody observes a star beside the sun


def test_stars_are_dark_by_night_only(survey) -> None:
    """Altitudes of the sun and the star from astropy agree with when the cameras observed."""
    import astropy.units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
    from astropy.time import Time

    from malca.pipelines.simulation.cameras import SITES, UNIT_SITE

    lightcurves, truth, _ = survey
    star = lightcurves.star(3)
    site = UNIT_SITE[star.camera // 4]
    for k in np.unique(site):
        when = Time(star.jd[site == k][::10], format="jd")
        where = EarthLocation(lon=SITES[k].longitude_deg * u.deg, lat=SITES[k].latitude_deg * u.deg)
        frame = AltAz(obstime=when, location=where)
        assert get_sun(when).transform_to(frame).alt.deg.max() < -11.3
        target = SkyCoord(truth.loc[3, "ra_deg"] * u.deg, truth.loc[3, "dec_deg"] * u.deg)
        assert target.transform_to(frame).alt.deg.min() > 21


def test_magnitudes_lie_in_their_bins(survey) -> None:
    lightcurves, truth, _ = survey
    quiet = np.flatnonzero(truth["population"] == "quiet")
    for i in quiet[:20]:
        star = lightcurves.star(i)
        median = np.nanmedian(star.mag[(star.band == BAND_G) & star.good])
        low, high = map(float, truth.loc[i, "mag_bin"].split("_"))
        assert low - 0.1 < median < high + 0.1


def test_points_fainter_than_the_limit_are_upper_limits(survey) -> None:
    lightcurves, truth, events = survey
    deep = events[(events["population"] == "r_crb") & (events["depth_mag"] > 3.5)]
    assert len(deep) > 0
    star = lightcurves.star(int(np.flatnonzero(truth["asas_sn_id"] == deep.iloc[0]["asas_sn_id"])[0]))
    near = (star.jd > deep.iloc[0]["jd_peak"]) & (star.jd < deep.iloc[0]["jd_peak"] + 20)
    if near.any():
        assert np.isnan(star.mag[near]).any()
    finite = np.isfinite(lightcurves.mag_err)
    assert (lightcurves.mag_err[finite] < 0.26).all()  # 5 sigma of the noise
    assert (np.isfinite(lightcurves.mag) == finite).all()


def test_unknown_populations_and_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="unknown populations"):
        SimulationParameters(populations={"quasar": 1.0})
    with pytest.raises(ValidationError):
        SimulationParameters(n_star=3)
    with pytest.raises(ValidationError, match="precede"):
        SimulationParameters(first_jd=2460000, last_jd=2459000)
