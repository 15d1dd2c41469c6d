"""A page of text, HTML for instance, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from malca.datasets.atomic import remove_abandoned, write_text


class PageDataset(AbstractDataset[str, str]):
    """UTF-8 text in one file, written whole or not at all.

    YAML
    ----
    ::

        summary_page:
          type: malca.datasets.pages.PageDataset
          filepath: data/08_reporting/13_13.5/summary.html

    Python
    ------
    >>> PageDataset(filepath="summary.html").save("<!DOCTYPE html>")  # doctest: +SKIP
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(filepath)
        self.metadata = metadata

    def save(self, data: str) -> None:
        write_text(data, self._path)

    def load(self) -> str:
        return self._path.read_text(encoding="utf-8")

    def check(self) -> None:
        """Refuse, before work starts, a page that is not there."""
        if not self._path.exists():
            raise DatasetError(f"there is no {self._path}: run the pipeline that makes it first")

    def remove_leftovers(self) -> None:
        """Remove what killed runs left half written."""
        remove_abandoned(self._path)

    def _exists(self) -> bool:
        return self._path.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._path)}
