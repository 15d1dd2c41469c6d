"""The user guide names what there is: parameters with their defaults, tags, tables and links."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from malca.partitions import ComputeParameters
from malca.pipelines import evaluation
from malca.pipelines.characterization.parameters import CharacterizationParameters
from malca.pipelines.classification.parameters import ClassificationParameters
from malca.pipelines.evaluation.parameters import EvaluationParameters
from malca.pipelines.ingest.parameters import IngestParameters
from malca.reporting_parameters import ReportingParameters
from malca.search.parameters import DetectionParameters
from malca.vetting.parameters import VettingParameters

PROJECT = Path(__file__).resolve().parents[1]
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (PROJECT / "docs").glob("*.md")}
GUIDE = DOCS["user_guide.md"]
ROOTS = {
    "characterization": CharacterizationParameters,
    "classification": ClassificationParameters,
    "compute": ComputeParameters,
    "detection": DetectionParameters,
    "evaluation": EvaluationParameters,
    "ingest": IngestParameters,
    "reporting": ReportingParameters,
    "vetting": VettingParameters,
}
_TABLE = re.compile(r"^\| `([a-z_.]+)\.…` \| default \| meaning \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.M)
#: What stands for a default that fills no line.
_IN_WORDS = {"evaluation.sweep.settings": "six"}


def models_at(prefix: str) -> list[type[BaseModel]]:
    """Models that may stand at a dotted name: several where one of them is chosen."""
    root, *path = prefix.split(".")
    models = [ROOTS[root]]
    for name in path:
        annotations = [m.model_fields[name].annotation for m in models if name in m.model_fields]
        models = [one for annotation in annotations for one in _models_in(annotation)]
    return models


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [one for part in typing.get_args(annotation) for one in _models_in(part)]


def written(value: object) -> str:
    """A default as the guide has it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:.10g}"
    if isinstance(value, tuple | list):
        return ", ".join(written(one) for one in value)
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {written(one)}" for name, one in value.items()) + "}"
    return str(value)


def rows_of_tables():
    for prefix, body in _TABLE.findall(GUIDE):
        for line in body.splitlines():
            names, default, _ = (cell.strip() for cell in line.strip("|").split("|", 2))
            yield prefix, re.findall(r"`([a-z_0-9]+)`", names), default


@pytest.mark.parametrize(
    ("prefix", "names", "default"), [pytest.param(*r, id=f"{r[0]}.{r[1][0]}") for r in rows_of_tables()]
)
def test_parameters_have_the_defaults_they_are_said_to_have(prefix, names, default):
    models = models_at(prefix)
    said = re.split(r", (?![^{]*\})", default) if len(names) > 1 else [default]
    for name, one in zip(names, said, strict=True):
        fields = [m.model_fields[name] for m in models if name in m.model_fields]
        assert fields, f"{prefix}.{name} does not exist"
        defaults = {written(field.get_default(call_default_factory=True)) for field in fields}
        assert one == _IN_WORDS.get(f"{prefix}.{name}") or one in defaults


@pytest.mark.parametrize(
    "prefix", ["evaluation", *(f"evaluation.{part}" for part in ("injection", "injection.noise",
               "reliability", "sweep", "validation", "detection_rate")),
               "characterization", *(f"characterization.{part}" for part in ("distances", "extinction",
               "population", "young_stars", "banyan", "halpha", "star_forming_regions", "open_clusters",
               "midinfrared", "dip_colours", "cmd_slope")),
               "vetting", *(f"vetting.{part}" for part in ("erosita", "neowise", "neowise.variability",
               "neighbours")),
               "classification", "classification.classes", "classification.occulter", "reporting"]
)  # fmt: skip
def test_every_parameter_is_in_the_guide(prefix):
    (model,) = models_at(prefix)
    told = {name for at, names, _ in rows_of_tables() if at == prefix for name in names}
    tables = {at.removeprefix(f"{prefix}.") for at, _, _ in rows_of_tables() if at.startswith(prefix)}
    assert told | tables >= set(model.model_fields)


def test_tags_of_the_evaluation_are_in_the_guide():
    tags = {tag for node in evaluation.create_pipeline().nodes for tag in node.tags}
    part = GUIDE[GUIDE.index("\n## Measuring the search") : GUIDE.index("\n### Known objects")]
    assert tags == {
        tag
        for row in re.findall(r"^\| (`.*?) \|", part, re.M)
        for tag in re.findall(r"`([a-z_]+)`", row)
    }


def test_tables_and_figures_of_measuring_are_in_the_guide():
    text = (PROJECT / "conf/base/catalog_measuring.yml").read_text(encoding="utf-8")
    for name, entry in yaml.safe_load(text).items():
        if name.startswith("_") or "path" in entry:
            continue
        is_shown = entry["type"].startswith(("matplotlib", "malca.datasets.pages"))
        assert f"`{Path(entry['filepath']).name if is_shown else name}`" in GUIDE, name


def test_configuration_in_the_guide_is_accepted():
    blocks = re.findall(r"^```yaml\n(evaluation:\n.*?)^```", GUIDE, re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        EvaluationParameters.model_validate(yaml.safe_load(block)["evaluation"])


def test_a_parameter_that_does_not_exist_would_be_noticed():
    with pytest.raises(ValidationError):
        EvaluationParameters.model_validate({"injection": {"n_trails": 1}})


@pytest.mark.parametrize("name", DOCS)
def test_links_lead_somewhere(name):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)]+))?\)", DOCS[name]):
        file = (PROJECT / "docs" / target) if target else PROJECT / "docs" / name
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert slugs.count(anchor) == 1, f"{target}#{anchor}"
