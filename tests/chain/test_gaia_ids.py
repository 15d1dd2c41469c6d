"""Gaia's ids, of 19 digits, are the same whole numbers on every path; each is of its release only."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.table import MaskedColumn, Table
from click.testing import CliRunner
from tests.chain import project as projects
from tests.chain.services import Services
from tests.datasets.services.servers import Reply, Request, Server, as_votable, votable_column

from malca.cli import main
from malca.datasets.catalogs import LocalCatalog
from malca.datasets.described_table import DescribedTable
from malca.datasets.services.alerce import AlerceCatalog
from malca.datasets.services.tap import TapCatalog
from malca.datasets.services.tns import TnsCatalog
from malca.datasets.services.vizier import VizierCatalog
from malca.datasets.services.xmatch import XMatchCatalog
from malca.pipelines.dossiers.nodes import describe_candidates

#: Odd, and as floats all the same.
IDS = [6_899_999_999_999_999_991, 6_899_999_999_999_999_993, 6_899_999_999_999_999_999]
assert len({float(number) for number in IDS}) == 1
PLACES = [10.0, 11.0, 12.0]


def lost(ids: set[str]) -> float:
    """Share of ids that a float would change."""
    return sum(int(float(number)) != int(number) for number in ids) / len(ids)


# --- a run ----------------------------------------------------------------------------------------


@pytest.mark.survey
def test_ids_of_a_run_are_those_of_the_index_and_of_gaia(searched, without_failures, twins):
    (index,) = (searched / "data" / "01_raw" / "survey").rglob("index1.csv")
    with index.open() as file:
        written = {row["asas_sn_id"]: row["gaia_id"] for row in csv.DictReader(file)}
    manifest = projects.table(searched, "manifest")
    assert dict(zip(manifest["asas_sn_id"].astype(str), texts(manifest["gaia_id"]), strict=True)) == (
        written
    )
    assert lost({number for number in written.values() if number}) > 0.9

    gaia = twins["gaia_catalog"].astype({"dr2_source_id": str, "source_id": str})
    dr3 = dict(zip(gaia["dr2_source_id"], gaia["source_id"], strict=True))
    for name in projects.TABLES:
        table = without_failures[name]
        stars = table["asas_sn_id"].astype(str)
        ids = texts(table["gaia_dr3_id"])
        assert table["gaia_dr3_id"].dtype == "Int64"
        assert ids.tolist() == [dr3[written[star]] for star in stars]
        assert lost(set(ids)) > 0.9


@pytest.mark.survey
def test_the_table_that_is_passed_on_has_every_digit(without_failures, tmp_path):
    table = describe_candidates(without_failures["classified"])
    table.loc[table.index[2], "gaia_dr3_id"] = pd.NA
    made = DescribedTable(filepath=str(tmp_path / "candidate_table.parquet"))
    made.save(table)
    check_formats(made, table)


def check_formats(made: DescribedTable, table: pd.DataFrame) -> None:
    expected = texts(table["gaia_dr3_id"]).tolist()
    assert texts(made.load()["gaia_dr3_id"]).tolist() == expected
    with made.path("csv").open() as file:
        assert [row["gaia_dr3_id"] for row in csv.DictReader(file)] == expected
    for form, kind in (("vot", "votable"), ("ecsv", "ascii.ecsv")):
        column = Table.read(made.path(form), format=kind)["gaia_dr3_id"]
        assert column.dtype == np.int64
        gaps = np.ma.getmaskarray(column)
        assert ["" if gap else str(int(one)) for one, gap in zip(column, gaps, strict=True)] == expected


def texts(ids: pd.Series) -> pd.Series:
    return pd.Series(["" if pd.isna(one) else str(int(one)) for one in ids.astype("Int64").array])


# --- services -------------------------------------------------------------------------------------


@pytest.fixture
def stars() -> pd.DataFrame:
    """Three stars with ids, and one without where nothing is."""
    return pd.DataFrame(
        {
            "asas_sn_id": [1, 2, 3, 4],
            "ra_deg": [*PLACES, 50.0],
            "dec_deg": 0.0,
            "pm_ra_masyr": 0.0,
            "pm_dec_masyr": 0.0,
            "gaia_id": pd.array([*IDS, None], "Int64"),
            "gaia_release": pd.array(["DR3"] * 3 + [None], "str"),
        }
    )


TWIN = pd.DataFrame({"ra": PLACES, "dec": 0.0, "source_id": IDS})
DECLARED: dict[str, Any] = {
    "epoch_yr": 2016.0, "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "columns": {"gaia_dr3_id": {"column": "source_id", "type": "integer"}},
    "id_columns": {"gaia_id": {"DR3": "source_id"}},
}  # fmt: skip
KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "tap": (TapCatalog, {"table": "gaiadr3.gaia_source"}),
    "xmatch": (XMatchCatalog, {"table": "I/355/gaiadr3"}),
    "vizier": (VizierCatalog, {"table": "I/355/gaiadr3"}),
    "alerce": (
        AlerceCatalog, {"position": {"ra_deg": "meanra", "dec_deg": "meandec"}},
    ),
    "tns": (
        TnsCatalog,
        {"position": {"ra_deg": "ra", "dec_deg": "declination"}, "id_columns": {},
         "columns": {"gaia_dr3_id": {"column": "objid", "type": "integer"}}},
    ),
}  # fmt: skip


def vizier_route(request: Request) -> Reply:
    """Rows at the places that are asked for, with the number of each place."""
    places = re.findall(r"^(\d+\.\d+)[+-]\d+\.\d+$", request.body.decode(), re.MULTILINE)
    known = [(q, float(place)) for q, place in enumerate(places, 1) if float(place) in PLACES]
    near = [(q, PLACES.index(place)) for q, place in known] if places else [(1, 0)]  # is it there?
    rows = TWIN.iloc[[k for _, k in near]].assign(_q=[q for q, _ in near])
    return Reply(200, as_votable(Table({name: votable_column(rows[name]) for name in rows})))


def tns_route(request: Request) -> Reply:
    from tests.chain.services import as_json

    asked = request.form["data"]
    found = re.search(r'"ra": "([\d.]+)"|"objname": "(\d)"', asked)
    assert found is not None
    if found[1]:
        near = [k for k, place in enumerate(PLACES) if abs(place - float(found[1])) < 0.001]
        return as_json({"data": [{"objname": str(k)} for k in near]})
    k = int(found[2])
    return as_json({"data": {"objname": str(k), "objid": IDS[k], "radeg": PLACES[k], "decdeg": 0.0}})


def serve(server: Server, kind: str, entry: dict[str, Any]) -> None:
    if kind == "vizier":
        server.routes["/"] = vizier_route
    elif kind == "tns":
        server.routes["/"] = tns_route
    else:
        twin = TWIN
        if kind == "alerce":
            twin = TWIN.rename(columns={"ra": "meanra", "dec": "meandec"})
            twin = twin.assign(oid=["a", "b", "c"])
        name = f"malca.datasets.services.{kind}.{KINDS[kind][0].__name__}"
        Services(server, {"it": {"type": name, **entry}}, {"it": twin})


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_client_asks_keeps_and_gives_whole_numbers(kind, server, stars, tmp_path):
    dataset, own = KINDS[kind]
    entry = DECLARED | {"urls": [f"{server.url}/it"]} | own
    serve(server, kind, entry)
    options = {
        "requests_per_second": 10, "retries": 0, "cache": {"folder": str(tmp_path)},
        **({"credentials": {"api_key": "a key", "tns_id": 7, "name": "me"}} if kind == "tns" else {}),
    }  # fmt: skip
    if kind == "tns":
        server.routes["/"] = tns_route
    first = dataset(**entry, **options).load().match(stars)
    n_requests = len(server.requests)
    kept = dataset(**entry, **options).load().match(stars)
    assert len(server.requests) == n_requests > 0
    for table in (first, kept):
        assert table["outcome"].tolist() == ["matched"] * 3 + ["not_matched"]
        assert table["gaia_dr3_id"].dtype == "Int64"
        assert table["gaia_dr3_id"].tolist()[:3] == IDS
        by_id = ["gaia_id"] * 3 if kind != "tns" else ["position"] * 3
        assert table["match_by"].tolist() == [*by_id, ""]


@pytest.mark.parametrize("kind", ["tap", "xmatch", "vizier"])
def test_an_id_that_came_as_a_float_is_not_believed(kind, server, stars, monkeypatch):
    dataset, own = KINDS[kind]
    entry = DECLARED | {"urls": [f"{server.url}/it"]} | own
    monkeypatch.setitem(TWIN, "source_id", TWIN["source_id"].astype(float))
    serve(server, kind, entry)
    stars["gaia_id"] = pd.array([None] * 4, "Int64")  # found by their places
    found = dataset(**entry, requests_per_second=10, retries=0).load().match(stars)
    assert found["outcome"].tolist()[:3] == ["unknown"] * 3
    assert found["reason"].str.contains("a float, has lost digits").any()


# --- files ----------------------------------------------------------------------------------------


def written(path: Path) -> Path:
    """The twin with a row that has no id, in the format that the name says."""
    table = pd.DataFrame(
        {"ra": [*PLACES, 20.0], "dec": 0.0, "source_id": pd.array([*IDS, None], "Int64")}
    )
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        gaps = table["source_id"].isna().to_numpy()
        column = MaskedColumn(table["source_id"].fillna(0).to_numpy(np.int64), mask=gaps)
        if path.suffix == ".fits":
            column.fill_value = -1
        made = Table({"ra": table["ra"], "dec": table["dec"], "source_id": column})
        kind = {".fits": "fits", ".vot": "votable", ".ecsv": "ascii.ecsv"}[path.suffix]
        made.write(path, format=kind)
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".fits", ".vot", ".csv", ".ecsv"])
def test_every_format_of_a_twin_has_every_digit(suffix, stars, tmp_path):
    twin = LocalCatalog(filepath=str(written(tmp_path / f"twin{suffix}")), **DECLARED).load()
    found = twin.match(stars)
    assert found["gaia_dr3_id"].tolist()[:3] == IDS
    assert found["match_by"].tolist()[:3] == ["gaia_id"] * 3
    assert found["outcome"].iloc[3] == "not_matched"
    without = stars.assign(ra_deg=[*PLACES, 20.0], gaia_id=pd.array([None] * 4, "Int64"))
    found = twin.match(without)
    assert found["gaia_dr3_id"].tolist()[:3] == IDS
    assert found["outcome"].tolist() == ["matched"] * 4
    assert pd.isna(found["gaia_dr3_id"].iloc[3]) or found["gaia_dr3_id"].iloc[3] == -1


#: Of "source_id" nobody knows the release: such a star is looked for on the sky.
FOUND_BY = {"gaia_dr3_id": "gaia_id", "source_id": "position"}


@pytest.mark.survey
@pytest.mark.parametrize("suffix", [".csv", ".fits"])
@pytest.mark.parametrize("column", list(FOUND_BY))
def test_a_table_of_ones_own_with_gaps_among_its_ids(
    searched, twins, tmp_path, monkeypatch, suffix, column
):
    gaia = twins["gaia_catalog"].head(4).reset_index(drop=True)
    own = pd.DataFrame(
        {"ra": gaia["ra"], "dec": gaia["dec"], column: gaia["source_id"].astype("Int64")}
    )
    own.loc[1, column] = pd.NA
    path = tmp_path / f"mine{suffix}"
    if suffix == ".csv":
        own.to_csv(path, index=False)
    else:
        gaps = own[column].isna().to_numpy()
        ids = MaskedColumn(own[column].fillna(0).to_numpy(np.int64), mask=gaps, fill_value=-999)
        Table({"ra": own["ra"], "dec": own["dec"], column: ids}).write(path)
    monkeypatch.chdir(searched)
    done = CliRunner().invoke(main, ["characterize", str(path), "--offline"])
    assert done.exit_code == 0, done.output
    made = DescribedTable(filepath=str(tmp_path / "mine_characterized.parquet"))
    table = made.load()
    assert table["gaia_dr3_id"].tolist() == gaia["source_id"].tolist()
    by = FOUND_BY[column]
    assert table["gaia_match_by"].tolist() == [by, "position", by, by]
    check_formats(made, table)


# --- releases -------------------------------------------------------------------------------------


@pytest.mark.survey
def test_no_catalogue_is_asked_for_ids_of_another_release(make_chain: Callable[..., Any], stars):
    """Every catalogue that is declared; the ids are of stars elsewhere in the other release."""
    chain = make_chain()
    catalog = projects.open_project(folder=chain.folder).catalog
    joined: dict[str, set[str]] = {}
    for name, entry in chain.entries.items():
        ids = entry.get("id_columns", {}).get("gaia_id", {})
        if not entry["type"].endswith(".TapCatalog") or not ids:
            continue
        twin = chain.services.answers[name].twin
        for release in ("DR2", "DR3"):
            other = [*twin[ids.get("DR3", ids.get("DR2"))].iloc[:3], *IDS][:3]
            targets = stars.assign(gaia_release=[release] * 4)
            targets["gaia_id"] = pd.array([*other, None], "Int64")
            chain.services.forget()
            chain.services.server.requests.clear()
            found = catalog.load(name).match(targets)
            asked = {
                match[1] for request in chain.services.server.requests
                if (match := re.search(r"(\S+) = asked\.target_id", request.form["QUERY"]))
            }  # fmt: skip
            if asked:
                joined.setdefault(release, set()).add(name)
            assert bool(asked) == (release in ids), name
            if asked:
                expected = entry.get("expressions", {}).get(ids[release], ids[release])
                assert {re.sub(r'^c\.|"', "", column) for column in asked} == {expected}, name
            else:
                assert not any(star.id for star in chain.services.asked), name
                assert found["match_by"].ne("gaia_id").all(), name
    assert joined["DR2"] == {"gaia_catalog", "cantat_gaudin_members_catalog"}
    assert len(joined["DR3"]) >= 8
