"""Kept answers: also of nothing, never of failures, under all they depend on, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.datasets.services.servers import Reply, Tap

from malca.datasets.services.cache import AnswerCache
from malca.datasets.services.conversion import no_entries
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.tap import TapCatalog

BIG = 2009803630912285825  # as a float it is ...952
DECLARED = {
    "table": "t", "epoch_yr": 2000.0, "position": {"ra_deg": "ra", "dec_deg": "dec"},
    "columns": {"g_mag": "mag", "name": {"column": "name", "type": "text"}},
    "id_columns": {"gaia_id": {"DR3": "source_id"}},
}  # fmt: skip


def declared(folder: Path, **options) -> ServiceDeclaration:
    return ServiceDeclaration.model_validate(
        {"urls": "http://a", "cache": {"folder": folder}, **DECLARED, **options}
    )


def cache_of(folder: Path, clock=time.time, rule="match", **options) -> AnswerCache:
    return AnswerCache(
        folder, "gaia", declared(folder, **options), service="tap", rule=rule, clock=clock
    )


def answer_of(star) -> pd.DataFrame:
    n = len(star)
    return pd.DataFrame(
        {
            "star": np.array(star),
            "ra": np.arange(n) + 0.1,
            "dec": 0.25,
            "mag": [np.nan, *np.arange(1.0, n)],
            "name": pd.array([None, *["Ω Cen"] * (n - 1)], dtype="str"),
            "source_id": pd.array([BIG + k if k else None for k in range(n)], dtype="Int64"),
        }
    )


def test_answers_come_back_exactly(tmp_path):
    cache = cache_of(tmp_path)
    assert not cache.get(["a"])[0].any()
    entries = answer_of([0, 0, 2])
    cache.put(["a", "b", "c"], entries)
    known, kept = cache_of(tmp_path).get(["c", "b", "x", "a", "c"])
    assert known.tolist() == [True, True, False, True, True]
    expected = entries.iloc[[2, 0, 1, 2]].assign(star=[0, 3, 3, 4]).reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, expected)
    cache.put(["a"], no_entries(declared(tmp_path)))  # newer: there is nothing any more
    known, kept = cache.get(["a"])
    assert known.all()
    assert not len(kept)


def test_old_answers_are_no_answers(tmp_path):
    now = [1e9]
    cache = cache_of(tmp_path, lambda: now[0], cache={"folder": tmp_path, "expires_days": 10})
    cache.put(["a"], answer_of([0]))
    now[0] += 9 * 86400
    assert cache.get(["a"])[0].all()
    now[0] += 2 * 86400
    assert not cache.get(["a"])[0].any()


@pytest.mark.parametrize(
    "change",
    [
        {"release": "DR4"}, {"table": "u"}, {"urls": "http://b"}, {"epoch_yr": 2016.0},
        {"radius_arcsec": 5}, {"columns": {"g_mag": "other"}}, {"expressions": {"source_id": "u.id"}},
        {"id_columns": {}}, {"rule": "all"},
    ],
    ids=str,
)  # fmt: skip
def test_another_question_has_another_answer(tmp_path, change):
    cache_of(tmp_path).put(["a"], answer_of([0]))
    rule = change.get("rule", "match")
    options = {name: value for name, value in change.items() if name != "rule"}
    assert not cache_of(tmp_path, rule=rule, **options).get(["a"])[0].any()
    same = {"timeout_seconds": 9, "batch_size": 7, "citation": "x", "coverage": {"min_dec_deg": 0}}
    assert cache_of(tmp_path, **same).get(["a"])[0].all()


def test_damage_is_asked_for_again(tmp_path, caplog):
    cache = cache_of(tmp_path)
    cache.put(["a"], answer_of([0]))
    cache.put(["b"], answer_of([0]))
    part = next(cache.folder.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:50])
    assert cache.get(["a", "b"])[0].sum() == 1
    assert "cannot be read" in caplog.text


def test_many_parts_become_one(tmp_path):
    cache = cache_of(tmp_path)
    for k in range(70):
        cache.put([f"k{k}"], answer_of([0]))
    cache.tidy()
    assert len(list(cache.folder.glob("*.parquet"))) == 1
    assert cache.get([f"k{k}" for k in range(70)])[0].all()


_WRITER = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, {root!r})
    from tests.datasets.services.test_cache import answer_of, cache_of
    cache, name = cache_of(Path(sys.argv[1])), sys.argv[2]
    k = 0
    while True:
        cache.put([f"{{name}} {{k}}"], answer_of([0]))
        print(k, flush=True)
        cache.tidy()
        k += 1
"""


def test_killed_writers_lose_nothing_they_had_written(tmp_path):
    """Two processes write, and put parts together, at once, until both are killed."""
    root = str(Path(__file__).parents[3])
    script = textwrap.dedent(_WRITER).format(root=root)
    with (
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path, "a"], stdout=subprocess.PIPE
        ) as first,
        subprocess.Popen(
            [sys.executable, "-c", script, tmp_path, "b"], stdout=subprocess.PIPE
        ) as second,
    ):
        writers = {"a": first, "b": second}
        for writer in writers.values():
            assert writer.stdout.readline() == b"0\n"
        time.sleep(1.0)
        written = {}
        for name, writer in writers.items():
            os.kill(writer.pid, signal.SIGKILL)
            written[name] = [0, *map(int, writer.stdout.read().split())]
    keys = [f"{name} {k}" for name, numbers in written.items() for k in numbers]
    assert len(keys) > 20
    cache = cache_of(tmp_path)
    assert cache.get(keys)[0].all()
    cache.tidy()
    assert not list(cache.folder.glob(".*"))
    assert cache.get(keys)[0].all()


# --- with a service -------------------------------------------------------------------------------


@pytest.fixture
def entries() -> pd.DataFrame:
    k = np.arange(40)
    return pd.DataFrame(
        {"ra": 9.0 * k, "dec": 10.0, "mag": k + 0.5, "name": [f"s{n}" for n in k], "source_id": BIG + k}
    )


def catalog_of(server, folder, **options):
    options = {
        "urls": f"{server.url}/tap",
        "requests_per_second": 100,
        "retries": 0,
        "batch_size": 10,
    } | options
    return TapCatalog(**{**DECLARED, **options}, cache={"folder": folder}).load()


def test_only_what_is_unknown_is_asked_again(tmp_path, server, entries, stars_of):
    tap = Tap(server, t=entries)
    # every other star has no entry
    stars = stars_of(np.repeat(entries["ra"], 2), np.tile([10.0, 20.0], 40))
    server.faults.extend([None, Reply(502), None, HANG, None, None, None, None])
    first = catalog_of(server, tmp_path).match(stars)
    assert first["outcome"].value_counts().to_dict() == {
        "matched": 30,
        "not_matched": 30,
        "unknown": 20,
    }
    asked = len(tap.queries)
    second = catalog_of(server, tmp_path).match(stars)
    assert second["outcome"].value_counts().to_dict() == {"matched": 40, "not_matched": 40}
    assert len(tap.queries) == asked + 2
    known = first["outcome"].ne("unknown")
    pd.testing.assert_frame_equal(second[known], first[known])
    third = catalog_of(server, tmp_path).match(stars)
    pd.testing.assert_frame_equal(third, second)
    offline = catalog_of(server, tmp_path, offline=True, source="service").match(stars)
    pd.testing.assert_frame_equal(offline, second)
    assert len(tap.queries) == asked + 2


HANG = Reply(status=0)


def test_one_request_in_three_fails(tmp_path, server, entries, stars_of, rng):
    """Whatever fails, each run knows more than the one before, and asks only what was unknown."""
    tap = Tap(server, t=entries)
    stars = stars_of(np.tile(entries["ra"], 3), np.repeat([10.0, 20.0, -20.0], 40))
    faults = [
        Reply(500),
        Reply(503),
        HANG,
        Reply(200, b"<html>"),
        Reply(404),
        Reply(200, b"x" * 99, n_cut=9),
    ]
    n_unknown, before = len(stars), None
    for _ in range(12):
        server.faults.clear()
        server.faults.extend(
            faults[rng.integers(6)] if rng.random() < 0.33 else None for _ in range(300)
        )
        tap.n_uploaded = 0
        found = catalog_of(server, tmp_path, give_up_after=50).match(stars)
        assert len(found) == len(stars)
        assert 0 < tap.n_uploaded <= n_unknown
        unknown = found["outcome"].eq("unknown")
        assert found["reason"][unknown].str.startswith("service failed").all()
        if before is not None:
            known = before["outcome"].ne("unknown")
            pd.testing.assert_frame_equal(found[known], before[known])
        n_unknown, before = int(unknown.sum()), found
        if not n_unknown:
            break
    assert before["outcome"].value_counts().to_dict() == {"not_matched": 80, "matched": 40}


def test_a_star_that_moved_is_another_star(tmp_path, server, entries, stars_of):
    tap = Tap(server, t=entries)
    stars = stars_of([0.0, 9.0], [10.0, 10.0])
    catalog = catalog_of(server, tmp_path)
    catalog.match(stars)
    n_asked = len(tap.queries)
    assert catalog.match(stars)["outcome"].tolist() == ["matched"] * 2
    assert len(tap.queries) == n_asked
    faster = stars.assign(pm_ra_masyr=[0.0, 500.0], pm_dec_masyr=0.0)
    assert catalog.match(faster)["outcome"].tolist() == ["matched", "not_matched"]
    assert len(tap.queries) == n_asked + 1
    catalog.match(stars.assign(gaia_id=BIG))
    assert len(tap.queries) > n_asked + 1


def test_offline_without_answers_everything_is_unknown(tmp_path, server, stars_of):
    catalog = catalog_of(server, tmp_path, offline=True)
    stars = stars_of([0.0, 9.0, np.nan], [10.0, 10.0, np.nan])
    found = catalog.match(stars)
    assert found["outcome"].tolist() == ["unknown"] * 3
    assert found["reason"].tolist() == ["offline", "offline", "no position"]
    outcomes, listed = catalog.match_all(stars)
    assert outcomes["reason"].tolist() == ["offline", "offline", "no position"]
    assert list(listed) == ["asas_sn_id", "sep_arcsec", "g_mag", "name"]
    assert not server.requests
