"""Star-forming regions that stars are in: on the sky and in distance.

Regions are the molecular clouds of Zucker+ 2020 (A&A 633, A51), sightline by sightline so that the
far end of a cloud has its own distance, and the three parts of the Scorpius-Centaurus association (de
Zeeuw+ 1999, AJ 117, 354). Being in front of or behind a cloud is the rule in the plane: what a position
alone says is flagged as that, and is no membership.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.astrometry import unit_vectors
from malca.astrophysics.galactic import galactic_coordinates
from malca.astrophysics.molecular_clouds import SIGHTLINES, SYSTEMATIC_SHARE
from malca.astrophysics.star_table import best_position, numbers

#: Name; longitude and latitude of the centre and radius, deg; distance and half its depth, pc. Fields
#: and distances of de Zeeuw+ 1999 (AJ 117, 354); as deep as they are wide on the sky.
ASSOCIATIONS = (
    ("Upper Scorpius", 351.5, 20.0, 10.0, 145.0, 20.0),
    ("Upper Centaurus-Lupus", 331.0, 12.5, 14.0, 140.0, 25.0),
    ("Lower Centaurus-Crux", 298.5, 5.5, 13.0, 118.0, 20.0),
)
BY_DISTANCE, BY_POSITION = "distance", "position"


class StarFormingRegionParameters(BaseModel):
    """How near a star must be to a region."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach_pc: float = Field(
        10.0,
        gt=0,
        description="Distance across the sky from a sightline that is still the cloud, pc (assumed: "
        "of the size of a cloud, and what a star drifts in 5 Myr at 2 km/s).",
    )
    min_reach_deg: float = Field(
        0.3, gt=0, description="Least reach, degrees; sightlines are 0.2 to 0.5 apart in far clouds."
    )
    max_reach_deg: float = Field(4.0, gt=0, description="Largest reach, degrees.")
    depth_pc: float = Field(
        10.0, ge=0, description="Half the depth of a cloud along the line of sight, pc (assumed)."
    )
    max_distance_sigma: float = Field(
        2.0,
        gt=0,
        description="Largest difference of the distances over their error, the cloud's depth and "
        "systematic error among it.",
    )
    max_relative_error: float = Field(
        0.25,
        gt=0,
        description="Error over the distance of a star above which its distance is taken as unknown: "
        "it would agree with everything.",
    )


class _Regions(NamedTuple):
    name: np.ndarray
    place: np.ndarray  # (n, 3) unit vectors in Galactic axes
    reach_deg: np.ndarray
    distance_pc: np.ndarray
    error_low_pc: np.ndarray  # towards the Sun
    error_high_pc: np.ndarray


def _regions(parameters: StarFormingRegionParameters) -> _Regions:
    name, *columns = zip(*SIGHTLINES, strict=True)
    longitude, latitude, low, middle, high = (np.array(column, float) for column in columns)
    reach = np.clip(
        np.degrees(np.arctan(parameters.reach_pc / middle)),
        parameters.min_reach_deg,
        parameters.max_reach_deg,
    )
    other = np.hypot(parameters.depth_pc, SYSTEMATIC_SHARE * middle)
    more, *rest = zip(*ASSOCIATIONS, strict=True)
    l_more, b_more, reach_more, middle_more, depth_more = (np.array(column, float) for column in rest)
    return _Regions(
        np.array([*name, *more], dtype=object),
        unit_vectors(np.append(longitude, l_more), np.append(latitude, b_more)),
        np.append(reach, reach_more),
        np.append(middle, middle_more),
        np.append(np.hypot(middle - low, other), depth_more),
        np.append(np.hypot(high - middle, other), depth_more),
    )


def add_star_forming_regions(
    table: pd.DataFrame, parameters: StarFormingRegionParameters
) -> pd.DataFrame:
    """Say which star-forming region each star is in.

    Of several the one that is nearest in units of its reach on the sky and of the error in distance.

    Parameters
    ----------
    table : DataFrame, (n,)
        Position and ``distance_pc, distance_low_pc, distance_high_pc``; those that are missing are
        unknown.
    parameters : StarFormingRegionParameters

    Returns
    -------
    DataFrame, (n,)
        ``sfr_name``; ``sfr_by``: "distance", on the sky and in distance, or "position", on the sky
        where the star's distance is not known well, or empty; ``sfr_separation_deg``, from the
        region's nearest sightline; ``sfr_distance_pc``, the region's there; ``sfr_distance_sigma``,
        that of the star less the region's over their error; ``sfr_member``: whether by distance,
        missing where only the position, or not even that, is known.
    """
    ra, dec = best_position(table)
    there = np.isfinite(ra) & np.isfinite(dec)
    regions = _regions(parameters)
    stars = unit_vectors(*galactic_coordinates(np.nan_to_num(ra), np.nan_to_num(dec)))
    # by the chord: the arc cosine would lose small angles
    chord = np.linalg.norm(stars[:, None] - regions.place[None], axis=-1)
    separation = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    near = (separation <= regions.reach_deg) & there[:, None]

    distance = numbers(table, "distance_pc")
    to_low = distance - numbers(table, "distance_low_pc")
    to_high = numbers(table, "distance_high_pc") - distance
    with np.errstate(invalid="ignore", divide="ignore"):
        known = (to_low >= 0) & (to_high >= 0)
        known &= (to_low + to_high) / 2 <= parameters.max_relative_error * distance
    difference = np.where(known, distance, np.nan)[:, None] - regions.distance_pc
    behind = difference > 0
    error = np.hypot(
        np.where(behind, to_low[:, None], to_high[:, None]),
        np.where(behind, regions.error_high_pc, regions.error_low_pc),
    )
    sigma = difference / error
    inside = near & (np.abs(sigma) <= parameters.max_distance_sigma)
    on_sky = separation / regions.reach_deg
    score = np.where(inside, np.hypot(on_sky, np.nan_to_num(sigma)), np.inf)
    score = np.where(known[:, None], score, np.where(near, on_sky, np.inf))
    best = np.argmin(score, axis=1)
    row = np.arange(len(table))
    found = np.isfinite(score[row, best])
    by = np.where(found, np.where(known, BY_DISTANCE, BY_POSITION), "")
    member = pd.array(found & known, dtype="boolean")
    member[~there | (found & ~known)] = pd.NA

    def of_best(values: np.ndarray) -> np.ndarray:
        return np.where(found, values, np.nan)

    return pd.DataFrame(
        {
            "sfr_name": pd.Series(np.where(found, regions.name[best], ""), table.index, dtype="str"),
            "sfr_by": pd.Series(by, table.index, dtype="str"),
            "sfr_separation_deg": of_best(separation[row, best]),
            "sfr_distance_pc": of_best(regions.distance_pc[best]),
            "sfr_distance_sigma": of_best(sigma[row, best]),
            "sfr_member": member,
        },
        index=table.index,
    )
