"""The pipeline ``vetting``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from malca.lookups import look_up_all_node, look_up_node
from malca.pipelines.vetting import nodes
from malca.vetting.modules import MATCH_MODULES
from malca.vetting.parameters import NEIGHBOUR_CATALOGS, SURVEYS, VettingParameters

_PARAMETERS = "params:vetting"
#: Catalogues that list a star many times, beside those of neighbours and spectra.
_EPOCHS = ("gaia_epoch_photometry", "erosita", "atlas", "neowise")
_NEIGHBOURS = tuple(f"{name}_neighbours" for name in NEIGHBOUR_CATALOGS)
_SPECTRA = tuple(f"{name}_spectra" for name in SURVEYS)


def create_pipeline(**_: object) -> Pipeline:
    """Take characterized candidates to vetted ones.

    Every catalogue is a node of its own, so that what one answered is on disk whatever happens to
    the next.
    """
    return Pipeline(
        [
            Node(
                nodes.choose_targets,
                inputs="characterized",
                outputs="vetting_targets",
                name="choose_vetting_targets",
            ),
            *(_look_up(name) for name in MATCH_MODULES),
            Node(
                nodes.look_up_gaia_epochs,
                inputs=[
                    "vetting_targets", "characterized", "gaia_epoch_photometry_catalog", _PARAMETERS,
                ],
                outputs=_listed("gaia_epoch_photometry"),
                name="look_up_gaia_epoch_photometry",
            ),
            *(
                _look_up_all(name)
                for name in (*_EPOCHS, *_NEIGHBOURS, *_SPECTRA)
                if name != "gaia_epoch_photometry"
            ),
            Node(
                nodes.describe_matched,
                inputs={name: f"{name}_matches" for name in MATCH_MODULES},
                outputs="vetting_matches",
                name="describe_matches",
            ),
            Node(
                nodes.describe_epochs,
                inputs={
                    "characterized": "characterized", "parameters": _PARAMETERS, **_all_listed(_EPOCHS),
                },
                outputs="vetting_epochs",
                name="describe_epochs",
            ),
            Node(
                nodes.list_neighbours,
                inputs={
                    "characterized": "characterized", "parameters": _PARAMETERS,
                    **_all_listed(_NEIGHBOURS),
                },
                outputs=["neighbours", "neighbour_summary"],
                name="list_neighbours",
            ),
            Node(
                nodes.list_spectra,
                inputs={"vetting_targets": "vetting_targets", **_all_listed(_SPECTRA)},
                outputs=["spectra", "spectra_summary"],
                name="list_spectra",
            ),
            Node(
                nodes.vet,
                inputs=[
                    "characterized", "vetting_matches", "vetting_epochs", "neighbour_summary",
                    "spectra_summary", _PARAMETERS,
                ],
                outputs=["vetted", "vetting_outcomes"],
                name="vet",
            ),
            Node(
                nodes.draw_vetting_outcomes,
                inputs="vetting_outcomes",
                outputs="vetting_figure",
                name="draw_vetting_outcomes",
            ),
        ],
        tags="vetting",
    )  # fmt: skip


def _look_up(name: str) -> Node:
    return Node(
        look_up_node(name, VettingParameters),
        inputs=["vetting_targets", f"{name}_catalog", _PARAMETERS],
        outputs=f"{name}_matches",
        name=f"look_up_{name}",
    )


def _look_up_all(name: str) -> Node:
    return Node(
        look_up_all_node(name, VettingParameters),
        inputs=["vetting_targets", f"{name}_catalog", _PARAMETERS],
        outputs=_listed(name),
        name=f"look_up_{name}",
    )


def _listed(name: str) -> list[str]:
    return [f"{name}_outcomes", f"{name}_entries"]


def _all_listed(names: tuple[str, ...]) -> dict[str, str]:
    return {dataset: dataset for name in names for dataset in _listed(name)}
