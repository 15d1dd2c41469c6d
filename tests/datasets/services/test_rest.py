"""Services asked star by star, on a server that answers as their documentation says."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from tests.datasets.services.servers import Reply

from malca.datasets.services.alerce import AlerceCatalog
from malca.datasets.services.atlas import AtlasCatalog, read_result, throttled_seconds
from malca.datasets.services.tns import TnsCatalog
from malca.datasets.services.transport import ServiceError

QUICK = {"requests_per_second": 100, "retries": 0}


def as_json(told, status=200, **headers) -> Reply:
    return Reply(status, json.dumps(told).encode(), {"Content-Type": "application/json", **headers})


# --- ALeRCE ---------------------------------------------------------------------------------------

ALERCE = {
    "epoch_yr": 2016.0, "position": {"ra_deg": "meanra", "dec_deg": "meandec"},
    "columns": {
        "oid": {"column": "oid", "type": "text"}, "n_detections": {"column": "ndet", "type": "integer"},
        "class": {"column": "class_name", "type": "text"}, "class_probability": "class_probability",
    },
}  # fmt: skip


class Alerce:
    """Objects every 1.5 arcsec along the equator at right ascensions of whole degrees."""

    def __init__(self, server) -> None:
        server.routes["/ztf/v1/objects/"] = self.objects
        server.routes["/ztf/v1/objects/ZTF"] = self.probabilities

    def objects(self, request):
        ra, radius = float(request.query["ra"]), float(request.query["radius"])
        around = [round(ra) + step * 1.5 / 3600 for step in (2, 1, 0)]
        items = [
            {"oid": f"ZTF{round(ra):03d}{k}", "meanra": place, "meandec": 0.0, "ndet": 100 * k}
            for k, place in enumerate(around) if abs(place - ra) * 3600 < radius and round(ra) % 2
        ]  # fmt: skip
        return as_json({"total": None, "items": items, "page": 1})

    def probabilities(self, request):
        if request.path.split("/")[4].endswith("2"):
            return as_json([
                {"classifier_name": "stamp_classifier", "class_name": "AGN", "probability": 0.9},
                {"classifier_name": "lc_classifier", "class_name": "E", "probability": 0.3},
                {"classifier_name": "lc_classifier", "class_name": "YSO", "probability": 0.6},
            ])  # fmt: skip
        return Reply(404)


def alerce_of(server, **options):
    return AlerceCatalog(urls=f"{server.url}/ztf/v1", **{**ALERCE, **QUICK, **options}).load()


def test_the_nearest_object_and_its_class(server, stars_of):
    Alerce(server)
    ra = np.arange(40) + 0.2 / 3600
    stars = stars_of(ra, np.zeros(40))
    found = alerce_of(server, batch_size=15, threads=8).match(stars)
    assert found["outcome"].tolist() == ["not_matched", "matched"] * 20
    listed = found[1::2]
    assert listed["oid"].tolist() == [f"ZTF{k:03d}2" for k in range(1, 40, 2)]
    assert set(listed["class"]) == {"YSO"}
    assert set(listed["class_probability"]) == {0.6}
    asked = next(request for request in server.requests if request.path == "/ztf/v1/objects/")
    assert {"ra", "dec", "radius"} <= set(asked.query)
    outcomes, entries = alerce_of(server, radius_arcsec=2.0).match_all(stars)
    assert outcomes["n_entries"].tolist() == [0, 2] * 20
    assert entries["class"].isna().sum() == 20


@pytest.mark.parametrize(
    "fault", [Reply(502), Reply(200, b"{nonsense"), as_json({"items": None}), Reply(status=0)],
    ids=["out of order", "no JSON", "no list", "hung up"],
)  # fmt: skip
def test_a_star_without_answer_costs_no_other(server, stars_of, fault):
    Alerce(server)
    server.faults.extend([None, None, fault, fault])
    found = alerce_of(server, threads=1, give_up_after=5).match(
        stars_of([2.0, 4.0, 6.0, 8.0, 10.0], np.zeros(5))
    )
    n_unknown = found["outcome"].eq("unknown").sum()
    assert n_unknown == (1 if fault.body == b"{nonsense" else 2)
    assert found["outcome"].ne("unknown").sum() == 5 - n_unknown
    assert found["reason"].str.startswith("service failed").sum() == n_unknown


def test_a_dead_service_is_soon_left_alone(server, stars_of):
    server.routes["/"] = lambda _: Reply(503)
    catalog = alerce_of(server, threads=1, batch_size=100, give_up_after=3)
    found = catalog.match(stars_of(np.arange(300.0), np.zeros(300)))
    assert found["outcome"].eq("unknown").all()
    assert found["reason"].str.contains("after 3 failures in a row").any()
    assert len(server.requests) < 20


# --- Transient Name Server ------------------------------------------------------------------------

TNS = {
    "epoch_yr": 2016.0, "position": {"ra_deg": "ra", "dec_deg": "declination"},
    "columns": {"name": {"column": "name", "type": "text"}, "class": {"column": "type", "type": "text"},
                "redshift": "redshift", "discovered": {"column": "discoverydate", "type": "text"}},
}  # fmt: skip
BOT = {"api_key": "a-planted-key", "tns_id": 12345, "name": "malca_bot"}


class Tns:
    """One transient at 10, 20; asks for the key and the marker."""

    def __init__(self, server, wrapped=False) -> None:
        self.wrapped = wrapped
        server.routes["/api/get/"] = self.answer

    def answer(self, request):
        marker = re.fullmatch(r"tns_marker(\{.*\})", request.headers["User-Agent"])
        if request.form.get("api_key") != BOT["api_key"] or not marker:
            return as_json({"id_code": 401, "id_message": "Unauthorized"}, 401)
        assert json.loads(marker[1]) == {"tns_id": "12345", "type": "bot", "name": "malca_bot"}
        asked = json.loads(request.form["data"])
        if request.path.endswith("/object"):
            reply = {
                "objname": asked["objname"], "name_prefix": "AT", "objid": 1,
                "radeg": 10.0001, "decdeg": 20.0,
                "ra": "00:40:00.02", "object_type": {"name": None, "id": None}, "redshift": None,
                "discoverydate": "2024-03-01 07:00:00.000", "discoverymag": 17.2,
                "reporting_group": {"group_name": "ASAS-SN"},
            }  # fmt: skip
        else:
            assert asked["units"] == "arcsec"
            near = abs(float(asked["ra"]) - 10) * 3600 < float(asked["radius"])
            reply = [{"objname": "2024abc", "prefix": "AT", "objid": 1}] if near else []
        return as_json({"id_code": 200, "data": {"reply": reply} if self.wrapped else reply})


@pytest.mark.parametrize("wrapped", [False, True])
def test_transients_by_position(server, stars_of, wrapped):
    Tns(server, wrapped)
    catalog = TnsCatalog(
        urls=server.url, credentials=BOT, **{**TNS, **QUICK, "requests_per_second": 10}
    ).load()
    found = catalog.match(stars_of([10.0, 11.0], [20.0, 20.0]))
    assert found["outcome"].tolist() == ["matched", "not_matched"]
    assert found["name"][0] == "2024abc"
    assert found["sep_arcsec"][0] == pytest.approx(0.36 * np.cos(np.radians(20)), rel=1e-4)
    assert found[["class", "redshift"]].isna().all().all()


def test_without_key_nothing_is_asked(server, stars_of, monkeypatch):
    Tns(server)
    stars = stars_of([10.0, 11.0], [20.0, 20.0])
    found = (
        TnsCatalog(urls=server.url, **TNS, **QUICK | {"requests_per_second": 10}).load().match(stars)
    )
    assert found["reason"].str.contains("needs credentials").all()
    assert "MALCA_TNS_API_KEY" in found["reason"][0]
    assert not server.requests
    for name, variable in TnsCatalog.variables.items():
        monkeypatch.setenv(variable, str(BOT[name]))
    monkeypatch.setenv("MALCA_TNS_API_KEY", "another-key")
    found = (
        TnsCatalog(urls=server.url, **TNS, **QUICK | {"requests_per_second": 10}).load().match(stars)
    )
    assert found["reason"].str.contains("does not accept the credentials").all()
    assert len(server.requests) == 1


# --- ATLAS ----------------------------------------------------------------------------------------

ATLAS = {
    "epoch_yr": 2016.0, "position": {"ra_deg": "RA", "dec_deg": "Dec"}, "poll_seconds": 0.01,
    "columns": {"mjd": "MJD", "flux_ujy": "uJy", "band": {"column": "F", "type": "text"},
                "chi2": "chi/N"},
}  # fmt: skip
RESULT = """###MJD  m  dm uJy duJy F err chi/N  RA  Dec  x y maj min phi  apfit mag5sig Sky   Obs
57232.5 17.5 0.05 363 17 o 0 1.2 10.0000 20.0000 1.1 2.2 2.5 2.4 10.0 -0.4 19.5 20.1 01a57232o01o
57236.5 -19.1 0.3 -83 22 c 0 0.9 10.0000 20.0000 1.1 2.2 2.5 2.4 10.0 -0.4 19.6 20.2 01a57236o01c
"""


class Atlas:
    """A queue whose tasks are done after some looks; one in the south has no data."""

    def __init__(self, server, looks=2) -> None:
        self.server, self.looks, self.tasks = server, looks, {}
        self.most_waiting = 0
        server.routes["/forcedphot/queue/"] = self.answer
        server.routes["/results/"] = lambda _: Reply(200, RESULT.encode())

    def answer(self, request):
        if request.headers.get("Authorization") != "Token planted-token":
            return as_json({"detail": "Invalid token."}, 401)
        assert request.headers["Accept"] == "application/json"
        if request.method == "POST":
            url = f"{self.server.url}/forcedphot/queue/{len(self.tasks) + 1}/"
            self.tasks[url] = [self.looks, float(request.form["dec"])]
            return as_json({"url": url, "id": len(self.tasks)}, 201)
        self.most_waiting = max(self.most_waiting, sum(left > 0 for left, _ in self.tasks.values()))
        task = self.tasks.get(f"{self.server.url}{request.path}")
        if task is None:
            return Reply(404)
        task[0] -= 1
        done = task[0] < 0
        result = f"{self.server.url}/results/1.txt" if done and task[1] > -50 else None
        return as_json({
            "finishtimestamp": "2024-01-01T00:00:00Z" if done else None, "result_url": result,
            "error_msg": "No data returned" if done and not result else None,
        })  # fmt: skip


def atlas_of(server, **options):
    options = {"credentials": {"token": "planted-token"}} | options
    return AtlasCatalog(urls=f"{server.url}/forcedphot", **{**ATLAS, **QUICK, **options}).load()


def test_forced_photometry_of_many_stars_at_once(server, stars_of):
    atlas = Atlas(server)
    slow = as_json({"detail": "Request was throttled. Expected available in 0 seconds."}, 429)
    server.faults.append(slow)
    stars = stars_of([10.0, 11.0, 12.0], [20.0, -60.0, 20.0])
    outcomes, entries = atlas_of(server, retries=1).match_all(stars)
    assert outcomes["outcome"].tolist() == ["matched", "not_matched", "matched"]
    assert outcomes["n_entries"].tolist() == [2, 0, 2]
    assert entries["flux_ujy"].tolist() == [363.0, -83.0] * 2
    assert entries["band"].tolist() == ["o", "c"] * 2
    assert atlas.most_waiting == 3


def test_tasks_that_are_not_done_are_looked_at_again(server, stars_of, tmp_path):
    atlas = Atlas(server, looks=10**6)
    stars = stars_of([10.0, 11.0], [20.0, 20.0])
    options = {"cache": {"folder": tmp_path}, "job_seconds": 0.1}
    first = atlas_of(server, **options).match_all(stars)
    assert first.outcomes["reason"].str.contains("not done in time").all()
    for task in atlas.tasks.values():
        task[0] = 0
    second = atlas_of(server, **options).match_all(stars)
    assert second.outcomes["n_entries"].tolist() == [2, 2]
    assert len(atlas.tasks) == 2
    n_requests = len(server.requests)
    assert atlas_of(server, **options).match_all(stars).outcomes["n_entries"].tolist() == [2, 2]
    assert len(server.requests) == n_requests
    assert not list((tmp_path / "atlas_tasks").glob("*"))


def test_atlas_needs_a_token(server, stars_of, monkeypatch):
    Atlas(server)
    stars = stars_of([10.0], [20.0])
    assert (
        "MALCA_ATLAS_TOKEN" in atlas_of(server, credentials=None).match_all(stars).outcomes["reason"][0]
    )
    assert not server.requests
    monkeypatch.setenv("MALCA_ATLAS_TOKEN", "planted-token")
    assert atlas_of(server, credentials=None).match_all(stars).outcomes["n_entries"].tolist() == [2]
    wrong = atlas_of(server, credentials={"token": "wrong-token"}).match_all(stars)
    assert "does not accept the token" in wrong.outcomes["reason"][0]


def test_results_of_atlas():
    table = read_result(RESULT)
    assert list(table)[:8] == ["MJD", "m", "dm", "uJy", "duJy", "F", "err", "chi/N"]
    assert len(table) == 2
    assert not len(read_result("\n"))
    with pytest.raises(ServiceError, match="without its header"):
        read_result("57232.5 17.5 0.05\n")

    class Told:
        def __init__(self, detail):
            self.detail = detail

        def json(self):
            return {"detail": self.detail}

    texts = ["Expected available in 12 seconds.", "available in 2 minutes", "no"]
    assert [throttled_seconds(Told(text)) for text in texts] == [12.0, 120.0, None]
