"""10,000 stars against a Gaia table of 5 million rows, beside astropy's search, files included.

Run with ``pytest benchmarks/test_catalog_bench.py --benchmark-only``; with ``--benchmark-disable`` the
table is a hundred times shorter.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import astropy.units as u
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from malca.astrophysics.astrometry import propagate_proper_motion
from malca.datasets.catalogs import LocalCatalog

N_ROWS, N_STARS = 5_000_000, 10_000
#: Memory a process may take beyond what it does before it matches, MB. The table has 500.
BOUND_MB = 200
COLUMNS = {
    "gaia_dr3_id": {"column": "source_id", "type": "integer"}, "ruwe": "ruwe", "pm_ra_masyr": "pmra",
    "pm_dec_masyr": "pmdec", "parallax_mas": "parallax", "g_mag": "phot_g_mean_mag",
    "bp_rp_mag": "bp_rp",
}  # fmt: skip
DECLARED = {
    "columns": COLUMNS, "position": {"ra_deg": "ra", "dec_deg": "dec"}, "epoch_yr": 2016.0,
    "target_epoch_yr": 2000.0, "radius_arcsec": 1.5, "ids_must_agree": True,
    "id_columns": {"gaia_id": {"DR3": "source_id", "DR2": "dr2_source_id"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def sky(tmp_path_factory, request):
    """A table as Gaia's is ordered, by HEALPix cells, and stars of it as they stood in 2000."""
    rng = np.random.default_rng(5)
    n = N_ROWS // 100 if request.config.getoption("benchmark_disable") else N_ROWS
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))
    cell = HEALPix(nside=4096, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    order = np.argsort(cell, kind="stable")
    source_id = (cell[order] << 35) + np.arange(n)
    table = pd.DataFrame(
        {"source_id": source_id, "dr2_source_id": source_id + 1, "ra": ra[order], "dec": dec[order],
         "pmra": rng.normal(0, 60, n), "pmdec": rng.normal(0, 60, n),
         "parallax": rng.exponential(1, n) + 0.01, "phot_g_mean_mag": rng.uniform(10, 18, n),
         "bp_rp": rng.normal(1, 0.3, n), "ruwe": rng.gamma(50, 0.02, n)}
    )  # fmt: skip
    path = tmp_path_factory.mktemp("gaia") / "gaia.parquet"
    table.to_parquet(path, index=False, row_group_size=1 << 17)
    chosen = table.iloc[np.sort(rng.choice(n, min(N_STARS, n // 5), replace=False))]
    pm = {"pm_ra_masyr": chosen["pmra"].to_numpy(), "pm_dec_masyr": chosen["pmdec"].to_numpy()}
    then = propagate_proper_motion(chosen["ra"], chosen["dec"], *pm.values(), 2016.0, 2000.0)
    targets = pd.DataFrame(
        {"asas_sn_id": np.arange(len(chosen)), "ra_deg": then[0], "dec_deg": then[1], **pm,
         "gaia_id": chosen["source_id"].astype("Int64").to_numpy(), "gaia_release": "DR3"}
    )  # fmt: skip
    return path, targets


def without_ids(targets):
    return targets.assign(gaia_id=pd.array([pd.NA] * len(targets), dtype="Int64"))


def with_astropy(path, targets):
    """Nearest entry to where each star is in 2016, and its distance."""
    table = pq.read_table(path, columns=["source_id", "ra", "dec"])
    ra, dec, _ = propagate_proper_motion(
        *(targets[name] for name in ("ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr")), 2000, 2016
    )
    entries = SkyCoord(table["ra"].to_numpy() * u.deg, table["dec"].to_numpy() * u.deg)
    index, separation, _ = SkyCoord(ra * u.deg, dec * u.deg).match_to_catalog_sky(entries)
    return table["source_id"].to_numpy()[index], separation.arcsec


@pytest.mark.benchmark(group="10,000 moving stars against 5 million rows")
def test_astropy(benchmark, sky):
    benchmark.pedantic(with_astropy, sky, rounds=1)


@pytest.mark.benchmark(group="10,000 moving stars against 5 million rows")
@pytest.mark.parametrize("indexed", [False, True])
def test_by_position(benchmark, sky, indexed):
    path, targets = sky
    catalog = LocalCatalog(filepath=str(path), **DECLARED, indexed=indexed).load()
    stars = without_ids(targets)
    found = benchmark.pedantic(catalog.match, (stars,), rounds=3, warmup_rounds=1)
    ids, separation = with_astropy(path, stars)
    near = separation < DECLARED["radius_arcsec"]
    assert near.all()
    assert found["gaia_dr3_id"].tolist() == ids.tolist()
    np.testing.assert_allclose(found["sep_arcsec"], separation, atol=1e-6)


@pytest.mark.benchmark(group="10,000 ids against 5 million rows")
@pytest.mark.parametrize("indexed", [False, True])
def test_by_id(benchmark, sky, indexed):
    path, targets = sky
    catalog = LocalCatalog(filepath=str(path), **DECLARED, indexed=indexed).load()
    found = benchmark.pedantic(catalog.match, (targets,), rounds=3, warmup_rounds=1)
    assert set(found["match_by"]) == {"gaia_id"}
    assert found["gaia_dr3_id"].tolist() == targets["gaia_id"].tolist()


@pytest.mark.benchmark(group="an index of 5 million rows")
def test_index(benchmark, sky, tmp_path_factory):
    def make():
        folder = str(tmp_path_factory.mktemp("index"))
        return LocalCatalog(filepath=str(sky[0]), **DECLARED, index_folder=folder).index()

    benchmark.pedantic(make, rounds=1)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does")
@pytest.mark.parametrize("indexed", [False, True])
def test_memory_is_bounded(sky, indexed, tmp_path):
    """A process that may take no more memory of its own than a bound (files mapped do not count)."""
    path, targets = sky
    targets.to_parquet(tmp_path / "targets.parquet")
    code = f"""
        import resource, pandas as pd
        from pathlib import Path
        from malca.datasets.catalogs import LocalCatalog
        targets = pd.read_parquet({str(tmp_path / "targets.parquet")!r})
        catalog = LocalCatalog(filepath={str(path)!r}, **{DECLARED!r}, indexed={indexed})
        status = Path("/proc/self/status").read_text()
        bound = (int(status.partition("VmData:")[2].split()[0]) + 1024 * {BOUND_MB}) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
        catalog = catalog.load()
        ids = catalog.match(targets)
        targets["gaia_id"] = pd.array([pd.NA] * len(targets), dtype="Int64")
        places = catalog.match(targets)
        assert places.drop(columns="match_by").equals(ids.drop(columns="match_by"))
    """
    LocalCatalog(filepath=str(path), **DECLARED, indexed=indexed).load()
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
