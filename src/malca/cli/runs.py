"""Commands that look at what a run has left: attrition, summary page; and one that repeats a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from malca.cli.project import Refusal, in_one_sentence, open_project, project_options

if TYPE_CHECKING:
    import pandas as pd

_FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
#: Counts of the attrition table and what they are called.
_COUNTS = {
    "n_in": "arrive", "n_passed": "passed", "n_unknown": "unknown", "n_failed": "failed",
    "n_stopped": "stopped", "n_out": "go on", "n_only": "by it alone",
}  # fmt: skip
_STAGES = {"search": "searched, with events", "candidates": "candidates"}


@click.command()
@project_options
@click.option(
    "--branch",
    type=click.Choice(["any", "dip", "jump"]),
    default="any",
    show_default=True,
    help="Count stars by their dips, their jumps, or either.",
)
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw it to this file (.png, .pdf, .svg), dips and jumps side by side.",
)
def attrition(
    mag_bin: str | None, env: str | None, conf_source: Path | None, branch: str, figure: Path | None
) -> None:
    """Show what each filter of a run stopped."""
    if figure is not None and figure.suffix not in _FIGURE_SUFFIXES:
        raise Refusal(f"--figure {figure}: give a name that ends in {', '.join(_FIGURE_SUFFIXES)}")
    project = open_project(mag_bin, env, conf_source)
    table = project.load("attrition", "filtering")
    _print_funnel(table[table["branch"] == branch], f"bin {project.mag_bin}, {branch}")
    if figure is not None:
        from malca.datasets.atomic import replacing
        from malca.plots.funnel import funnel_figure

        try:
            with replacing(figure) as partial:
                funnel_figure(table, title=f"What each filter stopped, bin {project.mag_bin}").savefig(
                    partial, dpi=150
                )
        except OSError as error:
            raise Refusal(f"{figure} cannot be written: {error.strerror or error}") from None
        click.echo(figure)


def _print_funnel(rows: pd.DataFrame, title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    shown.add_column("filter", no_wrap=True)
    for name in _COUNTS.values():
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        name = str(row["filter"]) or _STAGES.get(row["stage"], str(row["stage"]))
        marks = " (marks)" if row["action"] == "tag" else ""
        # Where nothing is judged the counts of outcomes would only repeat the others.
        counts = ("n_in", "n_out") if row["stage"] != "filter" else tuple(_COUNTS)
        shown.add_row(name + marks, *(f"{row[key]:,}" if key in counts else "" for key in _COUNTS))
    Console(width=None if Console().is_terminal else 110, highlight=False).print(shown)


@click.command()
@project_options
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@click.option("--dossiers", is_flag=True, help="The list of the candidates' own pages instead.")
def summary(
    mag_bin: str | None, env: str | None, conf_source: Path | None, show: bool, dossiers: bool
) -> None:
    """Tell where the summary page of a bin is, or open it."""
    project = open_project(mag_bin, env, conf_source)
    path, pipeline, what = project.path_of("summary_page"), "reporting", "summary page"
    if dossiers:
        path, pipeline, what = project.path_of("dossiers") / "index.html", "dossiers", "dossiers"
    if not path.exists():
        raise Refusal(
            f"bin {project.mag_bin} has no {what} at {path}: first "
            f"kedro run --pipelines {pipeline} --params mag_bin={project.mag_bin}"
        )
    click.echo(path)
    if show:
        click.launch(str(path))


@click.command()
@click.argument("run_id")
@click.option("--allow-different-code", is_flag=True, help="Go on where the code is another now.")
@click.option("--allow-different-inputs", is_flag=True, help="Go on where inputs have changed.")
@click.option(
    "--reuse", is_flag=True, help="Use partitions that are finished, instead of doing all again."
)
@click.option(
    "--conf-source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the configuration that says where records are.  [default: the project's conf]",
)
def rerun(
    run_id: str,
    allow_different_code: bool,
    allow_different_inputs: bool,
    reuse: bool,
    conf_source: Path | None,
) -> None:
    """Repeat a run from its record, and compare what it makes.

    RUN_ID is the id the run was recorded as, MLflow's id, the beginning of either, or the name of a
    record (run_….json). Exit code 1: the tables differ.
    """
    from malca.rerun import rerun as repeat

    with in_one_sentence():
        report = repeat(
            run_id,
            allow_different_code=allow_different_code,
            allow_different_inputs=allow_different_inputs,
            reuse=reuse,
            conf_source=conf_source,
        )
    click.echo(report.describe())
    if not report.equal:
        sys.exit(1)
