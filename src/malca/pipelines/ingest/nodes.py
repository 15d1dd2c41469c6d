"""List stars, pack their light curves, match them with VSX: functions of tables."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from malca.astrophysics.astrometry import pairs_within, propagate_proper_motion
from malca.astrophysics.variable_classes import class_families, is_dipper_class
from malca.columns import Columns
from malca.lightcurves import LightCurves
from malca.magnitude_bins import bin_edges
from malca.partitions import ComputeParameters, PartitionMap, fingerprint
from malca.pipelines.ingest.parameters import IngestParameters, VsxMatchParameters

logger = logging.getLogger(__name__)

_CONSTANT, _DUPLICATE = 2, 3
#: Columns of the manifest that say what a partition's light curves, and its cameras, are read from.
_PACKED_BY = (
    "asas_sn_id", "gaia_id", "gaia_release", "lc_path", "lc_exists", "lc_bytes", "lc_modified_ns",
)  # fmt: skip
_PLACED_BY = ("asas_sn_id", "ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr")
_CAMERAS_BY = ("asas_sn_id", "lc_path", "lc_exists", "raw2_bytes", "raw2_modified_ns")


def build_manifest(
    survey_index: Any, parameters: IngestParameters, compute: ComputeParameters
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List every star once, with the partition it is packed in.

    Of a star listed more than once the entry in the brightest bin, then the lowest index number,
    then the first line is kept.

    Parameters
    ----------
    survey_index : SurveyIndex
    parameters : IngestParameters
    compute : ComputeParameters

    Returns
    -------
    manifest : DataFrame
        A row a star, in order of bin, index number and id: ``asas_sn_id, mag_bin, index_num,
        ra_deg, dec_deg, pm_ra_masyr, pm_dec_masyr, gaia_id, gaia_release, lc_path, lc_exists,
        lc_bytes, lc_modified_ns, raw2_bytes, raw2_modified_ns, index_path, partition`` and the
        index's photometry. No partition: no light curve.
    problems : DataFrame
        The index's problems and a row a ``duplicate``.

    Raises
    ------
    ValueError
        No star has a light curve: nothing can follow.
    """
    stars = survey_index.stars
    rank = {name: k for k, name in enumerate(sorted(stars["mag_bin"].unique(), key=_brightness))}
    stars = stars.assign(_bin=stars["mag_bin"].map(rank)).sort_values(
        ["_bin", "index_num"], kind="stable", ignore_index=True
    )
    repeated = stars.duplicated("asas_sn_id", keep="first")
    kept = stars[~repeated]
    problems = pd.concat([survey_index.problems, _duplicates(stars[repeated], kept)], ignore_index=True)
    kept = kept.sort_values(["_bin", "index_num", "asas_sn_id"], ignore_index=True).drop(columns="_bin")
    if "gaia_release" not in kept:
        kept.insert(kept.columns.get_loc("gaia_id") + 1, "gaia_release", parameters.gaia_release)
    kept["gaia_release"] = kept["gaia_release"].astype("str").where(kept["gaia_id"].notna(), None)
    manifest = plan_partitions(kept, compute.stars_per_partition)
    counts = problems.groupby("kind")["n_stars"].agg(["size", "sum"])
    for kind, row in counts.iterrows():
        logger.warning("survey index: %d problems of kind %s, %d stars", row["size"], kind, row["sum"])
    if not manifest["lc_exists"].any():
        raise ValueError(
            f"no star has a light curve: {len(manifest)} stars are indexed; problems: "
            + (", ".join(f"{row['size']} {kind}" for kind, row in counts.iterrows()) or "none")
        )
    logger.info("%d stars, %d with light curves", len(manifest), manifest["lc_exists"].sum())
    return manifest, problems


def _brightness(name: str) -> tuple[float, str]:
    try:
        return bin_edges(name)[0], name
    except ValueError:
        return np.inf, name


def _duplicates(repeated: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    kept_in = kept.set_index("asas_sn_id")["index_path"].reindex(repeated["asas_sn_id"])
    return pd.DataFrame(
        {
            "kind": "duplicate",
            "where": repeated["index_path"].array,
            "asas_sn_id": repeated["asas_sn_id"].astype("Int64").array,
            "n_stars": 1,
            "detail": ("kept is the entry in " + kept_in.astype("str")).array,
        }
    ).astype({"kind": "str", "where": "str", "n_stars": "int64", "detail": "str"})


def plan_partitions(manifest: pd.DataFrame, stars_per_partition: int) -> pd.DataFrame:
    """Add the column ``partition``, such as ``13_13.5-00003``, to the manifest.

    Light curves are dealt out in the manifest's order, bin by bin, so that partitions change
    little when the survey grows. Stars without a light curve have none.
    """
    there = manifest["lc_exists"]
    number = manifest[there].groupby("mag_bin", sort=False).cumcount() // stars_per_partition
    name = manifest.loc[there, "mag_bin"] + "-" + number.astype("str").str.zfill(5)
    return manifest.assign(partition=name.reindex(manifest.index).astype("str"))


def plan_packing(
    manifest: Annotated[pd.DataFrame, Columns(*_PACKED_BY, "partition")],
    read: Callable[..., tuple[LightCurves, pd.DataFrame]],
    compute: ComputeParameters,
) -> PartitionMap:
    """Say what is to be packed: a task a partition, done when the map is saved.

    A partition is packed anew when a light curve's size or time of change, or anything else in
    its rows of the manifest, is no longer what it was.

    Parameters
    ----------
    manifest : DataFrame
    read : callable
        Takes rows of the manifest, gives their light curves and the failures.
    compute : ComputeParameters
    """
    columns = list(_PACKED_BY)
    tasks, marks, sizes = {}, {}, {}
    for key, rows in manifest[manifest["lc_exists"]][[*columns, "partition"]].groupby("partition"):
        rows = rows[columns].reset_index(drop=True)
        tasks[key] = {"packed": partial(read, rows, workers=compute.n_threads)}
        marks[key] = fingerprint(rows)
        sizes[key] = len(rows)
    return PartitionMap(pack_partition, tasks, marks, sizes, "packing", compute)


def pack_partition(packed: tuple[LightCurves, pd.DataFrame]) -> dict[str, pa.Table | pd.DataFrame]:
    """Tables of one packed partition: ``lightcurves`` and ``failures``."""
    lightcurves, failures = packed
    return {"lightcurves": lightcurves.to_table(), "failures": failures}


def plan_camera_statistics(
    manifest: Annotated[pd.DataFrame, Columns(*_CAMERAS_BY, "partition")],
    read: Callable[..., tuple[pd.DataFrame, pd.DataFrame]],
    compute: ComputeParameters,
) -> PartitionMap:
    """Say whose cameras' statistics are to be read: a task a partition, done when the map is saved.

    A partition is read anew when one of its ``.raw2`` files has come, gone or changed.

    Parameters
    ----------
    manifest : DataFrame
    read : callable
        Takes rows of the manifest, gives the statistics of their cameras and the failures.
    compute : ComputeParameters

    Raises
    ------
    ValueError
        An older version made the manifest.
    """
    columns = list(_CAMERAS_BY)
    if missing := [name for name in columns if name not in manifest]:
        raise ValueError(f"the manifest lacks {', '.join(missing)}: run the whole of ingest again")
    tasks, marks, sizes = {}, {}, {}
    for key, rows in manifest[manifest["lc_exists"]][[*columns, "partition"]].groupby("partition"):
        rows = rows[columns].reset_index(drop=True)
        tasks[key] = {"cameras": partial(read, rows, workers=compute.n_threads)}
        marks[key] = fingerprint(rows)
        sizes[key] = len(rows)
    return PartitionMap(camera_statistics_of, tasks, marks, sizes, "camera statistics", compute)


def camera_statistics_of(cameras: tuple[pd.DataFrame, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables of one partition: ``statistics`` and ``failures``, files missing or unreadable."""
    statistics, failures = cameras
    return {"statistics": statistics, "failures": failures}


def collect_camera_statistics(
    camera_statistics_partitions: Any,
) -> tuple[Mapping[str, Callable[[], pa.Table]], Mapping[str, Callable[[], pa.Table]]]:
    """Gather the partitions' tables, and say how many files failed and why."""
    failures = camera_statistics_partitions["failures"]
    reasons: Counter[str] = Counter()
    for key, n in camera_statistics_partitions.n_rows("failures").items():
        if n:
            reasons.update(failures[key]()["reason"].to_pylist())
    for reason, n in reasons.most_common():
        logger.warning("camera statistics: %d files %s", n, reason)
    return camera_statistics_partitions["statistics"], failures


def match_vsx(
    manifest: Annotated[pd.DataFrame, Columns(*_PLACED_BY)],
    vsx_catalog: pd.DataFrame,
    parameters: IngestParameters,
) -> pd.DataFrame:
    """Look every star up in the whole of VSX.

    Stars are moved to VSX's epoch; one of unknown proper motion stays where it is. Of several
    entries within the radius the nearest is taken, but one that says "constant or non-existing"
    only if there is no other, and a "possible duplicate" only before those.

    Parameters
    ----------
    manifest : DataFrame
        ``asas_sn_id, ra_deg, dec_deg, pm_ra_masyr, pm_dec_masyr``.
    vsx_catalog : DataFrame
        Entries of VSX; empty: there is no catalogue.
    parameters : IngestParameters

    Returns
    -------
    DataFrame
        A row a star. ``vsx_outcome``: "matched", "not_matched", or "unknown" (no position or
        no catalogue). Of the matched: ``vsx_id, vsx_name, vsx_class``, ``vsx_family`` (families
        joined by ``|``), ``vsx_period_days, vsx_var_flag``, ``vsx_is_variable`` (false: VSX says
        constant or non-existing), ``vsx_is_dipper``, ``vsx_sep_arcsec``, ``vsx_n_within_radius``
        and ``vsx_mutual_nearest`` (no other star is nearer to the entry). ``vsx_moved``: the
        proper motion is known.
    """
    vsx: VsxMatchParameters = parameters.vsx
    ra, dec, moved = propagate_proper_motion(
        manifest["ra_deg"].to_numpy(float),
        manifest["dec_deg"].to_numpy(float),
        manifest["pm_ra_masyr"].to_numpy(float),
        manifest["pm_dec_masyr"].to_numpy(float),
        vsx.survey_epoch_yr,
        vsx.vsx_epoch_yr,
    )
    pairs = pd.DataFrame(
        pairs_within(
            ra, dec, vsx_catalog["ra_deg"].to_numpy(float), vsx_catalog["dec_deg"].to_numpy(float),
            vsx.radius_arcsec,
        )._asdict()
    )  # fmt: skip
    flag = vsx_catalog["var_flag"].to_numpy(float)[pairs["second"]]
    pairs["rank"] = np.where(flag == _CONSTANT, 2, np.where(flag == _DUPLICATE, 1, 0))
    best = pairs.sort_values(["first", "rank", "sep_arcsec", "second"]).drop_duplicates("first")
    nearest_star = pairs.sort_values(["second", "sep_arcsec", "first"]).drop_duplicates("second")
    nearest_star = nearest_star.set_index("second")["first"]
    entry = vsx_catalog.iloc[best["second"]]
    found = pd.DataFrame(
        {
            "vsx_id": entry["vsx_id"].astype("Int64").array,
            "vsx_name": entry["name"].array,
            "vsx_class": entry["vsx_class"].array,
            "vsx_family": _by_class(
                entry["vsx_class"], lambda text: "|".join(class_families(text)), "str"
            ),
            "vsx_period_days": entry["period_days"].array,
            "vsx_var_flag": entry["var_flag"].array,
            "vsx_is_variable": pd.array(entry["var_flag"] != _CONSTANT, dtype="boolean"),
            "vsx_is_dipper": _by_class(entry["vsx_class"], is_dipper_class, "boolean"),
            "vsx_sep_arcsec": best["sep_arcsec"].array,
            "vsx_n_within_radius": pairs.groupby("first").size().astype("Int64").array,
            "vsx_mutual_nearest": pd.array(
                nearest_star.reindex(best["second"]).to_numpy() == best["first"].to_numpy(),
                dtype="boolean",
            ),
        },
        index=best["first"].to_numpy(),
    )
    matches = found.reindex(np.arange(len(manifest)))
    known = np.isfinite(ra) & np.isfinite(dec) & bool(len(vsx_catalog))
    outcome = np.where(matches["vsx_id"].notna(), "matched", np.where(known, "not_matched", "unknown"))
    matches.insert(0, "asas_sn_id", manifest["asas_sn_id"].to_numpy())
    matches.insert(1, "vsx_outcome", pd.array(outcome, dtype="str"))
    matches["vsx_moved"] = moved
    counts = matches["vsx_outcome"].value_counts()
    logger.info("VSX: %s", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return matches.reset_index(drop=True)


def _by_class(classes: pd.Series, function: Callable[[str], Any], dtype: str) -> Any:
    """Apply ``function`` to each class, once for each different one."""
    values = {text: function(text) for text in classes.unique()}
    return pd.array([values[text] for text in classes], dtype=dtype)
