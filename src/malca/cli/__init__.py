"""The command ``malca``, and what ``kedro run`` does differently here.

Modules of this package import at most click and Kedro's configuration when they are imported;
what is heavy, a command imports when it is called.
"""

from __future__ import annotations

import logging
from typing import Any

import click

from malca.cli.bundle import bundle
from malca.cli.catalogs import catalogs
from malca.cli.lightcurves import events, fetch, plot, stats
from malca.cli.project import in_one_sentence
from malca.cli.runs import attrition, rerun, summary
from malca.cli.tables import characterize, classify, vet
from malca.magnitude_bins import split_bins

logger = logging.getLogger(__name__)


class _Run(click.Command):
    """`kedro run` that takes several bins, and tells a refused run in one sentence, no traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        given = (ctx.params.get("params") or {}).get("mag_bin")
        try:
            bins = split_bins(given) if isinstance(given, str) else ()
        except ValueError as error:
            raise click.ClickException(f"--params mag_bin: {error}") from None
        if len(bins) > 1:
            return self._one_after_the_other(ctx, bins)
        with in_one_sentence():
            return super().invoke(ctx)

    def _one_after_the_other(self, ctx: click.Context, bins: tuple[str, ...]) -> None:
        """Run a session a bin; one that fails does not keep the others from their turn."""
        failed: dict[str, str] = {}
        for mag_bin in bins:
            ctx.params["params"] = {**ctx.params["params"], "mag_bin": mag_bin}
            try:
                with in_one_sentence():
                    super().invoke(ctx)
            except click.ClickException as refusal:
                failed[mag_bin] = refusal.format_message()
            except Exception as error:
                logger.exception("bin %s", mag_bin)
                failed[mag_bin] = f"{type(error).__name__}: {error}"
        if failed:
            told = "; ".join(f"{mag_bin}: {reason}" for mag_bin, reason in failed.items())
            raise click.ClickException(f"{len(failed)} of {len(bins)} bins failed: {told}")


def _kedro_commands() -> click.Group:
    from kedro.framework.cli.project import run

    return click.Group("malca", [_Run("run", callback=run.callback, params=run.params, help=run.help)])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="malca")
def main() -> None:
    """Find stars that dim.

    Whole surveys are searched with `kedro run`. These commands take single files, or look at what
    a run has left.
    """


for _command in (
    events, plot, stats, fetch, attrition, summary, bundle, rerun, characterize, vet, classify,
    catalogs,
):  # fmt: skip
    main.add_command(_command)


def __getattr__(name: str) -> Any:
    # Kedro looks here for `cli`, the commands that replace its own; `malca` need not import Kedro.
    if name == "cli":
        return _kedro_commands()
    raise AttributeError(f"module 'malca.cli' has no attribute '{name}'")
