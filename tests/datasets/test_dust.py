"""Maps of dust: equal to dustmaps3d called by hand, never fetched unasked, missing in one sentence."""

from __future__ import annotations

import gzip
import http.server
import logging
import sys
import threading
import types
from pathlib import Path

import astropy.units as u
import dustmaps3d.core
import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from kedro.io import DatasetError

from malca.datasets.dust import FILE, DustMap3D

#: Rings of HEALPix down to b = 80 degrees: the least that dustmaps3d takes for a map.
N_ROWS = 100_800


def map_table(dtype: str) -> Table:
    """A map with numbers as they are in the real one's ranges, and pixels without data."""
    rng = np.random.default_rng(3)
    table = Table(
        {
            "b_lim": np.full(N_ROWS, 80.0), "bubble": rng.uniform(0.05, 0.2, N_ROWS),
            "diffuse_dust_rho": rng.uniform(0.05, 0.5, N_ROWS), "h": rng.uniform(0.1, 0.2, N_ROWS),
            **{f"distance_{k}": rng.uniform(0.1, 2, N_ROWS) for k in range(1, 5)},
            **{f"span_{k}": rng.uniform(0.02, 0.3, N_ROWS) for k in range(1, 5)},
            **{f"Cum_EBV_{k}": rng.uniform(0, 0.2, N_ROWS) for k in range(1, 5)},
            **{name: rng.uniform(0.01, 0.1, N_ROWS)
               for name in ("sigma", "sigma_0_2", "sigma_1_4", "sigma_2_max")},
            "max_distance": rng.uniform(1, 5, N_ROWS),
        }
    )  # fmt: skip
    table["sigma_2_max"][::3] = np.nan
    return Table({name: table[name].astype(dtype) for name in table.colnames})


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> dict[str, Path]:
    folders = {}
    for dtype in ("f4", "f8"):
        folders[dtype] = tmp_path_factory.mktemp(dtype)
        map_table(dtype).write(folders[dtype] / FILE)
    return folders


def grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions about the pole, two of each in one pixel, at distances within and beyond the map."""
    l_deg, b_deg = np.meshgrid(np.arange(0, 360, 24.0), np.arange(80.5, 90, 1.5))
    l_deg, b_deg = np.repeat(l_deg.ravel(), 2), np.repeat(b_deg.ravel(), 2)
    distance = np.random.default_rng(4).uniform(30, 8000, len(l_deg))
    return l_deg, b_deg, distance


def by_hand(folder: Path, monkeypatch, l_deg, b_deg, distance_pc):
    monkeypatch.setattr(dustmaps3d.core, "LOCAL_DATA_PATH", folder / FILE)
    monkeypatch.setattr(dustmaps3d.core.requests, "get", lambda *_, **__: pytest.fail("a download"))
    with np.errstate(all="ignore"):
        return dustmaps3d.core.dustmaps3d(l_deg, b_deg, distance_pc / 1000)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_reddening_is_that_of_dustmaps3d_called_by_hand(maps, dtype, monkeypatch, caplog):
    l_deg, b_deg, distance = grid()
    found = DustMap3D(folder=str(maps[dtype])).load().query(l_deg, b_deg, distance)
    assert "is a part of a dust map" in caplog.text
    ebv, density, sigma, limit = by_hand(maps[dtype], monkeypatch, l_deg, b_deg, distance)
    assert ebv.index.duplicated().sum() >= len(l_deg) // 2  # pixels, which are no rows of ours
    np.testing.assert_array_equal(found["ebv_mag"], ebv.to_numpy())
    np.testing.assert_array_equal(found["ebv_error_mag"], sigma.to_numpy())
    np.testing.assert_array_equal(found["density_mag_per_kpc"], density.to_numpy())
    np.testing.assert_allclose(found["max_distance_pc"], 1000 * limit.to_numpy(), rtol=1e-6)
    assert (found["ebv_mag"] > 0).all()
    assert found["beyond_map"].tolist() == (distance / 1000 > limit.to_numpy()).tolist()
    assert 0.2 < found["beyond_map"].mean() < 0.9
    assert set(found["outcome"]) == {"matched"}
    # the order of stars, and what the table's index is, do not matter
    order = np.random.default_rng(1).permutation(len(l_deg))
    series = [pd.Series(x, index=order + 7)[::-1] for x in (l_deg, b_deg, distance)]
    again = DustMap3D(folder=str(maps[dtype])).load().query(*series)
    pd.testing.assert_frame_equal(again, found[::-1].reset_index(drop=True))


def test_what_is_not_known_is_said(maps):
    l_deg = [10.0, np.nan, 10.0, 10.0, 10.0, 10.0]
    b_deg = [85.0, 85.0, np.nan, 85.0, 85.0, 10.0]
    distance = [500.0, 500.0, 500.0, np.nan, -3.0, 500.0]
    found = DustMap3D(folder=str(maps["f8"])).load().query(l_deg, b_deg, distance)
    assert found["outcome"].tolist() == ["matched"] + ["unknown"] * 5
    assert found["reason"].tolist() == [
        "", "no position", "no position", "no distance", "no distance",
        "the file of the dust map ends before this part of the sky",
    ]  # fmt: skip
    assert found["ebv_mag"].notna().tolist() == [True] + [False] * 5
    assert found["beyond_map"].isna().tolist() == [False] + [True] * 5
    none = DustMap3D(folder=str(maps["f8"])).load().query([], [], [])
    assert none.dtypes.to_dict() == found.dtypes.to_dict()
    with pytest.raises(ValueError, match="differ in length"):
        DustMap3D(folder=str(maps["f8"])).load().query([1.0], [], [1.0])


def test_pixels_without_data_are_outside_the_map(tmp_path):
    table = map_table("f8")
    for name in table.colnames:
        table[name][:] = np.nan
    table.write(tmp_path / FILE)
    found = DustMap3D(folder=str(tmp_path)).load().query([10.0], [85.0], [500.0])
    assert found["outcome"].tolist() == ["not_covered"]
    assert found["reason"].tolist() == ["outside the dust map"]


def test_a_missing_map_is_told_in_one_sentence(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("a download"))
    with pytest.raises(DatasetError) as refusal:
        DustMap3D(folder=str(tmp_path)).check()
    told = str(refusal.value)
    assert "https://github.com/Grapeknight/dustmaps3d/releases/download/v3/data_v3.fits.gz" in told
    assert f"put it at {tmp_path / FILE}" in told
    assert "\n" not in told
    found = DustMap3D(folder=str(tmp_path), optional=True).load().query([1.0], [80.0], [100.0])
    assert "the reddening of every star is unknown" in caplog.text
    assert found[["outcome", "reason"]].to_numpy().tolist() == [["unknown", "no dust map"]]
    assert found["ebv_mag"].isna().all()
    (tmp_path / f"{FILE}.gz").touch()
    with pytest.raises(DatasetError, match=r"unpack .*data_v3\.fits\.gz with gunzip"):
        DustMap3D(folder=str(tmp_path), download=True, offline=True).check()


def test_the_map_is_looked_for_where_the_package_puts_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert DustMap3D().path == tmp_path / "dustmaps3d" / FILE
    assert dustmaps3d.core.FITS_FILENAME == FILE


@pytest.mark.parametrize("damage", ["cut", "text", "columns"])
def test_a_damaged_map_is_refused_and_kept(tmp_path, maps, damage):
    path = tmp_path / FILE
    if damage == "cut":
        path.write_bytes((maps["f4"] / FILE).read_bytes()[:-50_000])
    elif damage == "text":
        path.write_text("<html>not found</html>")
    else:
        Table({"max_distance": np.ones(5)}).write(path)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(
        DatasetError, match=r"is no dust map .*: remove it, fetch https://github"
    ) as refusal:
        DustMap3D(folder=str(tmp_path), optional=True).check()
    assert "\n" not in str(refusal.value)
    assert {p.name for p in tmp_path.iterdir()} == {FILE, "mine.txt"}  # dustmaps3d removes both


# --- fetching, where it is asked for ------------------------------------------------------------------


@pytest.fixture
def server(maps):
    packed = gzip.compress((maps["f4"] / FILE).read_bytes(), 1)
    answers = {"/cut": packed[:-1000], "/page": b"<html></html>", "/map": packed}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = answers.get(self.path)
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_the_map_is_fetched_where_that_is_asked_for(tmp_path, maps, server, caplog):
    urls = [f"{server}/{name}" for name in ("none", "page", "cut", "map")]
    dataset = DustMap3D(folder=str(tmp_path / "new"), download=True, urls=urls)
    with caplog.at_level(logging.INFO):
        dataset.check()
    assert sum("gave no dust map" in line for line in caplog.messages) == 3
    assert (tmp_path / "new" / FILE).read_bytes() == (maps["f4"] / FILE).read_bytes()
    assert [p.name for p in (tmp_path / "new").iterdir()] == [FILE]
    with pytest.raises(DatasetError, match=r"could not be fetched .*404"):
        DustMap3D(folder=str(tmp_path), download=True, urls=urls[:3]).check()
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


# --- maps of dustmaps ---------------------------------------------------------------------------------


@pytest.fixture
def package(monkeypatch):
    """A package of the name with a map that is E(g-r) = distance in kpc times |b|, and 16, 84 %."""

    class Query:
        def __init__(self, map_fname):
            sys.stdout.write("Loading ...")
            if not Path(map_fname).exists():
                raise FileNotFoundError(map_fname)

        def __call__(self, coords, mode="median", pct=None):
            value = coords.distance.to_value(u.kpc) * np.abs(coords.b.deg)
            value = np.where(coords.b.deg < 0, np.nan, value)
            return value if mode == "median" else np.stack([0.9 * value, value, 1.3 * value], axis=1)

    module = types.ModuleType("dustmaps.made_up")
    module.MadeUpQuery = Query
    monkeypatch.setitem(sys.modules, "dustmaps", types.ModuleType("dustmaps"))
    monkeypatch.setitem(sys.modules, "dustmaps.made_up", module)


@pytest.mark.parametrize("call", [{}, {"mode": "percentile", "pct": [16, 50, 84]}])
def test_a_map_of_dustmaps_can_take_its_place(tmp_path, package, capsys, call):
    options = {"query": "dustmaps.made_up.MadeUpQuery", "options": {"map_fname": str(tmp_path)}}
    dataset = DustMap3D(**options, call=call, ebv_per_unit=0.5)
    found = dataset.load().query([1.0, 2.0, 3.0], [10.0, -10.0, 20.0], [500.0, 500.0, np.nan])
    assert found["outcome"].tolist() == ["matched", "not_covered", "unknown"]
    assert found["ebv_mag"].tolist() == pytest.approx([2.5, np.nan, np.nan], nan_ok=True)
    error = 0.5 * 0.2 * 5 if call else np.nan
    assert found["ebv_error_mag"][0] == pytest.approx(error, nan_ok=True)
    assert found["beyond_map"].isna().all()
    assert capsys.readouterr().out == ""
    assert dataset.load().fingerprint != DustMap3D(**options).load().fingerprint


def test_what_is_missing_of_dustmaps_is_told(package):
    options = {"map_fname": "/none.h5"}
    with pytest.raises(DatasetError, match=r"none\.h5.* fetch it once with dustmaps\.made_up\.fetch"):
        DustMap3D(query="dustmaps.made_up.MadeUpQuery", options=options).check()
    with pytest.raises(DatasetError, match=r"no dustmaps\.absent: install the package dustmaps"):
        DustMap3D(query="dustmaps.absent.Query").check()
    for query in ("os.system", "dustmaps.bayestar.BayestarWebQuery"):
        with pytest.raises(ValueError, match="is no class of dustmaps that reads a file"):
            DustMap3D(query=query)
