"""Services of all kinds that answer from local twins, at times not at all, and note what is asked."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.table import Table
from tests.datasets.services.servers import (
    HANG_UP,
    Reply,
    Request,
    Route,
    Server,
    as_votable,
    votable_column,
)

from malca.datasets.services.adql import table_of
from malca.datasets.services.dataset import ServiceDataset
from malca.datasets.services.declaration import ServiceDeclaration

#: A ninth of all stars and more is then unknown, of services that are asked once a batch a third.
ONE_IN_THREE = 1 / 3
_NOT_DECLARED = {"type", "metadata", "credentials", "versioned"}
CREDENTIALS = {
    "MALCA_TNS_API_KEY": "key-of-a-bot",
    "MALCA_TNS_ID": "12345",
    "MALCA_TNS_NAME": "malca_bot",
    "MALCA_ATLAS_TOKEN": "token-of-an-account",
}


class Asked(NamedTuple):
    """A star that a catalogue was asked about: by an id, or by a place."""

    catalogue: str
    id: int
    ra_deg: float
    dec_deg: float


class Services:
    """Every catalogue of a service, each at ``<url>/<its name>``.

    Parameters
    ----------
    server : Server
    entries : mapping
        Entries of the catalog, by name.
    twins : mapping of str to DataFrame
        Tables of those that are served, by the same names.
    tap_route : function, optional
        Makes the route of a catalogue of a TAP service, by name, in place of the twin's.
    """

    def __init__(
        self,
        server: Server,
        entries: Mapping[str, Mapping[str, Any]],
        twins: Mapping[str, pd.DataFrame],
        tap_route: Callable[[str], Route] | None = None,
    ) -> None:
        self.server = server
        self.answers: dict[str, Answers] = {}
        self.asked: list[Asked] = []
        self.n_requests: Counter[str] = Counter()
        self.n_faults: Counter[str] = Counter()
        #: Answers that were cut: the service has done what it was asked, and nobody knows.
        self.n_cut: Counter[str] = Counter()
        #: Chance of a fault, and the seed of it.
        self.fault_share, self.seed = 0.0, 0
        self._times: Counter[str] = Counter()
        self._lock = threading.Lock()
        for name, twin in twins.items():
            declared = declaration(entries[name])
            kind = entries[name]["type"].rsplit(".", 1)[1]
            answer = _KINDS[kind](f"{server.url}/{name}", declared, twin)
            self.answers[name] = answer
            route = answer.route
            if tap_route is not None and kind == "TapCatalog":
                route = tap_route(name)
            server.routes[f"/{name}/"] = server.routes[f"/{name}"] = self._at_times(name, answer, route)

    def forget(self) -> None:
        """Forget what was asked."""
        self.asked.clear()
        self.n_requests.clear()
        self.n_faults.clear()

    def _at_times(self, name: str, answer: Any, route: Route) -> Route:
        def answered(request: Request) -> Reply:
            with self._lock:
                self.n_requests[name] += 1
                self.asked += [Asked(name, *star) for star in answer.stars(request)]
                fault = self._fault(name, request)
                if fault is not None:
                    self.n_faults[name] += 1
                    if fault != "cut":
                        return _FAULTS[fault]
            reply = route(request)
            if fault is None:
                return reply
            self.n_cut[f"{request.method} {name}"] += 1
            return reply._replace(n_cut=len(reply.body) // 2 + 1)

        return answered

    def _fault(self, name: str, request: Request) -> str | None:
        """Fault of a request: by chance, but the same whatever order threads ask in."""
        same = json.dumps([self.seed, name, request.method, request.path, request.query, request.form])
        self._times[same] += 1
        digest = hashlib.sha256(f"{same} {self._times[same]}".encode()).digest()
        chance, which = np.random.default_rng(int.from_bytes(digest[:8], "big")).random(2)
        if chance >= self.fault_share:
            return None
        return [*_FAULTS, "cut"][int(which * (len(_FAULTS) + 1))]


_FAULTS = {
    "broken": Reply(500, b"it broke", {"Content-Type": "text/plain"}),
    "overloaded": Reply(503),
    "hangs up": HANG_UP,
    "talks nonsense": Reply(200, b"<<{nonsense", {"Content-Type": "text/xml"}),
}


def declaration(entry: Mapping[str, Any]) -> ServiceDeclaration:
    """What an entry of the catalog declares."""
    from kedro.utils import load_obj

    kind: type[ServiceDataset] = load_obj(entry["type"])
    declared = {name: value for name, value in entry.items() if name not in _NOT_DECLARED}
    return kind.declaration.model_validate(declared)


def read_twins(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, pd.DataFrame]:
    """Local twins that there are of catalogues of services."""
    return {
        name: pd.read_parquet(entry["filepath"])
        for name, entry in entries.items()
        if Path(entry["filepath"]).is_file()
    }


def near(twin: pd.DataFrame, declared: ServiceDeclaration, ra: Any, dec: Any, radius_deg: float) -> Any:
    """Rows of a twin within a radius of places: which place, which row, and how far, arcsec."""
    place = declared.position
    columns = [twin[column.column].to_numpy(float) for column in (place.ra_deg, place.dec_deg)]
    if not len(twin):
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0)
    star, row, sep, _ = search_around_sky(
        SkyCoord(np.atleast_1d(ra) * u.deg, np.atleast_1d(dec) * u.deg),
        SkyCoord(*columns, unit=u.deg),
        radius_deg * u.deg,
    )
    order = np.lexsort([sep.deg, star])
    return star[order], row[order], sep.arcsec[order]


class Answers:
    """One catalogue, answering as its service does."""

    def __init__(self, url: str, declared: ServiceDeclaration, twin: pd.DataFrame) -> None:
        self.url, self.declared, self.twin = url, declared, twin


class TapAnswers(Answers):
    """Joins of the upload with what stands after FROM, by id or in a circle."""

    _CIRCLE = re.compile(
        r"POINT\('ICRS', (\S+), (\S+)\), CIRCLE\('ICRS', asked.target_ra, asked.target_dec, ([\d.]+)\)"
    )
    _ID = re.compile(r"(\S+) = asked.target_id")

    def upload(self, request: Request) -> Table:
        return Table.read(io.BytesIO(request.form["targets"].encode()), format="votable")

    def stars(self, request: Request) -> list[tuple[int, float, float]]:
        if "targets" not in request.form:
            return []
        upload = self.upload(request)
        if "target_id" in upload.colnames:
            assert upload["target_id"].dtype == np.int64
            return [(int(star), np.nan, np.nan) for star in upload["target_id"]]
        return [(0, float(row["target_ra"]), float(row["target_dec"])) for row in upload]

    def raw(self, expression: str) -> str:
        """Column of the twin that an expression gives."""
        names = {
            self.declared.expression_of(raw) or raw: raw for raw in self.declared.raw_kinds()
        }  # fmt: skip
        return names.get(expression) or names[re.sub(r'^c\.|"', "", expression)]

    def route(self, request: Request) -> Reply:
        query = request.form["QUERY"]
        select, rest = query.removeprefix("SELECT ").split(" FROM ", 1)
        assert table_of(self.declared.table) in rest
        upload = self.upload(request)
        circle = self._CIRCLE.search(rest)
        if circle:
            place = self.declared.position
            assert [self.raw(circle[1]), self.raw(circle[2])] == [
                place.ra_deg.column, place.dec_deg.column
            ]  # fmt: skip
            star, row, _ = near(
                self.twin, self.declared, upload["target_ra"], upload["target_dec"], float(circle[3])
            )
        else:
            by_id = self._ID.search(rest)
            assert by_id is not None, query
            ids = pd.DataFrame({"star": range(len(upload)), "id": np.array(upload["target_id"])})
            listed = self.twin[self.raw(by_id[1])].astype("Int64")
            rows = pd.DataFrame({"row": range(len(self.twin)), "id": listed}).dropna()
            pairs = ids.astype({"id": "Int64"}).merge(rows, on="id")
            star, row = pairs["star"].to_numpy(), pairs["row"].to_numpy()
        answer = {}
        for part in select.split(", "):
            expression, alias = part.rsplit(" AS ", 1)
            if expression == "asked.target_no":
                answer[alias] = np.array(upload["target_no"])[star]
            else:
                answer[alias] = votable_column(self.twin[self.raw(expression)].iloc[row])
        limit = int(request.form["MAXREC"])
        whole = Table(answer)[:limit]
        status = "OVERFLOW" if len(star) > limit else "OK"
        return Reply(200, as_votable(whole, status), {"Content-Type": "application/x-votable+xml"})


class XMatchAnswers(Answers):
    """All entries around each of a list of places."""

    def sent(self, request: Request) -> pd.DataFrame:
        return pd.read_csv(io.StringIO(request.form["cat1"]))

    def stars(self, request: Request) -> list[tuple[int, float, float]]:
        sent = self.sent(request)
        return [(0, *row) for row in zip(sent["malca_ra"], sent["malca_dec"], strict=True)]

    def route(self, request: Request) -> Reply:
        assert request.form["cat2"] == f"vizier:{self.declared.table}"
        sent = self.sent(request)
        star, row, sep = near(
            self.twin, self.declared, sent[request.form["colRA1"]], sent[request.form["colDec1"]],
            float(request.form["distMaxArcsec"]) / 3600,
        )  # fmt: skip
        table = {"angDist": sep, **{name: sent[name].to_numpy()[star] for name in sent}}
        table |= {name: votable_column(self.twin[name].iloc[row]) for name in self.twin}
        return Reply(200, as_votable(Table(table)), {"Content-Type": "text/xml"})


def as_json(told: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(told).encode(), {"Content-Type": "application/json"})


def plain(row: pd.Series) -> dict[str, Any]:
    """Row as JSON has it."""
    return {
        name: None if pd.isna(value) else value.item() if hasattr(value, "item") else value
        for name, value in row.items()
    }


class AlerceAnswers(Answers):
    """Objects around a place, and of each what the classifier says."""

    _CLASSES = ("class_name", "class_probability", "classifier_name", "classifier_version")

    def stars(self, request: Request) -> list[tuple[int, float, float]]:
        if not request.query:
            return []
        return [(0, float(request.query["ra"]), float(request.query["dec"]))]

    def route(self, request: Request) -> Reply:
        if request.path.endswith("/probabilities"):
            oid = request.path.split("/")[-2]
            (row,) = self.twin[self.twin["oid"] == oid].to_dict("records")
            if pd.isna(row["class_name"]):
                return Reply(404)
            judged = {"classifier_name": "lc_classifier", "class_name": row["class_name"],
                      "probability": row["class_probability"]}  # fmt: skip
            return as_json([judged, {**judged, "class_name": "other", "probability": 0.0}])
        place = float(request.query["ra"]), float(request.query["dec"])
        _, rows, _ = near(self.twin, self.declared, *place, float(request.query["radius"]) / 3600)
        listed = self.twin.drop(columns=list(self._CLASSES), errors="ignore")
        return as_json({"items": [plain(listed.iloc[row]) for row in rows]})


class TnsAnswers(Answers):
    """Transients around a place, and of each what is known; for whoever has the key."""

    def _asked(self, request: Request) -> dict[str, str]:
        return json.loads(request.form["data"])

    def stars(self, request: Request) -> list[tuple[int, float, float]]:
        asked = self._asked(request)
        return [(0, float(asked["ra"]), float(asked["dec"]))] if "ra" in asked else []

    def route(self, request: Request) -> Reply:
        if request.form["api_key"] != CREDENTIALS["MALCA_TNS_API_KEY"]:
            return as_json({"id_message": "Unauthorized"}, 401)
        asked = self._asked(request)
        if request.path.endswith("/object"):
            (row,) = self.twin[self.twin["name"] == asked["objname"]].to_dict("records")
            row = plain(pd.Series(row, dtype=object))
            reply: Any = {
                "objname": row["name"], "radeg": row["ra"], "decdeg": row["declination"],
                "redshift": row["redshift"], "object_type": {"name": row["type"]},
                "discoverydate": row["discoverydate"],
            }  # fmt: skip
        else:
            place = float(asked["ra"]), float(asked["dec"])
            _, rows, _ = near(self.twin, self.declared, *place, float(asked["radius"]) / 3600)
            reply = [{"objname": self.twin["name"].iloc[row]} for row in rows]
        return as_json({"data": {"reply": reply}})


class AtlasAnswers(Answers):
    """A queue whose tasks are done at once, for whoever has the token."""

    def __init__(self, url: str, declared: ServiceDeclaration, twin: pd.DataFrame) -> None:
        super().__init__(url, declared, twin)
        self.tasks: list[tuple[float, float]] = []

    def stars(self, request: Request) -> list[tuple[int, float, float]]:
        if request.method == "POST":
            return [(0, float(request.form["ra"]), float(request.form["dec"]))]
        return [(0, *self.tasks[self._number(request)])]

    def _number(self, request: Request) -> int:
        return int(request.path.rstrip("/").rsplit("/", 1)[1])

    def route(self, request: Request) -> Reply:
        if request.headers.get("Authorization") != f"Token {CREDENTIALS['MALCA_ATLAS_TOKEN']}":
            return as_json({"detail": "Invalid token."}, 401)
        if request.method == "POST":
            self.tasks.append((float(request.form["ra"]), float(request.form["dec"])))
            return as_json({"url": f"{self.url}/queue/{len(self.tasks) - 1}/"}, 201)
        number = self._number(request)
        if "/queue/" in request.path:
            result = f"{self.url}/result/{number}"
            return as_json({"finishtimestamp": "2026-01-01T00:00:00Z", "result_url": result})
        _, rows, _ = near(self.twin, self.declared, *self.tasks[number], 3.0 / 3600)
        table = self.twin.iloc[rows]
        return Reply(200, f"###{table.to_csv(index=False, sep=' ')}".encode())


_KINDS = {
    "TapCatalog": TapAnswers,
    "XMatchCatalog": XMatchAnswers,
    "AlerceCatalog": AlerceAnswers,
    "TnsCatalog": TnsAnswers,
    "AtlasCatalog": AtlasAnswers,
}
