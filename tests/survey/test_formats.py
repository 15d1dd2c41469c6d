"""The same photometry gives the same events, whatever format it came in."""

from __future__ import annotations

import numpy as np
import pytest

from malca.datasets.readers import detect_format, read_lightcurves
from malca.datasets.skypatrol import camera_band
from malca.lightcurves import BAND_V
from malca.search.detect import detect_events

pytestmark = pytest.mark.real_data

STARS = (25770019815, 68720274411)


@pytest.fixture(scope="module", params=STARS)
def original(request, real_data):
    lightcurves = read_lightcurves([real_data / "skypatrol2" / f"{request.param}-light-curves.csv"])
    assert not len(lightcurves.failures)
    return lightcurves


def written_as_dat2(lightcurves, folder):
    """As the survey writes it: JD - 2450000, camera number and name, 99.99 for an upper limit."""
    star = lightcurves.star(0)
    lines = []
    for jd, mag, err, camera, band, good in zip(
        star.jd, star.mag, star.mag_err, star.camera, star.band, star.good, strict=True
    ):
        values = f"{mag:.4f} {err:.4f}" if np.isfinite(mag) else "99.9900 99.9900"
        name = lightcurves.cameras[camera].name
        lines.append(
            f"{jd - 2450000:.7f} {values} {int(good)} {camera + 1} {band} 0 {name}/F2259+56_0\n"
        )
    path = folder / f"{lightcurves.stars['asas_sn_id'][0]}.dat2"
    path.write_text("".join(lines))
    return path


def written_as_client_csv(lightcurves, folder):
    """As the Python client writes it: no band, which follows from the camera's name."""
    star = lightcurves.star(0)
    asas_sn_id = lightcurves.stars["asas_sn_id"][0]
    lines = ["jd,flux,flux_err,mag,mag_err,limit,fwhm,cam,quality,asas_sn_id\n"]
    for jd, mag, err, camera, good in zip(
        star.jd, star.mag, star.mag_err, star.camera, star.good, strict=True
    ):
        values = f"{mag:.4f},{err:.4f}" if np.isfinite(mag) else "99.99,99.99"
        name = lightcurves.cameras[camera].name
        lines.append(f"{jd:.7f},10.0,0.1,{values},17.5,1.5,{name},{'GB'[not good]},{asas_sn_id}\n")
    path = folder / "from_client.csv"
    path.write_text("".join(lines))
    return path


def compare(original, path, kind, **parameters):
    assert detect_format(path) == kind
    again = read_lightcurves([path])
    failures = again.failures
    assert not len(failures)
    assert again.stars["asas_sn_id"].tolist() == original.stars["asas_sn_id"].tolist()
    np.testing.assert_allclose(again.jd, original.jd, atol=1e-6, rtol=0)
    np.testing.assert_allclose(again.mag, original.mag, atol=1e-4)
    np.testing.assert_array_equal(again.band, original.band)
    np.testing.assert_array_equal(again.good, original.good)
    one, other = (detect_events(each, **parameters).events for each in (original, again))
    assert (one["kind"] == "dip").any()
    assert one["kind"].tolist() == other["kind"].tolist()
    for name, tolerance in (("jd_start", 1e-4), ("jd_end", 1e-4), ("depth_mag", 1e-3)):
        np.testing.assert_allclose(one[name], other[name], atol=tolerance, rtol=0)
    for name in ("n_points", "n_cameras", "n_bands", "morphology"):
        assert one[name].tolist() == other[name].tolist()
    np.testing.assert_allclose(one["ln_bf"], other["ln_bf"], rtol=1e-3)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"use_bad_quality": False}, {"baseline": "gp", "trigger_mode": "logbf"}],
    ids=["default", "good_only", "gp_points"],
)
def test_dat2_gives_the_events_of_sky_patrol_v2(original, tmp_path, parameters):
    compare(original, written_as_dat2(original, tmp_path), "dat2", **parameters)


def test_client_csv_gives_the_events_of_sky_patrol_v2(original, tmp_path):
    bands = np.array([camera_band(camera.name) for camera in original.cameras])
    np.testing.assert_array_equal(bands[original.camera], original.band)
    assert BAND_V in original.band
    compare(original, written_as_client_csv(original, tmp_path), "skypatrol_client")
