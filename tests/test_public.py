"""What `import malca` gives to people without a project."""

import malca


def test_a_file_that_cannot_be_read_is_among_the_failures_of_the_search(tmp_path, real_data):
    good = next(iter(sorted((real_data / "skypatrol2").glob("*.csv"))))
    broken = tmp_path / "7.dat2"
    broken.write_bytes(b"\x00\x01")
    lightcurves = malca.read_lightcurves([good, broken, tmp_path / "nothing.csv"])
    assert isinstance(lightcurves, malca.LightCurves)
    found = malca.detect_events(lightcurves, min_mag_offset=0.1)
    assert len(found.sources) == 1
    assert set(found.events["name"]) <= set(found.sources["name"])
    assert list(found.failures["reason"]) == ["binary", "missing_file"]
    assert list(found.failures["stage"]) == ["read", "read"]
