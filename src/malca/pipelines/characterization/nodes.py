"""Look candidates up, a node a catalogue, and make one table of what follows for each star."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd

from malca.catalogs import UNKNOWN
from malca.columns import Columns
from malca.lookups import SWITCHED_OFF, targets_of
from malca.pipelines.characterization.columns import named_matches
from malca.pipelines.characterization.parameters import CharacterizationParameters

_MANIFEST_COLUMNS = ("asas_sn_id", "pm_ra_masyr", "pm_dec_masyr", "gaia_id", "gaia_release")


def choose_targets(
    candidates: Annotated[pd.DataFrame, Columns("asas_sn_id", "ra_deg", "dec_deg", "gaia_dr3_id")],
    manifest: Annotated[pd.DataFrame, Columns(*_MANIFEST_COLUMNS)],
) -> pd.DataFrame:
    """Say which stars are to be looked up, with all that the survey's index knows to find them by.

    The index goes by ids of DR2, which one of the catalogues has; a star without one keeps the id of
    DR3 that it may have.
    """
    known = manifest[[name for name in _MANIFEST_COLUMNS if name in manifest]]
    stars = candidates[["asas_sn_id", "ra_deg", "dec_deg"]].astype({"asas_sn_id": "int64"})
    if "gaia_dr3_id" in candidates:
        stars["gaia_dr3_id"] = candidates["gaia_dr3_id"]
    stars = stars.merge(known, on="asas_sn_id", how="left", validate="1:1")
    if "gaia_dr3_id" in stars and "gaia_id" in stars:
        stars["gaia_dr3_id"] = stars["gaia_dr3_id"].astype("Int64").where(stars["gaia_id"].isna())
    return targets_of(stars)


def identify(targets: pd.DataFrame, gaia_source_matches: pd.DataFrame) -> pd.DataFrame:
    """Give the stars that Gaia DR3 knows their id, position and proper motion there.

    What is in catalogues by Gaia's ids is then found also for stars of which the index has an id of
    DR2, or none.
    """
    gaia = named_matches(gaia_source_matches, "gaia")
    return targets_of(targets.merge(gaia, on="asas_sn_id", how="left", validate="1:1"))


def measure_distances(
    targets: pd.DataFrame,
    gaia_source_matches: pd.DataFrame,
    bailer_jones_matches: pd.DataFrame,
    starhorse_matches: pd.DataFrame,
    parameters: CharacterizationParameters,
) -> pd.DataFrame:
    """Choose a distance for every star; see ``malca.astrophysics.distances``."""
    from malca.astrophysics.distances import add_distances

    table = _joined(
        targets,
        gaia=gaia_source_matches,
        bailer_jones=bailer_jones_matches,
        starhorse=starhorse_matches,
    )
    distances = add_distances(table, parameters.distances)
    return pd.concat([targets[["asas_sn_id"]].reset_index(drop=True), distances], axis=1)


def look_up_dust(
    targets: pd.DataFrame,
    distances: pd.DataFrame,
    dust_map: Any,
    parameters: CharacterizationParameters,
) -> pd.DataFrame:
    """Ask the map of the dust how much of it there is up to every star.

    Parameters
    ----------
    targets, distances : DataFrame, (n,)
    dust_map : object
        With ``query(l_deg, b_deg, distance_pc) -> DataFrame``.
    parameters : CharacterizationParameters
    """
    from malca.astrophysics.galactic import galactic_coordinates

    l_deg, b_deg = galactic_coordinates(
        targets["ra_deg"].to_numpy(float), targets["dec_deg"].to_numpy(float)
    )
    if parameters.asks("dust_map"):
        dust = dust_map.query(l_deg, b_deg, distances["distance_pc"].to_numpy(float))
    else:
        dust = pd.DataFrame({"outcome": [UNKNOWN] * len(targets), "reason": SWITCHED_OFF})
    dust.insert(0, "asas_sn_id", targets["asas_sn_id"].to_numpy())
    return dust


def characterize(
    candidates: pd.DataFrame,
    targets: pd.DataFrame,
    gaia_source_matches: pd.DataFrame,
    tmass_matches: pd.DataFrame,
    allwise_matches: pd.DataFrame,
    bailer_jones_matches: pd.DataFrame,
    starhorse_matches: pd.DataFrame,
    iphas_matches: pd.DataFrame,
    iphas_field_entries: pd.DataFrame,
    cantat_gaudin_members_matches: pd.DataFrame,
    hunt_reffert_members_matches: pd.DataFrame,
    cantat_gaudin_clusters: pd.DataFrame,
    hunt_reffert_clusters: pd.DataFrame,
    unwise_epochs_outcomes: pd.DataFrame,
    unwise_epochs_entries: pd.DataFrame,
    distances: pd.DataFrame,
    dust: pd.DataFrame,
    dip_colours: pd.DataFrame,
    banyan_parameters: Any,
    parameters: CharacterizationParameters,
) -> pd.DataFrame:
    """Make one table of what is known of every candidate.

    Returns
    -------
    DataFrame
        A row a candidate, in their order: the columns of ``candidates``, then those of
        ``malca.descriptions.characterized``.
    """
    from malca.astrophysics.banyan import add_membership
    from malca.astrophysics.extinction import add_extinction, add_intrinsic_photometry
    from malca.astrophysics.galactic import add_galactic
    from malca.astrophysics.halpha import halpha_excess
    from malca.astrophysics.midinfrared import midinfrared_variability
    from malca.astrophysics.open_clusters import add_open_clusters
    from malca.astrophysics.population import add_population
    from malca.astrophysics.star_forming_regions import add_star_forming_regions
    from malca.astrophysics.young_stars import classify_young_stars

    table = _joined(
        candidates.assign(asas_sn_id=candidates["asas_sn_id"].astype("int64")),
        gaia=gaia_source_matches,
        tmass=tmass_matches,
        allwise=allwise_matches,
        bailer_jones=bailer_jones_matches,
        starhorse=starhorse_matches,
        dust=dust,
    )
    if "gaia_dr3_id" in candidates:
        # whoever gave a star its id did so for a reason, though Gaia's table did not confirm it
        given = candidates["gaia_dr3_id"].astype("Int64").reset_index(drop=True)
        table["gaia_dr3_id"] = table["gaia_dr3_id"].fillna(given)
    table = _beside(table, _of_stars(distances, table))
    for add in (
        lambda t: add_extinction(t, parameters.extinction),
        add_intrinsic_photometry,
        add_galactic,
        lambda t: add_population(t, parameters.population),
        lambda t: classify_young_stars(t, parameters.young_stars),
        lambda t: add_membership(t, banyan_parameters, parameters.banyan),
        lambda t: add_star_forming_regions(t, parameters.star_forming_regions),
        lambda t: _of_stars(halpha_excess(iphas_matches, iphas_field_entries, parameters.halpha), t),
        lambda t: add_open_clusters(
            t,
            _of_stars(hunt_reffert_members_matches, t),
            _of_stars(cantat_gaudin_members_matches, t),
            hunt_reffert_clusters,
            cantat_gaudin_clusters,
            parameters.open_clusters,
        ),
        lambda t: _of_stars(
            midinfrared_variability(
                unwise_epochs_outcomes, unwise_epochs_entries, parameters.midinfrared
            ),
            t,
        ),
        lambda t: _of_stars(dip_colours, t),
    ):
        table = _beside(table, add(table))
    return table


def _joined(table: pd.DataFrame, **matches: pd.DataFrame) -> pd.DataFrame:
    """Table with matches beside it; a column that both have is taken from the match."""
    joined = table.reset_index(drop=True)
    for name, match in matches.items():
        joined = _beside(joined, _of_stars(named_matches(match, name), joined))
    return joined


def _of_stars(part: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a part in the order of a table's stars, without their id.

    Raises
    ------
    ValueError
        A star of the table is not in the part, or twice.
    """
    own = part.set_index("asas_sn_id")
    missing = ~table["asas_sn_id"].isin(own.index)
    if missing.any() or own.index.has_duplicates:
        raise ValueError(f"{missing.sum()} stars are not in a table of matches: run the pipeline again")
    return own.loc[table["asas_sn_id"]].reset_index(drop=True)


def _beside(table: pd.DataFrame, part: pd.DataFrame) -> pd.DataFrame:
    kept = table.drop(columns=[name for name in part if name in table])
    return pd.concat([kept, part.set_axis(kept.index)], axis=1)
