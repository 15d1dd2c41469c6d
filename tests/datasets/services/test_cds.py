"""The cross-match service and VizieR, on answers they have really given."""

from __future__ import annotations

import io
import re
from pathlib import Path

import astroquery
import numpy as np
import pandas as pd
import pytest
from astropy.io import votable
from astropy.table import Table
from pydantic import ValidationError
from tests.datasets.services.servers import Reply, Tap, as_votable, votable_column

from malca.datasets.services.conversion import as_kind
from malca.datasets.services.tap import TapCatalog
from malca.datasets.services.transport import ServiceError
from malca.datasets.services.vizier import VizierCatalog
from malca.datasets.services.xmatch import XMatchCatalog

REAL = Path(astroquery.__file__).parent
QUICK = {"requests_per_second": 100, "retries": 0}
TMASS = {
    "table": "II/246/out",
    "epoch_yr": 2000.0,
    "position": {"ra_deg": "RAJ2000", "dec_deg": "DEJ2000"},
    "columns": {
        "designation": {"column": "2MASS", "type": "text"},
        "j_mag": "Jmag",
        "j_error_mag": "e_Jmag",
        "quality_flags": {"column": "Qfl", "type": "text"},
    },
}


# --- cross-match ----------------------------------------------------------------------------------


def real_matches() -> pd.DataFrame:
    return pd.read_csv(REAL / "xmatch/tests/data/query_res.csv", dtype=str, keep_default_na=False)


def xmatch_route(form: str):
    """Answer with the rows that the service once gave, under the names of our own upload."""

    def route(request):
        sent = pd.read_csv(io.StringIO(request.form["cat1"]))
        rows = real_matches()
        number = {f"{ra:.5f}": k for k, ra in zip(sent["malca_no"], sent["malca_ra"], strict=True)}
        rows["malca_no"] = [number.get(f"{float(ra):.5f}", "") for ra in rows["ra"]]
        rows = rows[
            rows["malca_no"].ne("")
            & (rows["angDist"].astype(float) <= float(request.form["distMaxArcsec"]))
        ]
        rows = rows.drop(columns=["ra", "dec", "my_id"])
        if form == "csv":
            return Reply(200, rows.to_csv(index=False).encode(), {"Content-Type": "text/csv"})
        numbers = {
            name: pd.to_numeric(rows[name], errors="coerce")
            for name in rows
            if name not in {"2MASS", "Qfl"}
        }
        typed = rows.assign(**numbers)
        return Reply(200, as_votable(Table({name: votable_column(typed[name]) for name in typed})))

    return route


@pytest.fixture
def positions(stars_of) -> pd.DataFrame:
    listed = pd.read_csv(REAL / "xmatch/tests/data/posList.csv")
    stars = stars_of([*listed["ra"], 10.0, np.nan], [*listed["dec"], 10.0, np.nan])
    return stars


def xmatch_of(server, **options):
    return XMatchCatalog(urls=server.url, **{**TMASS, **QUICK, **options}).load()


@pytest.mark.parametrize("form", ["csv", "votable"])
def test_real_cross_matches(server, positions, form):
    server.routes["/"] = xmatch_route(form)
    found = xmatch_of(server, radius_arcsec=5.0, batch_size=4).match(positions)
    nearest = real_matches().groupby("my_id").first()  # they come in order of distance
    ids = [str(k + 1) for k in range(6)]
    assert found["outcome"].tolist() == [
        *["matched" if k in nearest.index else "not_matched" for k in ids], "not_matched", "unknown"
    ]  # fmt: skip
    matched = found[found["outcome"] == "matched"]
    np.testing.assert_allclose(matched["sep_arcsec"], nearest["angDist"].astype(float), atol=2e-3)
    assert matched["designation"].tolist() == nearest["2MASS"].tolist()
    expected = pd.to_numeric(nearest["e_Jmag"].replace("", np.nan)).to_numpy(float)
    np.testing.assert_array_equal(matched["j_error_mag"], expected)
    assert len(server.requests) == 2
    outcomes, entries = xmatch_of(server, radius_arcsec=5.0).match_all(positions)
    assert outcomes["n_entries"].sum() == len(entries) == len(real_matches())
    assert server.requests[-1].form["cat2"] == "vizier:II/246/out"


def test_after_a_ban_nothing_is_asked(server, positions):
    server.routes["/"] = lambda _: Reply(403)
    found = xmatch_of(server, batch_size=2).match(positions)
    assert len(server.requests) == 1
    assert found["reason"][:7].str.contains("shuts this address out").all()


def test_what_the_cross_match_lacks_is_said(server, positions):
    told = as_votable(Table({"a": [1]})).replace(
        b'name="QUERY_STATUS" value="OK"/>',
        b'name="QUERY_STATUS" value="ERROR">no table II/0/out</INFO>',
    )
    server.routes["/"] = lambda _: Reply(400, told)
    reason = xmatch_of(server).match(positions)["reason"][0]
    assert "refuses vizier:II/246/out" in reason
    assert "no table II/0/out" in reason
    server.routes["/"] = lambda _: Reply(200, b"angDist,malca_no,RAJ2000\n1.0,0,5.0\n")
    assert "no column DEJ2000" in xmatch_of(server).match(positions)["reason"][0]
    server.routes["/"] = lambda _: Reply(200, b"<html>come back later</html>")
    assert "no VOTable" in xmatch_of(server).match(positions)["reason"][0]
    with pytest.raises(ValidationError, match="less than or equal to 178"):
        XMatchCatalog(urls=server.url, **TMASS, radius_arcsec=200)


def test_cut_cross_matches_are_asked_again_in_parts(server, positions):
    whole = xmatch_route("csv")
    n_rows = []

    def route(request):
        answer = whole(request)
        lines = answer.body.splitlines(keepends=True)[: 1 + int(request.form["MAXREC"])]
        n_rows.append(len(lines) - 1)
        return Reply(200, b"".join(lines))

    server.routes["/"] = route
    _, entries = xmatch_of(server, radius_arcsec=5.0, row_limit=6).match_all(positions)
    assert len(entries) == len(real_matches())
    assert len(n_rows) > 2


# --- VizieR ---------------------------------------------------------------------------------------

YSO = {
    "table": "J/ApJ/706/83/ysos",
    "epoch_yr": 2000.0,
    "position": {"ra_deg": "RAJ2000", "dec_deg": "DEJ2000"},
    "columns": {
        "name": {"column": "SSTGLMC", "type": "text"},
        "j_mag": "Jmag",
        "i4_mag": "[8.0]",
        "number": {"column": "Seq", "type": "integer"},
    },
}


@pytest.fixture
def w51() -> Table:
    """Fifty young objects as VizieR gave them, with positions, which it was not asked for then."""
    document = votable.parse(REAL / "vizier/tests/data/kang2010.xml", verify="ignore")
    table = document.get_first_table().to_table(use_names_over_ids=True)
    # the name is the Galactic longitude and latitude
    table["RAJ2000"] = 290.0 + np.arange(len(table)) / 100
    table["DEJ2000"] = 14.0
    return table


def vizier_route(table: Table, asked: list[str]):
    def route(request):
        text = request.body.decode()
        asked.append(text)
        if "-source=J/ApJ/706/83/ysos" not in text:
            return Reply(200, b'<?xml version="1.0"?><VOTABLE version="1.2"><RESOURCE/></VOTABLE>')
        places = re.findall(r"^(\d+\.\d+)([+-]\d+\.\d+)$", text, re.M) or re.findall(
            r"-c=(\d+\.\d+)([+-]\d+\.\d+)", text
        )
        if not places:
            return Reply(200, as_votable(table[:1]))
        radius = float(re.search(r"-c\.rs?s?=([\d.]+)", text)[1])
        parts = []
        for k, (ra, dec) in enumerate(places, 1):
            sep = np.hypot(
                (table["RAJ2000"] - float(ra)) * np.cos(np.radians(14.0)), table["DEJ2000"] - float(dec)
            )
            rows = table[sep * 3600 < radius]
            rows["_q"] = np.full(len(rows), k, np.int32)
            parts.append(rows)
        rows = Table(np.concatenate([np.ma.array(part.as_array()) for part in parts]))
        return Reply(200, as_votable(rows))

    return route


def test_real_rows_of_vizier(server, stars_of, w51):
    asked: list[str] = []
    server.routes["/viz-bin/votable"] = vizier_route(w51, asked)
    stars = stars_of([*w51["RAJ2000"], 10.0], [14.0] * (len(w51) + 1))
    catalog = VizierCatalog(urls=f"{server.url}/viz-bin", **YSO, **QUICK, batch_size=20).load()
    found = catalog.match(stars)
    assert found["outcome"].tolist() == ["matched"] * len(w51) + ["not_matched"]
    np.testing.assert_allclose(found["j_mag"][:-1], w51["Jmag"].filled(np.nan), rtol=1e-6)
    assert found["number"].tolist()[:-1] == w51["Seq"].tolist()
    assert found["name"].tolist()[:-1] == w51["SSTGLMC"].tolist()
    assert len(asked) == 3
    assert all("-out.max=unlimited" in text for text in asked)


def test_a_table_that_vizier_lacks_is_no_table_without_matches(server, stars_of, w51):
    asked: list[str] = []
    server.routes["/viz-bin/votable"] = vizier_route(w51, asked)
    stars = stars_of([10.0, 20.0], [14.0, 14.0])
    options = {**YSO, **QUICK, "urls": f"{server.url}/viz-bin"}
    assert VizierCatalog(**options).load().match(stars)["outcome"].tolist() == ["not_matched"] * 2
    absent = VizierCatalog(**{**options, "table": "J/ApJ/706/83/none"}).load().match(stars)
    assert absent["outcome"].tolist() == ["unknown"] * 2
    assert absent["reason"].str.contains("VizieR has no table J/ApJ/706/83/none").all()


# --- Gaia -----------------------------------------------------------------------------------------


def test_real_rows_of_gaia(server, stars_of):
    """Two sources with all columns, as ESA's archive gave them; names in upper case or not."""
    path = REAL / "gaia/tests/data/1710099405832VAL-result.vot"
    document = votable.parse(path, verify="ignore")
    real = document.get_first_table().to_table()  # by ids: SOURCE_ID
    names = {"ra": "ra", "dec": "dec", "SOURCE_ID": "source_id"} | dict.fromkeys(
        [
            "parallax",
            "pmra",
            "ruwe",
            "teff_gspphot",
            "phot_variable_flag",
            "has_epoch_photometry",
            "non_single_star",
        ]
    )
    table = pd.DataFrame({new or old: np.ma.filled(real[old], np.nan) if real[old].dtype.kind == "f"
                          else np.asarray(real[old]) for old, new in names.items()})  # fmt: skip
    tap = Tap(server, gaiadr3__gaia_source=table)
    tap.units = {new or old: str(real[old].unit) for old, new in names.items() if real[old].unit}
    catalog = TapCatalog(
        urls=f"{server.url}/tap", table="gaiadr3.gaia_source", epoch_yr=2016.0, **QUICK,
        position={"ra_deg": "ra", "dec_deg": "dec"}, id_columns={"gaia_id": {"DR3": "source_id"}},
        columns={
            "parallax_mas": "parallax", "pm_ra_masyr": "pmra", "ruwe": "ruwe",
            "source": {"column": "source_id", "type": "integer"},
            "variable_flag": {"column": "phot_variable_flag", "type": "text"},
            "has_epoch_photometry": {"column": "has_epoch_photometry", "type": "flag"},
            "non_single_star": {"column": "non_single_star", "type": "integer"},
        },
    ).load()  # fmt: skip
    ids = [4583627001381815936, 5348723816842275584]
    found = catalog.match(
        stars_of([np.nan, table["ra"][1]], [np.nan, table["dec"][1]], gaia_id=[ids[0], None])
    )
    order = [table["source_id"].tolist().index(k) for k in found["source"]]
    assert found["source"][0] == ids[0]
    assert found["match_by"].tolist() == ["gaia_id", "position"]
    np.testing.assert_array_equal(found["parallax_mas"], table["parallax"].iloc[order])
    np.testing.assert_array_equal(found["ruwe"], table["ruwe"].iloc[order].astype(float))
    assert found["has_epoch_photometry"].tolist() == table["has_epoch_photometry"].iloc[order].tolist()
    tap.units["parallax"] = "arcsec"
    assert "declared in 'mas'" in catalog.match(stars_of([1.0], [1.0], gaia_id=[ids[0]]))["reason"][0]


# --- types ----------------------------------------------------------------------------------------

BIG = 2009803630912285825


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([BIG, None], "integer", [BIG, pd.NA]),
        ([str(BIG), ""], "integer", [BIG, pd.NA]),
        (np.array([1.0, np.nan]), "integer", [1, pd.NA]),
        (np.ma.array([BIG, 0], mask=[False, True]), "integer", [BIG, pd.NA]),
        (["1.5", "", None], "number", [1.5, np.nan, np.nan]),
        (np.array([b"EA ", b""]), "text", ["EA", np.nan]),
        (["t", "FALSE", "", 1], "flag", [True, False, pd.NA, True]),
    ],
    ids=str,
)
def test_columns_in_the_types_of_a_twin(values, kind, expected):
    pd.testing.assert_series_equal(
        as_kind(values, kind, "x"),
        pd.Series(
            pd.array(
                expected,
                dtype={"number": "float64", "integer": "Int64", "text": "str"}.get(kind, "boolean"),
            ),
            name="x",
        ),
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([float(BIG)]), "integer"),
        (["12x"], "integer"),
        (["high"], "number"),
        (["maybe"], "flag"),
    ],
    ids=str,
)
def test_what_is_no_such_column_is_refused(values, kind):
    with pytest.raises(ServiceError, match=f"column x holds what is no {kind}"):
        as_kind(values, kind, "x")
