"""A folder of figures, as many as there are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from matplotlib.figure import Figure

from malca.datasets.atomic import replacing


class FigureFolder(AbstractDataset[Mapping[str, Figure], list[str]]):
    """PNG files of one folder, a figure each; those of an earlier save are removed.

    Loading gives the names, without suffix.

    YAML
    ----
    ::

        reproduction_figures:
          type: malca.datasets.figure_folder.FigureFolder
          path: data/08_reporting/13_13.5/reproduction

    Python
    ------
    >>> FigureFolder(path="figures").save({"star 1": figure})  # doctest: +SKIP
    """

    def __init__(
        self, *, path: str, dpi: float = 110.0, metadata: dict[str, Any] | None = None
    ) -> None:
        self._folder = Path(path)
        self._dpi = dpi
        self.metadata = metadata

    def save(self, data: Mapping[str, Figure]) -> None:
        wrong = [name for name in data if not name or "/" in name or name.startswith(".")]
        if wrong:
            raise DatasetError(f"'{wrong[0]}' cannot be the name of a file")
        self._folder.mkdir(parents=True, exist_ok=True)
        for name, figure in data.items():
            with replacing(self._folder / f"{name}.png") as partial:
                figure.savefig(partial, dpi=self._dpi)
        for path in self._folder.glob("*.png"):
            if path.stem not in data:
                path.unlink()

    def load(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.png"))

    def _exists(self) -> bool:
        return self._folder.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}
