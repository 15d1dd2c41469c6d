"""The command ``malca``: for people with a few light curves, no project set-up needed."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import Any

import click

_FORMATS = ("png", "pdf", "svg", "html")


class _Run(click.Command):
    """`kedro run` that tells a refused run in one sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from kedro.framework.context import KedroContextError
        from kedro.validation.exceptions import ParameterValidationError
        from omegaconf.errors import OmegaConfBaseException

        from malca.hooks import RefusedError

        try:
            return super().invoke(ctx)
        except ParameterValidationError as error:
            # Kedro renders pydantic's report; its links and line breaks say nothing to a user.
            lines = [line.strip(" -") for line in str(error).splitlines() if "https://" not in line]
            raise click.ClickException(
                f"{' '.join(lines)} (from conf/ or --params; what there is: docs/user_guide.md)"
            ) from None
        except (RefusedError, KedroContextError) as error:
            raise click.ClickException(str(error)) from None
        except OmegaConfBaseException as error:
            # The resolver's own sentence stands first; what follows says where it was called.
            raise click.ClickException(str(error).splitlines()[0]) from None


def _kedro_commands() -> click.Group:
    from kedro.framework.cli.project import run

    return click.Group("malca", [_Run("run", callback=run.callback, params=run.params, help=run.help)])


class _Refusal(click.ClickException):
    """One clear sentence and exit code 2."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="malca")
def main() -> None:
    """Find stars that dim.

    Whole surveys are searched with `kedro run`; these commands take single files.
    """


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
            raise _Refusal(f"--set {setting}: write NAME=VALUE")
        changes[name.strip()] = yaml.safe_load(value)
    try:
        return search_parameters(changes)
    except ValueError as error:
        raise _Refusal(f"on the command line: {error}") from None


def _read(patterns: tuple[str, ...]) -> Any:
    """Light curves of all files that the patterns name."""
    from malca.datasets.readers import read_lightcurves

    paths: dict[str, None] = {}
    for pattern in patterns:
        if Path(pattern).is_dir():
            raise _Refusal(f"{pattern} is a folder: name its files, for instance '{pattern}/*.csv'")
        found = sorted(glob.glob(pattern, recursive=True))
        if not found:
            raise _Refusal(f"no file matches {pattern}")
        paths.update(dict.fromkeys(found))
    return read_lightcurves(list(paths))


def _tell_failures(failures: Any) -> None:
    for row in failures.itertuples():
        detail = f": {row.detail}" if row.detail else ""
        click.echo(f"{row.source}: {row.reason}{detail}", err=True)


@main.command()
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
        raise _Refusal(f"--output {output}: the tables are Parquet, give a name that ends in .parquet")
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


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|PATTERN...")
@click.option(
    "--output", "-o", default=".", type=click.Path(path_type=Path), help="Folder of the figures."
)
@click.option("--format", "formats", multiple=True, type=click.Choice(_FORMATS), help="[default: png]")
@click.option("--period", type=float, help="Adds a panel folded on this period, d.")
@_search_options
def plot(
    files: tuple[str, ...], output: Path, formats: tuple[str, ...], period: float | None, **options: Any
) -> None:
    """Draw light curves with their baseline and events."""
    from malca.plots.interactive import interactive_lightcurve
    from malca.plots.lightcurve import plot_lightcurve
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
                interactive_lightcurve(lightcurves, i, **shown).write_html(path, include_plotlyjs=True)
            else:
                plot_lightcurve(lightcurves, i, **shown).savefig(path, dpi=150)
            click.echo(path)
    _tell_failures(lightcurves.failures)
    if not len(lightcurves):
        sys.exit(1)


@main.command()
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


@main.command()
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
        raise _Refusal("name at least one star: --asas-sn-id, --gaia-id or --at RA DEC")
    try:
        table = fetch_lightcurves(targets, output, radius_arcsec=radius, overwrite=overwrite)
    except (ImportError, ValueError) as error:
        raise _Refusal(str(error)) from None
    for row in table.itertuples():
        click.echo(f"{row.target}: {row.outcome} {row.path or ''} {row.reason or ''}".rstrip())
    if (table["outcome"] == FAILED).any():
        sys.exit(1)


def __getattr__(name: str) -> Any:
    # Kedro looks here for `cli`, the commands that replace its own; `malca` need not import Kedro.
    if name == "cli":
        return _kedro_commands()
    raise AttributeError(f"module 'malca.cli' has no attribute '{name}'")
