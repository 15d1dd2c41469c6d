"""``malca plot --candidates``: figures of all candidates of a bin, several at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from malca.cli.project import Project, Refusal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from malca.lightcurves import LightCurves
    from malca.plots.candidates import Fact

#: What a figure's own metadata call its fingerprint.
_MARK = "malca-figure:"


@dataclass(frozen=True)
class _Job:
    """Everything one figure needs; it goes to another process."""

    lightcurve: LightCurves
    baseline: tuple[np.ndarray, np.ndarray, np.ndarray]
    events: pd.DataFrame
    verdicts: pd.DataFrame
    facts: list[Fact]
    period_days: float | None
    paths: tuple[Path, ...]
    mark: str


def draw_candidates(
    project: Project,
    output: Path | None,
    formats: Sequence[str],
    max_figures: int | None,
    workers: int,
    overwrite: bool,
) -> bool:
    """Draw the candidates of a bin, best first; those that are drawn already are left.

    Returns
    -------
    bool
        Whether every candidate that was asked for has its figures now.
    """
    from malca.plots.candidates import rank_candidates

    candidates = project.load("candidates", "filtering")
    chosen = rank_candidates(candidates).head(
        max_figures if max_figures is not None else len(candidates)
    )
    folder = output or project.path_of("summary_page").parent / "candidates"
    folder.mkdir(parents=True, exist_ok=True)
    if "html" in formats:
        _put_plotly(folder)
    planned = _Plan(project, chosen, folder, tuple(formats), overwrite)
    n_drawn, failed = 0, []
    for job, error in _work(planned, workers):
        if error is None:
            n_drawn += 1
            for path in job.paths:
                click.echo(path)
        else:
            failed.append(error)
            click.echo(f"{job.paths[0].stem}: {error}", err=True)
    said = [f"{n_drawn} of {len(chosen)} candidates drawn"]
    if planned.n_there:
        said.append(f"{planned.n_there} were there already")
    if planned.absent:
        said.append(f"{len(planned.absent)} without a light curve here: {_few(planned.absent)}")
    if failed:
        said.append(f"{len(failed)} failed")
    if strangers := _strangers(folder, set(candidates["asas_sn_id"].astype(str))):
        said.append(f"{strangers} figures in the folder are of stars that are no candidates now")
    click.echo(f"bin {project.mag_bin}: {'; '.join(said)}", err=True)
    return not failed and not planned.absent


def _put_plotly(folder: Path) -> None:
    """Put plotly's script beside the pages, once for all: it is larger than all they hold."""
    from plotly.offline import get_plotlyjs

    from malca.datasets.atomic import write_text

    path, script = folder / "plotly.min.js", get_plotlyjs()
    if not (path.exists() and path.read_text(encoding="utf-8") == script):
        write_text(script, path)


def _few(stars: list[int]) -> str:
    return ", ".join(str(star) for star in stars[:5]) + (" …" if len(stars) > 5 else "")


def _strangers(folder: Path, candidates: set[str]) -> int:
    return sum(
        path.stem.isdigit() and path.stem not in candidates
        for path in folder.iterdir()
        if path.suffix[1:] in {"png", "pdf", "svg", "html"}
    )


class _Plan:
    """Jobs of the figures that are not there yet, made partition by partition."""

    def __init__(
        self,
        project: Project,
        chosen: pd.DataFrame,
        folder: Path,
        formats: tuple[str, ...],
        overwrite: bool,
    ) -> None:
        from malca.plots.candidates import filter_names
        from malca.search.parameters import DetectionParameters

        self.chosen, self.folder, self.formats, self.overwrite = chosen, folder, formats, overwrite
        self.detection = DetectionParameters.model_validate(project.parameters["detection"])
        self.events = project.load("events", "detection")
        self.rejections = project.load("rejections", "filtering")
        self.filters = filter_names(project.load("attrition", "filtering"))
        self.lightcurves = project.load("lightcurves", "ingest")
        manifest = project.load("manifest", "ingest")
        here = manifest["asas_sn_id"].isin(chosen["asas_sn_id"])
        self.partition = manifest[here].set_index("asas_sn_id")["partition"]
        self.n_there = 0
        self.absent: list[int] = []

    def __iter__(self) -> Iterator[_Job]:
        by_partition: dict[Any, list[dict[str, Any]]] = {}
        for row in self.chosen.to_dict("records"):
            by_partition.setdefault(self.partition.get(row["asas_sn_id"]), []).append(row)
        for key, rows in by_partition.items():
            if key in self.lightcurves.fingerprints:
                yield from self._of_partition(key, rows)
            else:
                self.absent += [int(row["asas_sn_id"]) for row in rows]

    def _of_partition(self, key: str, rows: list[dict[str, Any]]) -> Iterator[_Job]:
        import numpy as np
        import pandas as pd

        from malca.lightcurves import LightCurves
        from malca.plots.candidates import facts_of, fit_baselines, verdicts_of

        todo = {}
        for row in rows:
            star = int(row["asas_sn_id"])
            candidate = pd.Series(row, dtype=object)
            tables = {
                "events": self.events[self.events["asas_sn_id"] == star].reset_index(drop=True),
                "verdicts": verdicts_of(
                    str(row["passed_branch"]),
                    self.rejections[self.rejections["asas_sn_id"] == star],
                    self.filters,
                ),
            }
            facts = facts_of(candidate)
            mark = self._mark(key, row, tables, facts)
            paths = tuple(self.folder / f"{star}.{form}" for form in self.formats)
            missing = tuple(path for path in paths if self.overwrite or not _carries(path, mark))
            if missing:
                todo[star] = (row, tables, facts, missing, mark)
            else:
                self.n_there += 1
        if not todo:
            return
        batch = LightCurves.from_table(self.lightcurves["lightcurves"][key]())
        batch = batch.take(np.flatnonzero(batch.stars["asas_sn_id"].isin(todo)))
        here = [int(star) for star in batch.stars["asas_sn_id"]]
        self.absent += [star for star in todo if star not in here]
        if not here:
            return
        cameras = pd.Series({star: todo[star][0].get("excluded_cameras") for star in here}, dtype="str")
        baselines = fit_baselines(batch, self.detection.search, cameras)
        for i, star in enumerate(here):
            row, tables, facts, missing, mark = todo[star]
            period = row.get("period_consensus_days")
            yield _Job(
                lightcurve=batch.take([i]),
                baseline=baselines[i],
                facts=facts,
                period_days=float(period) if period is not None and not pd.isna(period) else None,
                paths=missing,
                mark=mark,
                **tables,
            )

    def _mark(self, key: str, row: dict[str, Any], tables: dict[str, Any], facts: list[Fact]) -> str:
        from malca.partitions import fingerprint
        from malca.plots.candidates import drawing_fingerprint

        return _MARK + fingerprint(
            self.lightcurves.fingerprints[key], *tables.values(), [list(fact) for fact in facts],
            row.get("excluded_cameras"), row.get("period_consensus_days"), self.detection,
            drawing_fingerprint(),
        )  # fmt: skip


def _carries(path: Path, mark: str) -> bool:
    return path.is_file() and mark.encode() in path.read_bytes()


def _work(plan: _Plan, workers: int) -> Iterator[tuple[_Job, str | None]]:
    """Draw, a few figures ahead of what is told; matplotlib holds the GIL, so in processes."""
    import os
    from collections import deque
    from concurrent.futures import Future, ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1 or len(plan.chosen) <= 2:
        for job in plan:
            yield job, _draw(job)
        return
    waiting: deque[tuple[_Job, Future[str | None]]] = deque()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        try:
            for job in plan:
                waiting.append((job, pool.submit(_draw, job)))
                if len(waiting) > 4 * workers:
                    first, result = waiting.popleft()
                    yield first, result.result()
            while waiting:
                first, result = waiting.popleft()
                yield first, result.result()
        except BrokenProcessPool:
            raise Refusal(
                "a process that drew figures was killed, perhaps for want of memory: call the command "
                "again, with --workers 1; it goes on where it stopped"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _draw(job: _Job) -> str | None:
    """Write one candidate's figures; the error's text where that failed."""
    from malca.datasets.atomic import replacing
    from malca.plots.candidates import plot_candidate

    try:
        figure = None
        for path in job.paths:
            form = path.suffix[1:]
            with replacing(path) as partial:
                if form == "html":
                    partial.write_text(_page(job), encoding="utf-8")
                    continue
                if figure is None:
                    figure = plot_candidate(
                        job.lightcurve, 0, job.verdicts, job.facts, baseline=job.baseline,
                        events=job.events, period_days=job.period_days,
                    )  # fmt: skip
                figure.savefig(partial, dpi=130, metadata=_metadata(form, job.mark))
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _metadata(form: str, mark: str) -> dict[str, Any]:
    """Metadata of a figure: its mark, and no date, so that the same figure is the same file."""
    if form == "png":
        return {"Software": None, "MALCA": mark}
    if form == "pdf":
        return {"CreationDate": None, "Keywords": mark}
    return {"Date": None, "Keywords": [mark]}


def _page(job: _Job) -> str:
    from markupsafe import Markup

    from malca import __version__
    from malca.plots.candidates import candidate_title, shown_verdicts
    from malca.plots.interactive import interactive_lightcurve
    from malca.plots.pages import PLOTLY_CONFIG, render

    figure = interactive_lightcurve(
        job.lightcurve, 0, baseline=job.baseline, events=job.events, period_days=job.period_days
    )
    title = candidate_title(int(job.lightcurve.stars["asas_sn_id"].iloc[0]))
    return render(
        "candidate.html.j2",
        version=__version__,
        mark=job.mark,
        title=title,
        figure=Markup(
            figure.to_html(
                full_html=False,
                include_plotlyjs="directory",
                div_id="lightcurve",
                config=PLOTLY_CONFIG,
            )
        ),
        rows=shown_verdicts(job.verdicts),
        facts=job.facts,
    )
