"""What a refused run is told, and what a project is."""

from __future__ import annotations

import click
import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from malca.cli.project import Refusal, in_one_sentence, open_project
from malca.hooks import RefusedError


def told(error):
    with pytest.raises(click.ClickException) as refused, in_one_sentence():
        raise error
    return refused.value.message


def test_refusals_are_sentences():
    assert told(RefusedError("there is no survey")) == "there is no survey"
    unknown = ValueError("Failed to find the pipeline named 'clustr'. Did you mean\n    cluster")
    assert told(unknown) == "Failed to find the pipeline named 'clustr'. Did you mean cluster"


def test_a_resolver_speaks_for_itself():
    def refuse(_):
        raise ValueError("14-15 is no bin")

    OmegaConf.register_new_resolver("refuse_this", refuse)
    with pytest.raises(OmegaConfBaseException) as refused:
        OmegaConf.to_container(OmegaConf.create({"a": "${refuse_this:1}"}), resolve=True)
    assert told(refused.value) == "14-15 is no bin"


def test_other_errors_are_not_hidden():
    with pytest.raises(ValueError, match="a bug"), in_one_sentence():
        raise ValueError("a bug")


def test_paths_are_the_project_s_wherever_it_is_asked_from(home):
    project = open_project(folder=home / "conf")
    assert project.folder == home
    assert project.mag_bin == "13_13.5"
    assert project.path_of("events") == home / "data" / "07_model_output" / "13_13.5" / "events.parquet"
    other = open_project("14_14.5", folder=home)
    assert other.path_of("lightcurves") == home / "data" / "02_intermediate" / "14_14.5" / "lightcurves"
    with pytest.raises(Refusal, match="no dataset survey_index with a path"):
        project.path_of("survey_index")


def test_a_broken_configuration_is_told(home):
    (home / "conf" / "local" / "globals.yml").write_text("mag_bin: 13\n")
    with pytest.raises(Refusal, match="no magnitude bin"):
        open_project(folder=home)
    with pytest.raises(Refusal, match="Given configuration path"):
        open_project(folder=home, env="unheard_of")
