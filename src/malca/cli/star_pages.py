"""Dossiers of the stars of a table of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from malca.cli.project import Refusal

if TYPE_CHECKING:
    import pandas as pd

_OURS = '<meta name="generator" content="MALCA'
_HEAD_CHARACTERS = 2000


def refuse_foreign_pages(folder: Path) -> None:
    """Refuse a folder with pages of others in it: pages that are no star's are removed there.

    Raises
    ------
    Refusal
        There are such pages.
    """
    for path in folder.glob("*.html") if folder.is_dir() else ():
        with path.open(encoding="utf-8", errors="replace") as file:
            if _OURS not in file.read(_HEAD_CHARACTERS):
                raise Refusal(f"{path} is no page of MALCA: name a folder for the dossiers alone")


def write_star_pages(folder: Path, table: pd.DataFrame, listed: Mapping[str, pd.DataFrame]) -> None:
    """Write a page a star and the page that leads to them.

    Parameters
    ----------
    folder : Path
    table : DataFrame
        Of characterized, vetted or classified stars, in the order of the list.
    listed : mapping of str to DataFrame
        ``neighbours`` and ``spectra``, where there are any.
    """
    from malca import __version__
    from malca.datasets.pages import PageFolder
    from malca.plots.dossier import dossier_page, page_name
    from malca.plots.dossier_index import index_page
    from malca.plots.dossier_panels import Background

    background = Background.of(table)
    own = {name: dict(iter(rows.groupby("asas_sn_id"))) for name, rows in listed.items()}
    none = {name: rows.iloc[:0] for name, rows in listed.items()}

    def page(row: int) -> Callable[[], str]:
        def write() -> str:
            star = table.iloc[row]
            lists = {name: own[name].get(int(star["asas_sn_id"]), none[name]) for name in own}
            return dossier_page(
                star,
                background,
                picture=None,
                absent="a table of stars has no light curves",
                index="index.html",
                version=__version__,
                **lists,
            )

        return write

    pages: dict[str, str | Callable[[], str]] = {
        page_name(int(star)): page(row) for row, star in enumerate(table["asas_sn_id"])
    }
    pages["index"] = index_page(table, __version__)
    PageFolder(path=str(folder)).save(pages)
