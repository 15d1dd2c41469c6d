"""The pipeline ``characterization``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.lookups import look_up_all_node, look_up_node
from malca.pipelines.characterization.dip_points import measure_dip_colours, plan_dip_points
from malca.pipelines.characterization.nodes import (
    characterize,
    choose_targets,
    identify,
    look_up_dust,
    measure_distances,
)
from malca.pipelines.characterization.parameters import CharacterizationParameters

#: Catalogues that are asked by what the survey knows of the stars, and by what Gaia knows of them.
_BY_INDEX = ("gaia_source", "cantat_gaudin_members")
_BY_GAIA = ("tmass", "allwise", "bailer_jones", "starhorse", "iphas", "hunt_reffert_members")
_ALL_ENTRIES = ("iphas_field", "unwise_epochs")


def create_pipeline(**_: object) -> Pipeline:
    """Candidates to a table of what they are made of, where they are, and with what uncertainty."""
    parameters = "params:characterization"
    one = [
        Node(
            look_up_node(name, CharacterizationParameters),
            inputs=[targets, f"{name}_catalog", parameters],
            outputs=f"{name}_matches",
            name=f"look_up_{name}",
            tags="lookup",
        )
        for names, targets in (
            (_BY_INDEX, "characterization_targets"),
            (_BY_GAIA, "identified_targets"),
        )
        for name in names
    ]
    several = [
        Node(
            look_up_all_node(name, CharacterizationParameters),
            inputs=["identified_targets", f"{name}_catalog", parameters],
            outputs=[f"{name}_outcomes", f"{name}_entries"],
            name=f"look_up_{name}",
            tags="lookup",
        )
        for name in _ALL_ENTRIES
    ]
    return Pipeline(
        [
            Node(
                choose_targets,
                inputs=["candidates", "manifest"],
                outputs="characterization_targets",
                name="choose_characterization_targets",
            ),
            *one,
            Node(
                identify,
                inputs=["characterization_targets", "gaia_source_matches"],
                outputs="identified_targets",
                name="identify",
            ),
            *several,
            Node(
                measure_distances,
                inputs=[
                    "identified_targets", "gaia_source_matches", "bailer_jones_matches",
                    "starhorse_matches", parameters,
                ],
                outputs="distances",
                name="measure_distances",
            ),
            Node(
                look_up_dust,
                inputs=["identified_targets", "distances", "dust_map", parameters],
                outputs="dust",
                name="look_up_dust",
                tags="lookup",
            ),
            Node(
                plan_dip_points,
                inputs=[
                    "lightcurves", "manifest", "candidates", "events", parameters, "params:compute",
                ],
                outputs="dip_points_partitions",
                name="measure_dip_points",
                tags="lightcurves",
            ),
            Node(
                measure_dip_colours,
                inputs=["candidates", "dip_points_partitions", parameters],
                outputs="dip_colours",
                name="measure_dip_colours",
            ),
            Node(
                characterize,
                inputs=[
                    "candidates", "identified_targets", "gaia_source_matches", "tmass_matches",
                    "allwise_matches", "bailer_jones_matches", "starhorse_matches", "iphas_matches",
                    "iphas_field_entries", "cantat_gaudin_members_matches",
                    "hunt_reffert_members_matches", "cantat_gaudin_clusters",
                    "hunt_reffert_clusters", "unwise_epochs_outcomes", "unwise_epochs_entries",
                    "distances", "dust", "dip_colours", "banyan_parameters", parameters,
                ],
                outputs="characterized",
                name="characterize",
            ),
        ],
        tags="characterization",
    )  # fmt: skip
