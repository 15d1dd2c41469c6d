"""Characterize, vet and classify the stars of a table of one's own, outside of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import click

from malca.cli.project import Project, Refusal, open_project, project_options

if TYPE_CHECKING:
    import pandas as pd
    from kedro.pipeline import Node, Pipeline

#: Pipelines in order, each with the table it takes and the one it makes.
STEPS = {
    "characterization": ("candidates", "characterized"),
    "vetting": ("characterized", "vetted"),
    "classification": ("vetted", "classified"),
}
#: Tag of nodes that need light curves, which a table has not.
_WITHOUT_LIGHTCURVES = "lightcurves"
#: What a table calls a position or an id, besides our names.
_ALIASES = {
    "ra_deg": ("ra", "raj2000", "ra_icrs", "_ra"),
    "dec_deg": ("dec", "de", "dej2000", "de_icrs", "_de"),
    "pm_ra_masyr": ("pmra",),
    "pm_dec_masyr": ("pmdec", "pmde"),
    "gaia_dr3_id": ("source_id", "gaiadr3", "gaia_dr3"),
}

_TABLE = (
    "TABLE is Parquet, CSV, FITS, VOTable or ECSV with positions (ra_deg and dec_deg, ICRS, or ra and "
    "dec) and, where it has them, asas_sn_id, gaia_dr3_id (or gaia_id with gaia_release) and proper "
    "motions. What services have answered before is not asked again."
)


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
    @project_options
    def command(
        table: Path, output: Path | None, offline: bool, mag_bin: str | None, env: str | None,
        conf_source: Path | None,
    ) -> None:  # fmt: skip
        from malca.datasets.described_table import DescribedTable

        made = STEPS[pipeline][1]
        path = output or table.with_name(f"{table.name.split('.')[0]}_{made}.parquet")
        if path.suffix != ".parquet":
            raise Refusal(f"{path}: name the output .parquet; the other formats lie beside it")
        if path.resolve() == table.resolve():
            raise Refusal(f"{path} would be written over what it is made from: name another --output")
        project = open_project(mag_bin, env, conf_source)
        stars = read_stars(table)
        started = time.monotonic()
        result, steps = run_on_table(project, stars, pipeline, offline=offline, tell=_tell)
        DescribedTable(filepath=str(path), title=f"{made}: {table.name}").save(_described(result))
        seconds = time.monotonic() - started
        click.echo(f"{len(result)} stars, {' and '.join(steps)} in {seconds:.0f} s: {path}")

    return command


def _tell(text: str) -> None:
    click.echo(text, err=True)


def read_stars(path: Path) -> pd.DataFrame:
    """Read a table of stars, whatever its format, with our names for positions and ids.

    A table without ``asas_sn_id`` has its rows numbered from 1 in its place.

    Raises
    ------
    Refusal
        It cannot be read, has no rows or no positions, or ids that are floats or occur twice.
    """
    import pandas as pd
    import pyarrow as pa
    from kedro.io import DatasetError

    from malca.catalogs import integer_ids
    from malca.datasets.table_sources import open_source

    try:
        source = open_source(path)
        batches = list(source.read(source.schema.names))
    except DatasetError as error:
        raise Refusal(str(error)) from None
    arrow = pa.Table.from_batches(batches) if batches else source.schema.empty_table()
    stars = arrow.to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get
    )
    stars = stars.rename(columns=_our_names(list(stars)))
    if not len(stars):
        raise Refusal(f"{path} holds no stars")
    missing = [name for name in ("ra_deg", "dec_deg") if name not in stars]
    if missing:
        raise Refusal(f"{path} has no {' and no '.join(missing)}: there are {', '.join(stars)}")
    if "asas_sn_id" not in stars:
        stars.insert(0, "asas_sn_id", range(1, len(stars) + 1))
    for name in ("asas_sn_id", "gaia_id", "gaia_dr3_id"):
        if name in stars:
            try:
                ids, there = integer_ids(stars[name])
            except (TypeError, ValueError) as error:
                raise Refusal(f"{path}: {error}") from None
            stars[name] = ids.astype("Int64").where(there)
    if stars["asas_sn_id"].isna().any() or stars["asas_sn_id"].duplicated().any():
        raise Refusal(f"{path}: every star needs an asas_sn_id of its own, or leave the column out")
    return stars.astype({"asas_sn_id": "int64"})


def _our_names(columns: list[str]) -> dict[str, str]:
    lower = {name.lower(): name for name in reversed(columns)}
    names = {}
    for ours, others in _ALIASES.items():
        found = next((lower[other] for other in others if other in lower), None)
        if ours not in columns and found is not None:
            names[found] = ours
    return names


def run_on_table(
    project: Project,
    stars: pd.DataFrame,
    pipeline: str,
    *,
    offline: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[pd.DataFrame, list[str]]:
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

    Returns
    -------
    table : DataFrame
    steps : list of str
        The pipelines that were run.
    """
    names = list(STEPS)
    names = names[: names.index(pipeline) + 1]
    if pipeline != "characterization" and "gaia_outcome" in stars and "distance_pc" in stars:
        names.remove("characterization")
    if pipeline == "classification" and "vetting_likely_known" in stars:
        names.remove("vetting")
    table = stars
    for name in names:
        tell(f"{name} of {len(table)} stars")
        table = _run(project, name, table, offline)
    return table, names


def _run(project: Project, name: str, table: pd.DataFrame, offline: bool) -> pd.DataFrame:
    from kedro.io import DataCatalog, MemoryDataset
    from kedro.runner import SequentialRunner

    from malca.pipeline_registry import register_pipelines

    taken, made = STEPS[name]
    whole = register_pipelines()[name]
    needing = [node.name for node in whole.nodes if _WITHOUT_LIGHTCURVES in node.tags]
    pipeline = whole.filter(node_names=[n.name for n in whole.nodes if n.name not in needing])
    pipeline = pipeline.to_outputs(made)
    stand_ins = {taken: table, "manifest": table, **_nothing_of_lightcurves()}
    datasets: dict[str, Any] = {}
    declared = []
    for dataset in sorted(pipeline.inputs()):
        if dataset.startswith("params:"):
            value = _parameters(project, pipeline, dataset)
            datasets[dataset] = MemoryDataset(value, copy_mode="assign")
        elif dataset in stand_ins:
            datasets[dataset] = MemoryDataset(stand_ins[dataset], copy_mode="assign")
        else:
            declared.append(dataset)
    datasets |= project.datasets(declared, offline=offline)
    for dataset in pipeline.all_outputs():
        datasets[dataset] = MemoryDataset(copy_mode="assign")
    catalog = DataCatalog(datasets)
    SequentialRunner().run(pipeline, catalog)
    return catalog.load(made)


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


def _described(table: pd.DataFrame) -> pd.DataFrame:
    from malca.descriptions.all_columns import DESCRIPTIONS

    table = table.copy(deep=False)
    table.attrs["descriptions"] = {
        name: tuple(DESCRIPTIONS[name]) for name in table if name in DESCRIPTIONS
    }
    return table


characterize = _command(
    "characterize", "characterization", "Say what the stars of a table are made of and where they are."
)
vet = _command(
    "vet", "vetting", "Say what is known already of the stars of a table, and what is near them."
)
classify = _command("classify", "classification", "Say what dims the stars of a table, and how surely.")
