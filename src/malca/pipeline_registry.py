"""Which pipelines there are, what runs by default, and where a run may be cut in two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

from kedro.pipeline import Pipeline

#: Tag of nodes of ``AFTER`` that work through many light curves, and so belong where the survey is.
RAW = "raw"
#: What a run begins with, where the survey is.
BEFORE = ("ingest", "detection")
#: What follows from tables, in order, where people look at the result.
AFTER = ("filtering", "characterization", "vetting", "classification", "reporting", "dossiers")
#: The default run, in order: from raw light curves to classified candidates and the pages about them.
DEFAULT = (*BEFORE, *AFTER)
#: Pipelines whose nodes are shown in another one's box: dossiers take pictures from reporting, and its
#: summary page leads to them.
_WITHIN = {"dossiers": "reporting"}


def register_pipelines() -> Mapping[str, Pipeline]:
    """Every pipeline by name: the folders of ``malca.pipelines``, and those joined from them.

    ``__default__`` is the whole of ``DEFAULT``. ``cluster`` and ``home`` are the same cut in two:
    ``cluster`` holds what needs the survey (``BEFORE``, and of ``AFTER`` the nodes tagged ``RAW``
    with those of their pipeline that they wait for), ``home`` the rest, which needs only what
    ``malca bundle`` carries.

    A pipeline is also the namespace of its nodes, so that Kedro-Viz can show it as one box; datasets
    and parameters have no namespace, for pipelines meet in them.
    """
    return _Pipelines()


class _Pipelines(Mapping[str, Pipeline]):
    """Pipelines, each imported when it is asked for: a run pays only for what it names."""

    def __init__(self) -> None:
        self._joined: dict[str, Callable[[], Pipeline]] = {
            "__default__": lambda: _sum(self[name] for name in DEFAULT),
            "cluster": lambda: _sum(
                [*(self[name] for name in BEFORE), *(_raw(self[name]) for name in AFTER)]
            ),
            "home": lambda: _sum(self[name] - _raw(self[name]) for name in AFTER),
        }
        folder = Path(__file__).parent / "pipelines"
        self._names = sorted(path.parent.name for path in folder.glob("*/__init__.py"))
        self._made: dict[str, Pipeline] = {}

    def __getitem__(self, name: str) -> Pipeline:
        if name not in self._made:
            if name in self._joined:
                self._made[name] = self._joined[name]()
            elif name in self._names:
                nodes = import_module(f"malca.pipelines.{name}").create_pipeline()
                self._made[name] = Pipeline(
                    nodes, namespace=_WITHIN.get(name, name), prefix_datasets_with_namespace=False
                )
            else:
                raise KeyError(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._joined, *self._names])

    def __len__(self) -> int:
        return len(self._joined) + len(self._names)


def _sum(pipelines: Iterator[Pipeline] | list[Pipeline]) -> Pipeline:
    return sum(pipelines, Pipeline([]))


def _raw(pipeline: Pipeline) -> Pipeline:
    """Nodes tagged ``RAW``, and those of the pipeline that make what they take."""
    names = [node.name for node in pipeline.only_nodes_with_tags(RAW).nodes]
    return pipeline.to_nodes(*names) if names else Pipeline([])
