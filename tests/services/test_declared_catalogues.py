"""Every catalogue of a TAP service, as conf/base declares it, is answered as by its local twin.

The twins are made up here, so that each column has a value, also of what the demo simulates nothing of.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.services.catalogue_tables import served_tables
from tests.services.serve_catalogues import PORT, declared_catalogues

from malca.datasets.services.tap import TapCatalog, TapDeclaration

pytestmark = pytest.mark.services

DECLARED = declared_catalogues(env="local")
N_ROWS = 30
FIRST_ID = 6121854222422204544


def made_up(catalogues: list[TapDeclaration]) -> pd.DataFrame:
    """Twin of catalogues that share one: row k is of the same star in all twins."""
    sky = np.random.default_rng(1)
    ra = sky.uniform(0.0, 360.0, N_ROWS)
    dec = np.degrees(np.arcsin(sky.uniform(-1.0, 1.0, N_ROWS)))
    table: dict[str, object] = {}
    for declared in catalogues:
        for raw, kind in declared.raw_kinds().items():
            rng = np.random.default_rng(zlib.crc32(raw.encode()))
            table[raw] = {
                "number": rng.uniform(0.1, 1.0, N_ROWS),
                "integer": pd.array(rng.integers(0, 5, N_ROWS), dtype="Int64"),
                "text": np.array([f"{raw} {k}" for k in range(N_ROWS)], object),
                "flag": pd.array(rng.random(N_ROWS) < 0.5, dtype="boolean"),
            }[kind]
    for declared in catalogues:
        table[declared.position.ra_deg.column] = ra
        table[declared.position.dec_deg.column] = dec
        for number, raw in enumerate(dict.fromkeys(declared.id_columns.columns().values())):
            table[raw] = FIRST_ID + 1000 * number + np.arange(N_ROWS, dtype=np.int64)
    return pd.DataFrame(table)


@pytest.fixture(scope="module")
def twins(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("twins")
    shared: dict[Path, list[str]] = {}
    for name, declared in DECLARED.items():
        shared.setdefault(declared.filepath or Path(name), []).append(name)
    paths = {}
    for path, names in shared.items():
        paths |= dict.fromkeys(names, folder / f"{path.stem}.parquet")
        made_up([DECLARED[name] for name in names]).to_parquet(paths[names[0]], index=False)
    return paths


@pytest.fixture(scope="module")
def served(tap_server, twins):
    tap_server.publish(
        served_tables(
            declared.model_copy(update={"filepath": twins[name]}) for name, declared in DECLARED.items()
        )
    )
    return tap_server


def catalogue(name: str, twin: Path, source: str, url: str):
    declared = DECLARED[name].model_dump(exclude={"cache"}) | {
        "filepath": str(twin), "source": source, "offline": False, "urls": [url], "retries": 0,
        "requests_per_second": 100, "poll_seconds": 0.1,
    }  # fmt: skip
    return TapCatalog(**declared).load()


def targets(twin: pd.DataFrame, declared: TapDeclaration) -> pd.DataFrame:
    """Half of the stars with an id, and some where nothing is."""
    n = len(twin)
    ids = pd.Series(pd.NA, index=twin.index, dtype="Int64")
    release = next(iter(declared.id_columns.gaia_id), "")
    if release:
        ids[: n // 2] = twin[declared.id_columns.gaia_id[release]].iloc[: n // 2]
    table = pd.DataFrame(
        {
            "asas_sn_id": np.arange(n, dtype=np.int64),
            "ra_deg": twin[declared.position.ra_deg.column].to_numpy(),
            "dec_deg": twin[declared.position.dec_deg.column].to_numpy(),
            "pm_ra_masyr": 0.0,
            "pm_dec_masyr": 0.0,
            "gaia_id": ids,
            "gaia_release": np.where(ids.notna(), release, ""),
        }
    )
    nowhere = table.index[-5:]
    table.loc[nowhere, "ra_deg"] = (table.loc[nowhere, "ra_deg"] + 77.0) % 360.0
    return table


def test_the_server_of_conf_dachs_is_asked_for_all_of_them():
    here = declared_catalogues(env="dachs")
    assert set(here) == set(DECLARED)
    for name, declared in here.items():
        assert declared.urls == (f"http://127.0.0.1:{PORT}/tap",), name
        assert (declared.source, declared.offline) == ("service", False), name


@pytest.mark.parametrize("name", DECLARED)
def test_a_declared_catalogue_is_answered_as_by_its_twin(served, twins, name):
    twin = pd.read_parquet(twins[name])
    stars = targets(twin, DECLARED[name])
    ours, local = (catalogue(name, twins[name], source, served.url) for source in ("service", "local"))
    found = ours.match(stars)
    pd.testing.assert_frame_equal(found, local.match(stars))
    assert (found["outcome"][: N_ROWS // 2] == "matched").any()
    listed, expected = ours.match_all(stars), local.match_all(stars)
    pd.testing.assert_frame_equal(listed.outcomes, expected.outcomes)
    pd.testing.assert_frame_equal(listed.entries, expected.entries)
