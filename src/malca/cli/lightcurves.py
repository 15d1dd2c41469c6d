"""Commands for people with a few light curves: no project set-up needed."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import Any

import click

from malca.cli.project import Refusal, open_project, project_options

_FORMATS = ("png", "pdf", "svg", "html")


def _search_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--baseline",
                type=click.Choice(["star_gp", "gp", "gp_masked", "trend", "median"]),
                help="What a star shows without events.  [default: star_gp]",
            ),
            click.option(
                "--trigger-mode",
                type=click.Choice(["event", "posterior_prob", "logbf"]),
                help="Judge whole events, or points.  [default: event]",
            ),
            click.option("--p-points", type=int, help="Grid points of the baseline's share of points."),
            click.option("--mag-points", type=int, help="Grid points of the event's offset."),
            click.option("--min-mag-offset", type=float, help="Least depth of an event, mag."),
            click.option("--good-only", is_flag=True, help="Leave out points the survey flags as bad."),
            click.option(
                "--set",
                "settings",
                multiple=True,
                metavar="NAME=VALUE",
                help="Any other parameter, for instance event.threshold_sigma=8; may be repeated.",
            ),
            click.option("--workers", type=int, default=0, help="Threads; 0 takes every core."),
        )
    ):
        command = option(command)
    return command


def _parameters(options: dict[str, Any]) -> Any:
    import yaml

    from malca.search.parameters import search_parameters

    names = ("baseline", "trigger_mode", "p_points", "mag_points", "min_mag_offset")
    changes = {name: options[name] for name in names if options[name] is not None}
    if options["good_only"]:
        changes["use_bad_quality"] = False
    for setting in options["settings"]:
        name, equals, value = setting.partition("=")
        if not equals:
            raise Refusal(f"--set {setting}: write NAME=VALUE")
        changes[name.strip()] = yaml.safe_load(value)
    try:
        return search_parameters(changes)
    except ValueError as error:
        raise Refusal(f"on the command line: {error}") from None


def _read(patterns: tuple[str, ...]) -> Any:
    """Light curves of all files that the patterns name."""
    from malca.datasets.readers import read_lightcurves

    paths: dict[str, None] = {}
    for pattern in patterns:
        if Path(pattern).is_dir():
            raise Refusal(f"{pattern} is a folder: name its files, for instance '{pattern}/*.csv'")
        found = sorted(glob.glob(pattern, recursive=True))
        if not found:
            raise Refusal(f"no file matches {pattern}")
        paths.update(dict.fromkeys(found))
    return read_lightcurves(list(paths))


def _tell_failures(failures: Any) -> None:
    for row in failures.itertuples():
        detail = f": {row.detail}" if row.detail else ""
        click.echo(f"{row.source}: {row.reason}{detail}", err=True)


@click.command()
@click.option("--input", "-i", "inputs", multiple=True, metavar="FILE|PATTERN", help="May be repeated.")
@click.argument("more", nargs=-1, metavar="[FILE|PATTERN]...")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), help="A .parquet file.")
@_search_options
def events(inputs: tuple[str, ...], more: tuple[str, ...], output: Path, **options: Any) -> None:
    """Search light curves: sources to OUTPUT, events to OUTPUT's name with _events.

    Reads .dat2, Sky Patrol V2 and V1 CSV, and CSVs of the skypatrol package.
    """
    import pyarrow as pa

    from malca.datasets.tables import write_atomically
    from malca.search.detect import detect_events

    if output.suffix != ".parquet":
        raise Refusal(f"--output {output}: the tables are Parquet, give a name that ends in .parquet")
    parameters = _parameters(options)
    lightcurves = _read(inputs + more)
    found = detect_events(lightcurves, parameters, workers=options["workers"])
    failures = found.failures
    tables = {"": found.sources, "_events": found.events}
    if len(failures):
        tables["_failures"] = failures
    for suffix, table in tables.items():
        path = output.with_name(f"{output.stem}{suffix}.parquet")
        write_atomically(pa.Table.from_pandas(table, preserve_index=False), path)
    dips = found.events[found.events["kind"] == "dip"]
    click.echo(
        f"{len(found.sources)} stars searched, {dips['name'].nunique()} with dips ({len(dips)}), "
        f"{len(found.events) - len(dips)} jumps, {len(failures)} failures"
    )
    for event in found.events.sort_values("ln_bf", ascending=False).head(20).itertuples():
        click.echo(
            f"  {event.name:32s} {event.kind:4s} JD {event.jd_start:.1f} to {event.jd_end:.1f}  "
            f"{event.depth_mag:.2f} mag  ln BF {event.ln_bf:.0f}  {event.morphology}"
        )
    click.echo(f"sources: {output}\nevents:  {output.with_name(f'{output.stem}_events.parquet')}")
    if len(failures):
        _tell_failures(failures)
        click.echo(f"failures: {output.with_name(f'{output.stem}_failures.parquet')}", err=True)
    if not len(found.sources):
        sys.exit(1)


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE|PATTERN]...")
@click.option("--candidates", is_flag=True, help="Draw the candidates of a bin instead of files.")
@click.option(
    "--max",
    "max_figures",
    type=click.IntRange(min=0),
    help="With --candidates: only so many, the best.",
)
@click.option("--overwrite", is_flag=True, help="With --candidates: draw again what is there.")
@project_options
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the figures.  [default: this one; of candidates: beside the summary page]",
)
@click.option("--format", "formats", multiple=True, type=click.Choice(_FORMATS), help="[default: png]")
@click.option("--period", type=float, help="Adds a panel folded on this period, d.")
@_search_options
def plot(
    files: tuple[str, ...],
    candidates: bool,
    max_figures: int | None,
    overwrite: bool,
    mag_bin: str | None,
    env: str | None,
    conf_source: Path | None,
    output: Path | None,
    formats: tuple[str, ...],
    period: float | None,
    **options: Any,
) -> None:
    """Draw light curves with their baseline and events, or the candidates of a run.

    With --candidates each figure also shows what every filter said. Figures that are up to date
    are left, so the command may be stopped and called again.
    """
    if candidates:
        from malca.cli.candidates import draw_candidates

        _refuse_together(files, period, options)
        project = open_project(mag_bin, env, conf_source)
        complete = draw_candidates(
            project, output, formats or ("png",), max_figures, options["workers"], overwrite
        )
        if not complete:
            sys.exit(1)
        return
    if max_figures is not None or overwrite or mag_bin or env or conf_source:
        raise Refusal("--max, --overwrite, --mag-bin, --env and --conf-source go with --candidates")
    if not files:
        raise Refusal("name light curves, or --candidates")
    _plot_files(files, output or Path(), formats, period, options)


def _refuse_together(files: tuple[str, ...], period: float | None, options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value and name != "workers"]
    if files or period or given:
        raise Refusal(
            "--candidates draws what a run found, with the parameters of conf/: give no files, no "
            "period and no parameters of the search with it"
        )


def _plot_files(
    files: tuple[str, ...],
    output: Path,
    formats: tuple[str, ...],
    period: float | None,
    options: dict[str, Any],
) -> None:
    from malca.plots.interactive import interactive_lightcurve
    from malca.plots.lightcurve import plot_lightcurve
    from malca.plots.pages import PLOTLY_CONFIG
    from malca.plots.style import baseline_arrays
    from malca.search.detect import detect_events

    lightcurves = _read(files)
    found = detect_events(lightcurves, _parameters(options), workers=options["workers"])
    output.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(lightcurves.stars["name"]):
        baseline = baseline_arrays(found.points, found.baseline.mean, lightcurves, i)
        own = found.events[found.events["name"] == name]
        shown = {
            "baseline": baseline if len(baseline[0]) else None,
            "events": own,
            "period_days": period,
        }
        for form in formats or ("png",):
            path = output / f"{name}.{form}"
            if form == "html":
                page = interactive_lightcurve(lightcurves, i, **shown)
                page.write_html(path, include_plotlyjs=True, config=PLOTLY_CONFIG)
            else:
                plot_lightcurve(lightcurves, i, **shown).savefig(path, dpi=150)
            click.echo(path)
    _tell_failures(lightcurves.failures)
    if not len(lightcurves):
        sys.exit(1)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|PATTERN...")
@click.option("--lomb-scargle", is_flag=True, help="Also search for periods.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write the summaries here (.parquet)."
)
@click.option("--good-only", is_flag=True, help="Leave out points the survey flags as bad.")
def stats(files: tuple[str, ...], lomb_scargle: bool, output: Path | None, good_only: bool) -> None:
    """Describe light curves: cadence, photometry, variability, cameras, seasons."""
    from malca.search.describe import describe_star, format_description

    lightcurves = _read(files)
    if output is not None:
        import pyarrow as pa

        from malca.datasets.tables import write_atomically
        from malca.search.statistics import star_statistics

        table = star_statistics(lightcurves, use_bad_quality=not good_only)
        write_atomically(pa.Table.from_pandas(table, preserve_index=False), output)
        click.echo(f"{len(table)} stars: {output}")
    else:
        for i in range(len(lightcurves)):
            click.echo(
                format_description(
                    describe_star(lightcurves, i, lomb_scargle, use_bad_quality=not good_only)
                )
            )
    _tell_failures(lightcurves.failures)
    if not len(lightcurves):
        sys.exit(1)


@click.command()
@click.option("--asas-sn-id", "asas_sn_ids", multiple=True, type=int, help="May be repeated.")
@click.option(
    "--gaia-id", "gaia_ids", multiple=True, type=int, help="Gaia DR2 source; may be repeated."
)
@click.option(
    "--at", "positions", multiple=True, type=(float, float), metavar="RA DEC", help="Degrees."
)
@click.option("--radius", default=5.0, help="How far from a position the star may lie, arcsec.")
@click.option(
    "--output", "-o", default=".", type=click.Path(path_type=Path), help="Folder of the files."
)
@click.option("--overwrite", is_flag=True, help="Fetch again what is there.")
def fetch(
    asas_sn_ids: tuple[int, ...],
    gaia_ids: tuple[int, ...],
    positions: tuple[tuple[float, float], ...],
    radius: float,
    output: Path,
    overwrite: bool,
) -> None:
    """Fetch light curves from Sky Patrol by ASAS-SN id, Gaia id or position."""
    from malca.datasets.skypatrol_service import FAILED, Target, fetch_lightcurves

    targets = [
        *(Target(asas_sn_id=number) for number in asas_sn_ids),
        *(Target(gaia_id=number) for number in gaia_ids),
        *(Target(ra_deg=ra, dec_deg=dec) for ra, dec in positions),
    ]
    if not targets:
        raise Refusal("name at least one star: --asas-sn-id, --gaia-id or --at RA DEC")
    try:
        table = fetch_lightcurves(targets, output, radius_arcsec=radius, overwrite=overwrite)
    except (ImportError, ValueError) as error:
        raise Refusal(str(error)) from None
    for row in table.itertuples():
        click.echo(f"{row.target}: {row.outcome} {row.path or ''} {row.reason or ''}".rstrip())
    if (table["outcome"] == FAILED).any():
        sys.exit(1)
