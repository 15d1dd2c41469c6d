"""The command ``malca``, and what ``kedro run`` does differently here.

Modules of this package import at most click and Kedro's configuration when they are imported;
what is heavy, a command imports when it is called.
"""

from __future__ import annotations

from typing import Any

import click

from malca.cli.bundle import bundle
from malca.cli.lightcurves import events, fetch, plot, stats
from malca.cli.project import in_one_sentence
from malca.cli.runs import attrition, rerun, summary


class _Run(click.Command):
    """`kedro run` that tells a refused run in one sentence, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        with in_one_sentence():
            return super().invoke(ctx)


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


for _command in (events, plot, stats, fetch, attrition, summary, bundle, rerun):
    main.add_command(_command)


def __getattr__(name: str) -> Any:
    # Kedro looks here for `cli`, the commands that replace its own; `malca` need not import Kedro.
    if name == "cli":
        return _kedro_commands()
    raise AttributeError(f"module 'malca.cli' has no attribute '{name}'")
