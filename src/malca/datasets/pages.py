"""Pages of HTML: one as a file, many as a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from malca.datasets.atomic import remove_abandoned, write_text
from malca.progress import Progress


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


class PageFolder(AbstractDataset[Mapping[str, str | Callable[[], str]], list[str]]):
    """HTML files of one folder; what makes a page is called when it is written, one at a time.

    Pages of an earlier save that are not among the new ones are removed. Loading gives the names,
    without suffix.

    YAML
    ----
    ::

        dossiers:
          type: malca.datasets.pages.PageFolder
          path: data/08_reporting/13_13.5/dossiers

    Python
    ------
    >>> PageFolder(path="dossiers").save({"index": "<!DOCTYPE html>"})  # doctest: +SKIP
    """

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(path)
        self.metadata = metadata

    def save(self, data: Mapping[str, str | Callable[[], str]]) -> None:
        wrong = [name for name in data if not name or "/" in name or name.startswith(".")]
        if wrong:
            raise DatasetError(f"'{wrong[0]}' cannot be the name of a file")
        progress = Progress(self._folder.name, len(data), "pages")
        for name in data:
            page = data[name]
            write_text(page if isinstance(page, str) else page(), self._folder / f"{name}.html")
            progress.advance()
        for path in self._folder.glob("*.html"):
            if path.stem not in data:
                path.unlink()
        progress.finish()

    def load(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.html"))

    def remove_leftovers(self) -> None:
        """Remove what killed runs left half written."""
        for name in self.load():
            remove_abandoned(self._folder / f"{name}.html")

    def _exists(self) -> bool:
        return (self._folder / "index.html").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._folder)}
