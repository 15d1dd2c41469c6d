"""Which pipelines there are, and which are imported for a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from malca.pipeline_registry import AFTER, BEFORE, DEFAULT, register_pipelines

IMPORTED = """
import sys
from malca.pipeline_registry import register_pipelines
register_pipelines()[{name!r}]
found = {{name.split(".")[2] for name in sys.modules if name.startswith("malca.pipelines.")}}
print(*sorted(found))
"""


def test_every_folder_is_a_pipeline_and_three_are_joined():
    names = set(register_pipelines())
    assert names >= {*DEFAULT, "simulation", "evaluation", "__default__", "cluster", "home"}
    assert len(register_pipelines()) == len(names)
    assert dict(register_pipelines()).keys() == names


def test_a_pipeline_that_does_not_exist_is_a_key_error():
    with pytest.raises(KeyError, match="unheard_of"):
        register_pipelines()["unheard_of"]


@pytest.mark.parametrize(
    ("name", "imported"),
    [("ingest", {"ingest"}), ("home", set(AFTER)), ("cluster", {*BEFORE, *AFTER})],
)
def test_only_what_a_run_names_is_imported(name, imported):
    code = IMPORTED.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == imported


def test_a_pipeline_is_a_box_of_the_graph_and_pipelines_meet_in_their_datasets():
    pipelines = register_pipelines()
    boxes = pipelines["__default__"].group_nodes_by("namespace")
    assert {box.name for box in boxes} == set(DEFAULT) - {"dossiers"}  # within reporting
    names = [*pipelines["__default__"].datasets(), *pipelines["evaluation"].datasets()]
    assert not [name for name in names if "." in name.removeprefix("params:")]


def test_a_node_is_known_by_its_name_alone():
    """Records of runs give the time of a node under its name without the pipeline's."""
    pipelines = register_pipelines()
    single = set(pipelines) - {"__default__", "cluster", "home"}
    names = [node.short_name for name in single for node in pipelines[name].nodes]
    assert len(set(names)) == len(names)


def test_what_needs_the_survey_is_all_in_one_half():
    pipelines = register_pipelines()
    raw = {name for name in pipelines["cluster"].inputs() if not name.startswith("params:")}
    assert "survey_index" in raw
    assert not raw & pipelines["home"].inputs()
    tagged = pipelines["filtering"].only_nodes_with_tags("raw")
    assert tagged.nodes
    assert set(tagged.nodes) <= set(pipelines["cluster"].nodes)
