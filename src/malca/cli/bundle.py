"""``malca bundle``: carry a run from where the survey is to where people look at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from malca.cli.project import Project, Refusal, open_project, project_options

if TYPE_CHECKING:
    from malca.bundle import Contents, Manifest
    from malca.datasets.bundle_file import BundleFile, Item

#: Dataset that keeps where imported data come from.
_RECORD = "imported_bundle"


@click.group()
def bundle() -> None:
    """Carry a run elsewhere: export after `kedro run --pipelines cluster`, import before `home`.

    A bundle holds the tables, the light curves of the stars with events, and where they come from.
    """


@bundle.command("export")
@click.argument("out", metavar="OUT.zip", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--with",
    "more",
    multiple=True,
    metavar="DATASET",
    help="Carry this file of the catalog too, for instance gaia_catalog; may be repeated.",
)
@project_options
def export_bundle(
    out: Path,
    more: tuple[str, ...],
    mag_bin: str | None,
    env: str | None,
    conf_source: Path | None,
) -> None:
    """Write what `kedro run --pipelines cluster` made to OUT.zip.

    Catalogues of other surveys are not in it, since they may be large: home needs its own, or they
    are named with --with.
    """
    from malca import __version__
    from malca.bundle import BundleError
    from malca.datasets.bundle_file import no_run_in, write_bundle

    project = open_project(mag_bin, env, conf_source)
    try:
        with no_run_in(_folders(project)):
            manifest, changed = write_bundle(
                out, _items(project, more), malca_version=__version__, mag_bin=project.mag_bin
            )
    except BundleError as error:
        raise Refusal(f"{out}: {error}") from None
    except OSError as error:
        raise Refusal(f"{out} cannot be written: {error.strerror or error}") from None
    size = sum(member.n_bytes for member in manifest.members)
    click.echo(
        f"{out}: bin {manifest.mag_bin}, {len(manifest.datasets)} datasets, {size / 1e6:,.1f} MB"
        + ("" if changed else ", unchanged")
    )


def _folders(project: Project) -> list[Path]:
    """Folders that a run of `cluster` writes partitions to."""
    from malca.pipeline_registry import register_pipelines

    made = register_pipelines()["cluster"].all_outputs()
    return [project.path_of(name) for name in sorted(made) if "path" in project.entries.get(name, ())]


def _items(project: Project, more: tuple[str, ...]) -> list[Item]:
    from malca.bundle import BundleError, choose_datasets, stars_to_carry
    from malca.pipeline_registry import register_pipelines

    pipelines = register_pipelines()
    try:
        contents = choose_datasets(
            pipelines["cluster"].all_outputs(), pipelines["home"].inputs(), project.entries, more
        )
    except BundleError as error:
        raise Refusal(str(error)) from None
    missing = [name for name in more if not project.path_of(name).is_file()]
    if missing:
        raise Refusal(f"--with {missing[0]}: there is no {project.path_of(missing[0])}")
    missing = [name for name in sorted(contents.required) if not project.catalog.exists(name)]
    if missing:
        raise Refusal(
            f"bin {project.mag_bin} has no {', '.join(missing)} at {project.path_of(missing[0])}: "
            f"first kedro run --pipelines cluster --params mag_bin={project.mag_bin}"
        )
    stars = stars_to_carry(project.load("sources", "cluster"), project.load("events", "cluster"))
    return [*_data(project, contents, stars), *_provenance(project)]


def _data(project: Project, contents: Contents, stars: Any) -> Iterator[Item]:
    from malca.bundle import carried_fingerprint
    from malca.datasets.bundle_file import Item, member_path

    for name in contents.files:
        path = project.path_of(name)
        if path.exists():
            yield Item(member_path(name, path.name), name, path)
    for name in contents.folders:
        partitions = project.load(name, "cluster")
        for table, loaders in partitions.items():
            for key, load in loaders.items():
                mark = carried_fingerprint(partitions.fingerprints[key], stars)
                content = partial(_partition, load, stars, mark)
                yield Item(member_path(name, table, f"{key}.parquet"), name, content)


def _partition(load: Callable[[], Any], stars: Any, mark: str) -> bytes:
    from malca.bundle import cut_to_stars
    from malca.datasets.bundle_file import partition_bytes

    return partition_bytes(cut_to_stars(load(), stars), mark)


def _provenance(project: Project) -> Iterator[Item]:
    from malca.bundle import to_json
    from malca.datasets.bundle_file import Item
    from malca.tracking.circumstances import versions

    facts = {"parameters": project.parameters, "versions": versions(), "run": _record(project)}
    for name, value in facts.items():
        if value is not None:
            yield Item(f"provenance/{name}.json", None, partial(to_json, value))


def _record(project: Project) -> dict[str, Any] | None:
    """Record of the first run that made the sources that are there now; none: it is not known."""
    from malca.datasets.digests import content_of
    from malca.tracking.record import RecordError, read_record, records_below

    content = content_of(project.path_of("sources"))
    folder = project.path_of("summary_page").parent
    for path in reversed(list(records_below(folder.parent))):
        if path.parent != folder:
            continue
        try:
            record = read_record(path)
        except RecordError:
            continue
        made = record.outputs.get("sources")
        if content is not None and made is not None and made.digest == content.digest:
            return record.model_dump(mode="json")
    return None


@bundle.command("import")
@click.argument("path", metavar="OUT.zip", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the project that takes it.  [default: this one]",
)
@click.option("--overwrite", is_flag=True, help="Replace other data of the same bin.")
@click.option("--env", metavar="NAME", help="Environment of conf/.  [default: local]")
@click.option(
    "--conf-source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the configuration.  [default: the project's conf]",
)
def import_bundle(
    path: Path, into: Path | None, overwrite: bool, env: str | None, conf_source: Path | None
) -> None:
    """Lay out what is in OUT.zip where this project's catalog keeps it.

    Then `kedro run --pipelines home` goes on with it.
    """
    from malca import __version__
    from malca.bundle import BundleError
    from malca.datasets.bundle_file import import_datasets, open_bundle

    try:
        with open_bundle(path, __version__) as opened:
            manifest = opened.manifest
            project = open_project(manifest.mag_bin, env, conf_source, into)
            report = import_datasets(opened, _targets(project, manifest), overwrite=overwrite)
            _keep_record(project, opened)
    except BundleError as error:
        raise Refusal(f"{path}: {error}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Refusal(f"{path} cannot be imported: {where}{error.strerror or error}") from None
    if not report.written:
        click.echo(f"bin {manifest.mag_bin}: all {len(report.same)} datasets are there already")
        return
    there = f", {len(report.same)} were there already" if report.same else ""
    click.echo(f"bin {manifest.mag_bin}: {len(report.written)} datasets imported{there}")
    click.echo(f"go on with: kedro run --pipelines home --params mag_bin={manifest.mag_bin}")


def _targets(project: Project, manifest: Manifest) -> dict[str, Any]:
    from malca.bundle import BundleError
    from malca.datasets.bundle_file import Target

    unknown = [
        name
        for name in manifest.datasets
        if not {"filepath", "path"} & set(project.entries.get(name, {}))
    ]
    if unknown:
        raise BundleError(f"it does not fit this project, whose catalog keeps no {', '.join(unknown)}")
    return {
        name: Target(project.path_of(name), "path" in project.entries[name])
        for name in manifest.datasets
    }


def _keep_record(project: Project, opened: BundleFile) -> None:
    """Keep the provenance beside the data, once."""
    from malca.bundle import to_json
    from malca.datasets.atomic import write_text

    provenance = {
        Path(member.path).stem: json.loads(opened.read(member))
        for member in opened.manifest.members
        if member.dataset is None
    }
    text = to_json({"manifest": opened.manifest.model_dump(), "provenance": provenance}).decode()
    path = project.path_of(_RECORD)
    if not (path.exists() and path.read_text(encoding="utf-8") == text):
        write_text(text, path)
