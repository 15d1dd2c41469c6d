"""Characterize, vet and classify the stars of a table of one's own, outside of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import click

from malca.cli.project import Project, Refusal, open_project, project_options
from malca.cli.quiet import progress_told
from malca.cli.star_pages import refuse_foreign_pages, write_star_pages
from malca.cli.star_tables import read_stars

if TYPE_CHECKING:
    import pandas as pd
    from kedro.pipeline import Node, Pipeline

#: Pipelines in order, each with the table it takes and the one it makes.
STEPS = {
    "characterization": ("candidates", "characterized"),
    "vetting": ("characterized", "vetted"),
    "classification": ("vetted", "classified"),
}
#: Endings of what is written.
FORMATS = ("parquet", "csv", "vot", "ecsv")
#: Tag of nodes that need light curves, which a table has not.
_WITHOUT_LIGHTCURVES = "lightcurves"
#: Columns that a table has that was characterized.
_CHARACTERIZED = ("gaia_outcome", "distance_pc", "galactic_l_deg")
#: Tables of the vetting with several rows a star.
_LISTED = ("neighbours", "spectra")
_TABLE = (
    "TABLE is Parquet, CSV, FITS, VOTable or ECSV with positions (ra_deg and dec_deg, ICRS at 2016.0, "
    "or ra and dec) and, where it has them, asas_sn_id, gaia_dr3_id (or gaia_id with gaia_release) and "
    "proper motions. What services have answered before is not asked again."
)


class Outcome(NamedTuple):
    """What came of a table.

    Attributes
    ----------
    table : DataFrame
    steps : list of str
        The pipelines that were run.
    listed : dict of str to DataFrame
        ``neighbours`` and ``spectra``, where the vetting was run.
    """

    table: pd.DataFrame
    steps: list[str]
    listed: dict[str, pd.DataFrame]


def _command(name: str, pipeline: str, what: str) -> click.Command:
    """Make one of the three commands."""

    @click.command(name, help=f"{what}\n\n{_TABLE}")
    @click.argument("table", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option(
        "-o", "--output", type=click.Path(dir_okay=False, path_type=Path),
        help="A .parquet file; CSV, VOTable and ECSV lie beside it.  [default: TABLE with the word "
        "for what was done]",
    )  # fmt: skip
    @click.option("--offline", is_flag=True, help="Ask no service, only local twins.")
    @click.option(
        "--gaia-release", type=click.Choice(["DR2", "DR3"]),
        help="Release of the column gaia_id or source_id, where the table does not say; without it "
        "such ids are not used.",
    )  # fmt: skip
    @click.option(
        "--dossiers", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
        help="Write a page a star there, and index.html.",
    )  # fmt: skip
    @project_options
    def command(
        table: Path, output: Path | None, offline: bool, gaia_release: str | None,
        dossiers: Path | None, mag_bin: str | None, env: str | None, conf_source: Path | None,
    ) -> None:  # fmt: skip
        from malca.datasets.described_table import DescribedTable

        made = STEPS[pipeline][1]
        path = output or table.with_name(f"{_stem(table)}_{made}.parquet")
        if path.suffix != ".parquet":
            raise Refusal(f"{path}: name the output .parquet; the other formats lie beside it")
        dataset = DescribedTable(filepath=str(path), title=f"{made}: {table.name}")
        if any(dataset.path(form).resolve() == table.resolve() for form in FORMATS):
            raise Refusal(f"{table} would be written over: name another --output")
        if dossiers is not None:
            refuse_foreign_pages(dossiers)
        with progress_told(_tell):
            stars, units = read_stars(table, gaia_release)
            project = open_project(mag_bin, env, conf_source)
            started = time.monotonic()
            done = run_on_table(project, stars, pipeline, offline=offline, tell=_tell)
            dataset.save(_described(done.table, units))
            if dossiers is not None:
                write_star_pages(dossiers, done.table, done.listed)
                _tell(f"dossiers: {dossiers / 'index.html'}")
        silent = unanswered(done.table)
        for told in silent.told:
            _tell(f"no answer from {told}")
        if silent.told:
            _tell("give the command again to ask for what is unknown")
        seconds = time.monotonic() - started
        steps = " and ".join(", ".join(STEPS[step][1] for step in done.steps).rsplit(", ", 1))
        click.echo(f"{_stars(done.table)} {steps} in {seconds:.0f} s: {path}")
        if silent.is_everything:
            raise click.exceptions.Exit(1)

    return command


def _stem(table: Path) -> str:
    name = table.name.removesuffix(".gz")
    return name.removesuffix(Path(name).suffix)


def _stars(table: pd.DataFrame) -> str:
    return f"{len(table)} star{'s' if len(table) != 1 else ''}"


def _tell(text: str) -> None:
    click.echo(text, err=True)


class Unanswered(NamedTuple):
    """Catalogues that failed, each in words, and whether there is no other."""

    told: list[str]
    is_everything: bool


def unanswered(table: pd.DataFrame) -> Unanswered:
    """Tell which catalogues were asked of a table's stars and failed, and why."""
    told, answered = [], False
    for column in (name for name in table if str(name).endswith("_outcome")):
        name = str(column).removesuffix("_outcome")
        reason = table.get(f"{name}_reason")
        if reason is None:
            continue
        failed = table[column].eq("unknown") & reason.astype("str").str.startswith("service failed")
        answered |= bool(table[column].isin(["matched", "not_matched", "not_covered"]).any())
        if failed.any():
            first = str(reason[failed].iloc[0]).removeprefix("service failed: ")
            told.append(f"{name} of {int(failed.sum())} stars: {first}")
    return Unanswered(told, bool(told) and not answered)


def run_on_table(
    project: Project,
    stars: pd.DataFrame,
    pipeline: str,
    *,
    offline: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Take stars through a pipeline, and through those before it that they have not been through.

    Parameters
    ----------
    project : Project
        Whose catalogues and parameters are used.
    stars : DataFrame
        As ``read_stars`` gives them.
    pipeline : str
        Of ``STEPS``.
    offline : bool
        Whether no service is asked, whatever the project says.
    tell : callable
        Is told what is done.
    """
    names = list(STEPS)
    names = names[: names.index(pipeline) + 1]
    if pipeline != "characterization" and set(_CHARACTERIZED) <= set(stars):
        names.remove("characterization")
        tell("characterized before")
    if pipeline == "classification" and "vetting_likely_known" in stars:
        names = ["classification"]
        tell("vetted before")
    table = stars
    listed: dict[str, pd.DataFrame] = {}
    for name in names:
        tell(f"{name} of {_stars(table)}")
        made = _run(project, name, table, offline)
        table = made.pop(STEPS[name][1])
        listed |= made
    return Outcome(table, names, listed)


def _run(project: Project, name: str, table: pd.DataFrame, offline: bool) -> dict[str, pd.DataFrame]:
    """Run a pipeline on a table; gives what it makes of it, and what it lists beside."""
    from kedro.io import DataCatalog, DatasetError, MemoryDataset
    from kedro.runner import SequentialRunner

    from malca.lookups import targets_of
    from malca.pipeline_registry import register_pipelines

    taken, made = STEPS[name]
    whole = register_pipelines()[name]
    needing = [node.name for node in whole.nodes if _WITHOUT_LIGHTCURVES in node.tags]
    pipeline = whole.filter(node_names=[n.name for n in whole.nodes if n.name not in needing])
    pipeline = pipeline.to_outputs(made)
    index = targets_of(table)
    stand_ins = {taken: table, "manifest": index, **_nothing_of_lightcurves()}
    datasets: dict[str, Any] = {
        dataset: MemoryDataset(_parameters(project, pipeline, dataset), copy_mode="assign")
        for dataset in pipeline.inputs()
        if dataset.startswith("params:")
    }
    off = _switched_off(pipeline, [dataset.load() for dataset in datasets.values()])
    declared = []
    for dataset in sorted(pipeline.inputs() - set(datasets)):
        if dataset.removesuffix("_catalog") in off:
            datasets[dataset] = MemoryDataset(_SwitchedOff(), copy_mode="assign")
        elif dataset in stand_ins:
            datasets[dataset] = MemoryDataset(stand_ins[dataset], copy_mode="assign")
        else:
            declared.append(dataset)
    datasets |= project.datasets(declared, offline=offline)
    for dataset in pipeline.all_outputs():
        datasets[dataset] = MemoryDataset(copy_mode="assign")
    catalog = DataCatalog(datasets)
    try:
        SequentialRunner().run(pipeline, catalog)
    except DatasetError as error:
        raise Refusal(" ".join(str(error).split())) from None
    return {one: catalog.load(one) for one in (made, *_LISTED) if one in pipeline.all_outputs()}


class _SwitchedOff:
    """Stands for a catalogue that is not asked, and need not be there."""


def _switched_off(pipeline: Pipeline, parameters: list[Any]) -> set[str]:
    """Names of the catalogues that parameters switch off."""
    names = {
        dataset.removesuffix("_catalog")
        for dataset in pipeline.inputs()
        if dataset.endswith("_catalog")
    }
    return {name for name in names for one in parameters if hasattr(one, "asks") and not one.asks(name)}


def _nothing_of_lightcurves() -> dict[str, Any]:
    """Make what stands for tables made of light curves, of which a table of stars has none."""
    import pandas as pd

    events = {"asas_sn_id": "int64", "event_id": "int64", "kind": "str"}
    return {
        "dip_points_partitions": {"dip_points": {}},
        "events": pd.DataFrame({name: [] for name in events}).astype(events),
    }


def _parameters(project: Project, pipeline: Pipeline, dataset: str) -> Any:
    """Parameters as a node takes them: a model where its signature names one."""
    from pydantic import BaseModel, ValidationError

    key = dataset.removeprefix("params:")
    value = project.parameters[key]
    for node in pipeline.nodes:
        for argument, given in _arguments(node).items():
            hint = get_type_hints(node.func).get(argument)
            if given == dataset and isinstance(hint, type) and issubclass(hint, BaseModel):
                try:
                    return hint.model_validate(value)
                except ValidationError as error:
                    first = error.errors()[0]
                    where = ".".join(str(part) for part in (key, *first["loc"]))
                    raise Refusal(f"conf/: {where}: {first['msg']}") from None
    return value


def _arguments(node: Node) -> Mapping[str, Any]:
    """Tell what a node is given, by argument."""
    if isinstance(node._inputs, dict):
        return node._inputs
    given = [node._inputs] if isinstance(node._inputs, str) else list(node._inputs or [])
    return dict(zip(signature(node.func).parameters, given, strict=False))


def _described(table: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """Give a table what its columns mean; of those that it came with, the units it came with."""
    from malca.descriptions.all_columns import DESCRIPTIONS

    table = table.copy(deep=False)
    own = {name: (unit, "") for name, unit in units.items() if name in table}
    ours = {name: tuple(DESCRIPTIONS[name]) for name in table if name in DESCRIPTIONS}
    table.attrs["descriptions"] = own | ours
    return table


characterize = _command(
    "characterize", "characterization", "Say what the stars of a table are made of and where they are."
)
vet = _command(
    "vet", "vetting", "Say what is known already of the stars of a table, and what is near them."
)
classify = _command("classify", "classification", "Say what dims the stars of a table, and how surely.")
