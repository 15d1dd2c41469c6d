"""What a bundle holds, and what is refused: no file is opened here."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from malca.bundle import (
    BundleError,
    Manifest,
    Member,
    carried_fingerprint,
    choose_datasets,
    cut_to_stars,
    read_manifest,
    stars_to_carry,
)

SHA = "0" * 64


def member(path="datasets/events/events.parquet", dataset="events", **changes):
    return {"path": path, "dataset": dataset, "n_bytes": 3, "sha256": SHA, **changes}


def text(**changes):
    content = {
        "format": "malca-bundle", "format_version": 1, "malca_version": "0.1.0", "mag_bin": "13_13.5",
        "members": [member()],
    }  # fmt: skip
    return json.dumps(content | changes).encode()


def test_a_manifest_is_read_as_it_was_written():
    manifest = Manifest(malca_version="0.1.0", mag_bin="13_13.5", members=(Member(**member()),))
    again = read_manifest(manifest.to_json(), "0.1.0")
    assert again == manifest
    assert again.datasets == ("events",)
    assert again.of_dataset("events") == manifest.members
    assert again.of_dataset("sources") == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\x00", "damaged"),
        (b"[]", "not a MALCA bundle"),
        (text(format="other"), "not a MALCA bundle"),
        (text(format_version=2, malca_version="9.1", new=1), "newer than this MALCA: it has format 2"),
        (text(malca_version="0.2.0"), "newer than this MALCA: 0.2.0 wrote it"),
        (text(malca_version="no version"), "damaged"),
        (text(members=[member(), member()]), "twice"),
        (text(members=[member(sha256="abc")]), "sha256"),
        (text(members=[member(n_bytes=-1)]), "n_bytes"),
        (text(more=1), "damaged"),
    ],
)  # fmt: skip
def test_what_is_foreign_newer_or_damaged_is_refused(content, told):
    with pytest.raises(BundleError, match=told):
        read_manifest(content, "0.1.0")


def test_an_older_malca_is_no_reason_to_refuse():
    assert read_manifest(text(malca_version="0.0.9"), "0.1.0").malca_version == "0.0.9"


@pytest.mark.parametrize(
    "path",
    [
        "datasets/events/../../x", "/datasets/events/x", "datasets/events/", "datasets/events//x",
        "datasets\\events\\x", "datasets/events/.hidden", "C:/datasets/events/x", "datasets/other/x",
        "malca-bundle.json", "datasets/events/x\0y", "datasets/events/x\n",
    ],
)  # fmt: skip
def test_no_member_lies_outside_its_dataset(path):
    with pytest.raises(BundleError, match="damaged"):
        read_manifest(text(members=[member(path=path)]), "0.1.0")


def test_all_files_are_carried_but_only_the_folders_that_are_needed():
    entries = {
        "manifest": {"filepath": "m.parquet"},
        "figure": {"filepath": "f.png"},
        "lightcurves": {"path": "lightcurves"},
        "detections": {"path": "detections"},
        "survey_index": {"root": "survey"},
        "gaia_catalog": {"filepath": "gaia.parquet"},
    }
    made = {"manifest", "figure", "lightcurves", "detections", "in_memory"}
    chosen = choose_datasets(made, {"manifest", "lightcurves", "gaia_catalog", "params:x"}, entries)
    assert chosen.files == ("figure", "manifest")
    assert chosen.folders == ("lightcurves",)
    assert chosen.required == {"manifest", "lightcurves"}
    with pytest.raises(BundleError, match="in_memory in no file"):
        choose_datasets(made, {"in_memory"}, entries)


def test_stars_with_an_event_of_either_kind_are_carried():
    sources = pd.DataFrame(
        {
            "asas_sn_id": pd.array([5, 3, 4, 9], "Int64"),
            "dip_significant": [True, False, False, False],
            "jump_significant": [False, True, False, False],
        }
    )
    events = pd.DataFrame({"asas_sn_id": pd.array([5, 5, 4], "Int64")})
    stars = stars_to_carry(sources, events)
    assert stars.dtype == np.int64
    assert stars.tolist() == [3, 4, 5]


def test_light_curves_are_cut_and_other_tables_are_not():
    metadata = {b"malca.cameras": b"[]"}
    curves = pa.table({"asas_sn_id": [1, 2, 3], "jd": [[1.0], [2.0], [3.0]]}).replace_schema_metadata(
        metadata
    )
    cut = cut_to_stars(curves, np.array([3, 1, 7]))
    assert cut["asas_sn_id"].to_pylist() == [1, 3]
    assert cut.schema.metadata == metadata
    other = pa.table({"asas_sn_id": [1, 2, 3], "reason": ["a", "b", "c"]})
    assert cut_to_stars(other, np.array([1])) is other


def test_a_carried_partition_is_not_taken_for_the_whole():
    mark = carried_fingerprint("whole", np.array([1, 2]))
    assert mark != "whole"
    assert mark == carried_fingerprint("whole", np.array([1, 2]))
    assert (
        len(
            {
                mark,
                carried_fingerprint("other", np.array([1, 2])),
                carried_fingerprint("whole", np.array([1])),
            }
        )
        == 3
    )
