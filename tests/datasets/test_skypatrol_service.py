"""Fetching from Sky Patrol: against a stand-in client, and against the real one over HTTP.

The stand-in behaves as ``pyasassn.client.SkyPatrolClient`` 0.6.21 does. Where that package is
installed the same tests run through it as well, speaking to a server on this machine.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest

from malca.datasets import skypatrol_service
from malca.datasets.readers import read_lightcurve
from malca.datasets.skypatrol_service import Target, fetch_lightcurves, separation_arcsec
from malca.lightcurves import BAND_G, BAND_V

STAR, GAIA = 377957522430, 3311990775348743041
NEIGHBOUR, WITHOUT_CURVE = 377957522431, 12702
COLUMNS = ["asas_sn_id", "ra_deg", "dec_deg", "catalog_sources"]


def catalogues() -> dict[str, pd.DataFrame]:
    stars = pd.DataFrame(
        {
            "asas_sn_id": [STAR, NEIGHBOUR, WITHOUT_CURVE],
            "ra_deg": [65.559, 65.559 + 3 / 3600, 120.0],
            "dec_deg": [15.425, 15.425, -30.0],
            "catalog_sources": [["stellar_main"]] * 3,
            "gaia_id": [GAIA, GAIA + 2, 5211052415435948544],
        }
    )
    return {"master_list": stars[COLUMNS], "stellar_main": stars.drop(columns="catalog_sources")}


def curves() -> pd.DataFrame:
    n = 6
    one = pd.DataFrame(
        {
            "jd": 2458515.6215074 + np.array([3.0, 0.0, 1.0, 2.0, 5.0, 4.0]),
            "flux": np.linspace(23.0, 24.0, n),
            "flux_err": 0.1,
            "mag": np.linspace(12.9, 13.0, n),
            "mag_err": [0.004, 0.004, 99.99, 0.004, 0.004, 0.004],
            "limit": 17.2,
            "fwhm": 1.44,
            "image_id": [f"coadd_{i}" for i in range(n)],
            "camera": ["bi", "ba", "bi", "bF", "bi", "bi"],
            "quality": ["G", "B", "G", "G", "G", "G"],
        }
    )
    return pd.concat([one.assign(asas_sn_id=STAR), one.assign(asas_sn_id=NEIGHBOUR, mag=14.0)])


@dataclass
class Sky:
    """What the service holds, how often it was asked, and how often it shall break."""

    catalogues: dict[str, pd.DataFrame] = field(default_factory=catalogues)
    curves: pd.DataFrame = field(default_factory=curves)
    asked: list[str] = field(default_factory=list)
    n_breaks: int = 0
    refuse: bool = False
    stars_broken: frozenset[int] = frozenset()


class Collection:
    def __init__(self, data, catalog_info):
        self.data, self.catalog_info = data, catalog_info


class StandInError(OSError):
    def __init__(self, status):
        super().__init__(f"{status} Server Error")
        self.response = type("Response", (), {"status_code": status})()


class StandIn:
    """The part of SkyPatrolClient that is used, with its checks and its odd answers."""

    def __init__(self, sky: Sky):
        self.sky = sky

    def _answer(self, what):
        self.sky.asked.append(what)
        if self.sky.refuse:
            raise StandInError(400)
        if self.sky.n_breaks > 0:
            self.sky.n_breaks -= 1
            raise StandInError(503)

    def query_list(
        self,
        target_ids,
        id_col="asas_sn_id",
        catalog="master_list",
        cols=None,
        download=False,
        threads=1,
    ):
        table = self.sky.catalogues[catalog]
        cols = cols if cols is not None else ["asas_sn_id", "ra_deg", "dec_deg"]
        if not {*cols, id_col} <= set(table.columns):
            raise ValueError("one or more of the listed cols is not a column name")
        self._answer("curve" if download else "list")
        found = table.loc[table[id_col].isin(target_ids), cols].reset_index(drop=True)
        if not download:
            return found
        if set(found["asas_sn_id"]) & self.sky.stars_broken:
            raise TimeoutError("Lightcurve servers unavailable, try again later")
        if found.empty:
            return None
        data = self.sky.curves[self.sky.curves["asas_sn_id"].isin(found["asas_sn_id"])]
        data = data.assign(phot_filter=data["camera"].map({"bi": "g", "bF": "g", "ba": "V"}))
        return Collection(data, found)

    def cone_search(self, ra_deg, dec_deg, radius, units="deg", catalog="master_list", cols=None):
        self._answer("cone")
        radius_deg = radius / {"deg": 1, "arcmin": 60, "arcsec": 3600}[units]
        table = self.sky.catalogues[catalog]
        near = (
            separation_arcsec(ra_deg, dec_deg, table["ra_deg"], table["dec_deg"]) <= radius_deg * 3600
        )
        return table.loc[near, cols].reset_index(drop=True)


class Handler(BaseHTTPRequestHandler):
    """The service's protocol, as the client of version 0.6.21 speaks it."""

    def log_message(self, *args):
        pass

    def _send(self, body: bytes, status: int = 200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_table(self, table: pd.DataFrame):
        buffer = io.BytesIO()
        table.to_parquet(buffer)
        self._send(buffer.getvalue())

    def do_GET(self):
        sky, path = self.server.sky, unquote(urlsplit(self.path).path)
        if path == "/get_current_message":
            self._send(b"hello")
        elif path == "/get_schema":
            schema = {
                name: {"col_names": list(table), "dtypes": [str(t) for t in table.dtypes]}
                for name, table in sky.catalogues.items()
            }
            self._send(json.dumps(schema).encode())
        elif path == "/get_counts":
            self._send(json.dumps({n: len(t) for n, t in sky.catalogues.items()}).encode())
        elif path == "/get_block_servers":
            self._send(json.dumps(["127.0.0.1"]).encode())
        elif block := re.fullmatch(
            r"/get_block/query_hash-(.*)-block_idx-0-catalog-.*", path, re.DOTALL
        ):
            query = base64.decodebytes(block[1].encode()).decode()
            ids = self.server.queries[re.match(r"listlen-\d+_listfirst-\d+_listend-\d+", query)[0]]
            if set(ids) & sky.stars_broken:
                self._send(b"no block", 500)
            else:
                self._send_table(sky.curves[sky.curves["asas_sn_id"].isin(ids)])
        else:
            self._send(b"", 404)

    def do_POST(self):
        sky, path = self.server.sky, unquote(urlsplit(self.path).path)
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        sky.asked.append("cone" if "lookup_cone" in path else "curve" if wanted["download"] else "list")
        if sky.refuse or sky.n_breaks > 0:
            sky.n_breaks -= 1
            self._send(b"", 400 if sky.refuse else 503)
            return
        table = sky.catalogues[wanted["catalog"]]
        if cone := re.fullmatch(r"/lookup_cone/radius(.+)_ra(.+)_dec(.+)", path):
            radius, ra, dec = map(float, cone.groups())
            keep = separation_arcsec(ra, dec, table["ra_deg"], table["dec_deg"]) <= radius * 3600
        else:
            assert path == "/lookup_targets/catalog_list"
            ids = wanted["tar_ids"]
            keep = table[wanted["id_col"]].isin(ids)
            self.server.queries[f"listlen-{len(ids)}_listfirst-{ids[0]}_listend-{ids[-1]}"] = ids
        self._send_table(table.loc[keep, wanted["cols"]].reset_index(drop=True))


@pytest.fixture(params=["stand-in", "package over HTTP"])
def service(request, monkeypatch):
    """What a client needs to reach a Sky of our own: the Sky, and a function that connects."""
    sky = Sky()
    if request.param == "stand-in":
        yield sky, lambda: StandIn(sky)
        return
    client_module = pytest.importorskip("pyasassn.client")
    sessions = pytest.importorskip("requests.sessions")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.sky, server.queries = sky, {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    send = sessions.Session.request

    def send_home(session, method, url, **options):
        url = urlsplit(url)._replace(netloc=f"127.0.0.1:{server.server_port}").geturl()
        session.trust_env = False
        return send(session, method, url, **options)

    monkeypatch.setattr(sessions.Session, "request", send_home)
    monkeypatch.setattr(client_module, "sleep", lambda seconds: None)
    yield sky, skypatrol_service.connect
    server.shutdown()
    server.server_close()


# From Python 3.12 on, the package's process pool warns when other threads are running.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def fetch(targets, folder, connect, **options):
    return fetch_lightcurves(targets, folder, client=connect, sleep=lambda seconds: None, **options)


def test_saves_the_curve_of_an_id_in_the_clients_form(service, tmp_path):
    _, connect = service
    table = fetch([Target(asas_sn_id=STAR)], tmp_path / "new", connect)
    assert table.loc[0, ["asas_sn_id", "outcome", "n_points"]].tolist() == [STAR, "fetched", 6]
    header, *lines = (tmp_path / "new" / f"{STAR}.csv").read_text().splitlines()
    assert json.loads("{" + header.removeprefix("# ") + "}") == {
        "asas_sn_id": STAR,
        "ra_deg": 65.559,
        "dec_deg": 15.425,
    }
    points = pd.read_csv(io.StringIO("\n".join(lines)))
    assert points["jd"].is_monotonic_increasing
    expected = curves().query("asas_sn_id == @STAR").sort_values("jd").reset_index(drop=True)
    pd.testing.assert_frame_equal(
        points[list(expected.columns)], expected, check_dtype=False, check_exact=True
    )
    assert points["phot_filter"].tolist() == ["V", "g", "g", "g", "g", "g"]


def test_a_gaia_id_keeps_all_its_digits(service, tmp_path):
    _, connect = service
    table = fetch([Target(gaia_id=GAIA), Target(gaia_id=GAIA - 1)], tmp_path, connect)
    assert table["outcome"].tolist() == ["fetched", "not_found"]
    assert table["gaia_id"].dtype == "Int64"
    assert table["gaia_id"].tolist() == [GAIA, GAIA - 1]
    assert f'"gaia_id":{GAIA},' in (tmp_path / f"{STAR}.csv").read_text()


def test_the_projects_reader_reads_what_was_saved(service, tmp_path):
    _, connect = service
    path = fetch([Target(gaia_id=GAIA)], tmp_path, connect).loc[0, "path"]
    batch = read_lightcurve(path)
    assert batch.stars.loc[0, ["asas_sn_id", "gaia_id", "gaia_release"]].tolist() == [STAR, GAIA, "DR2"]
    star = batch.star(0)
    assert [batch.cameras[k].name for k in star.camera] == ["ba", "bi", "bF", "bi", "bi", "bi"]
    assert star.band.tolist() == [BAND_V] + [BAND_G] * 5
    assert star.good.tolist() == [False] + [True] * 5
    assert np.isnan(star.mag).tolist() == [False, True, False, False, False, False]
    expected = curves().query("asas_sn_id == @STAR").sort_values("jd")
    np.testing.assert_array_equal(star.jd, expected["jd"])


def test_a_position_gives_the_nearest_star_and_says_how_many_there_are(service, tmp_path):
    _, connect = service
    ra = 65.559 + 2.5 / 3600
    targets = [Target(ra_deg=ra, dec_deg=15.425), Target(ra_deg=200.0, dec_deg=80.0)]
    table = fetch(targets, tmp_path, connect, radius_arcsec=4.0)
    assert table["outcome"].tolist() == ["fetched", "not_found"]
    assert table.loc[0, "asas_sn_id"] == NEIGHBOUR
    assert table["n_in_cone"].tolist() == [2, 0]
    assert table.loc[0, "sep_arcsec"] == pytest.approx(0.5 * np.cos(np.deg2rad(15.425)), abs=1e-3)


def test_tells_what_is_absent_from_what_failed(service, tmp_path):
    sky, connect = service
    sky.stars_broken = frozenset({NEIGHBOUR})
    targets = [Target(asas_sn_id=i) for i in (1, WITHOUT_CURVE, NEIGHBOUR, STAR)]
    table = fetch(targets, tmp_path, connect, max_tries=2)
    assert table["outcome"].tolist() == ["not_found", "not_found", "failed", "fetched"]
    assert "catalogue" in table.loc[0, "reason"]
    assert "without a light curve" in table.loc[1, "reason"]
    assert "TimeoutError" in table.loc[2, "reason"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{STAR}.csv"]


def test_tries_again_after_a_passing_fault(service, tmp_path):
    sky, connect = service
    sky.n_breaks = 2
    pauses = []
    table = fetch_lightcurves(
        [Target(asas_sn_id=STAR)], tmp_path, client=connect, backoff_s=2.0, sleep=pauses.append
    )
    assert table["outcome"].tolist() == ["fetched"]
    assert pauses == [2.0, 4.0]
    assert sky.asked == ["list", "list", "list", "curve"]


def test_does_not_repeat_a_refused_request(service, tmp_path):
    sky, connect = service
    sky.refuse = True
    table = fetch([Target(asas_sn_id=STAR)], tmp_path, connect)
    assert table["outcome"].tolist() == ["failed"]
    assert sky.asked == ["list"]


def test_gives_up_on_a_dead_service(tmp_path):
    sky = Sky(n_breaks=10**6)
    targets = [Target(ra_deg=float(ra), dec_deg=0.0) for ra in range(30)]
    table = fetch(targets, tmp_path, lambda: StandIn(sky), max_tries=2, give_up_after=3)
    assert (table["outcome"] == "failed").all()
    assert len(sky.asked) == 2 * 3
    assert table["reason"].str.contains("not tried").sum() == 27


def test_a_connection_that_fails_is_an_outcome(tmp_path):
    def broken():
        raise ConnectionError("unreachable")

    table = fetch([Target(asas_sn_id=STAR)], tmp_path, broken)
    assert table["outcome"].tolist() == ["failed"]
    assert "ConnectionError: unreachable" in table.loc[0, "reason"]


def test_stops_waiting_for_a_service_that_hangs(tmp_path):
    released = threading.Event()

    class Hanging(StandIn):
        def query_list(self, *args, **options):
            released.wait(10)
            return super().query_list(*args, **options)

    table = fetch([Target(asas_sn_id=STAR)], tmp_path, Hanging(Sky()), timeout_s=0.05, max_tries=1)
    released.set()
    assert table["outcome"].tolist() == ["failed"]
    assert "no answer within" in table.loc[0, "reason"]


def test_asks_nothing_for_what_is_there(service, tmp_path):
    sky, connect = service
    fetch([Target(asas_sn_id=STAR)], tmp_path, connect)
    before = (tmp_path / f"{STAR}.csv").stat().st_mtime_ns
    sky.asked.clear()
    again = fetch([Target(asas_sn_id=STAR)], tmp_path, pytest.fail)
    assert again.loc[0, ["outcome", "n_points", "reason"]].tolist() == [
        "fetched",
        6,
        "was there already",
    ]
    by_gaia = fetch([Target(gaia_id=GAIA)], tmp_path, connect)
    assert by_gaia.loc[0, "outcome"] == "fetched"
    assert sky.asked == ["list"]
    assert (tmp_path / f"{STAR}.csv").stat().st_mtime_ns == before
    fetch([Target(asas_sn_id=STAR)], tmp_path, connect, overwrite=True)
    assert sky.asked == ["list", "list", "curve"]


def test_the_same_star_named_twice_is_fetched_once(service, tmp_path):
    sky, connect = service
    table = fetch([Target(asas_sn_id=STAR), Target(gaia_id=GAIA)], tmp_path, connect)
    assert table["outcome"].tolist() == ["fetched", "fetched"]
    assert table["path"].nunique() == 1
    assert sky.asked.count("curve") == 1


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    connect = StandIn(Sky())
    fetch([Target(asas_sn_id=STAR)], tmp_path, connect)
    before = (tmp_path / f"{STAR}.csv").read_text()

    def full_disk(self, file, **options):
        file.write("half a li")
        raise OSError("no space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full_disk)
    with pytest.raises(OSError, match="no space"):
        fetch([Target(asas_sn_id=STAR)], tmp_path, connect, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [f"{STAR}.csv"]
    assert (tmp_path / f"{STAR}.csv").read_text() == before


def test_points_of_another_star_are_refused(tmp_path):
    sky = Sky()

    class Mixed(StandIn):
        def query_list(self, target_ids, **options):
            answer = super().query_list(target_ids, **options)
            return Collection(curves(), None) if options.get("download") else answer

    table = fetch([Target(asas_sn_id=STAR)], tmp_path, Mixed(sky))
    assert table["outcome"].tolist() == ["failed"]
    assert "points of another" in table.loc[0, "reason"]
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_said_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyasassn.client", None)
    with pytest.raises(ImportError, match=r"pip install 'malca\[fetch\]'"):
        fetch_lightcurves([Target(asas_sn_id=STAR)], tmp_path)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, ValueError),
        ({"asas_sn_id": 1, "gaia_id": 2}, ValueError),
        ({"ra_deg": 10.0}, ValueError),
        ({"ra_deg": 10.0, "dec_deg": 91.0}, ValueError),
        ({"gaia_id": 3.311990775348743e18}, TypeError),
    ],
)
def test_refuses_targets_that_name_no_star(given, error):
    with pytest.raises(error):
        Target(**given)


def test_separation_matches_astropy(rng):
    coordinates = pytest.importorskip("astropy.coordinates")
    ra, dec = rng.uniform(0, 360, 20), rng.uniform(-90, 90, 20)
    ra[0], dec[0] = 359.9999, 45.0001
    one = coordinates.SkyCoord(0.0001, 45.0, unit="deg")
    expected = one.separation(coordinates.SkyCoord(ra, dec, unit="deg")).arcsec
    np.testing.assert_allclose(separation_arcsec(0.0001, 45.0, ra, dec), expected, rtol=1e-9)
