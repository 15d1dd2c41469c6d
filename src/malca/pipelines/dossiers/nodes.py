"""Write the pages about the candidates, and the table that is passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from malca import __version__
from malca.descriptions.all_columns import DESCRIPTIONS
from malca.plots.candidates import filter_names, rank_candidates, verdicts_of
from malca.plots.dossier import dossier_page, page_name
from malca.plots.dossier_index import index_page
from malca.plots.dossier_panels import Background
from malca.reporting_parameters import ReportingParameters


def write_dossiers(
    classified: pd.DataFrame,
    neighbours: pd.DataFrame,
    spectra: pd.DataFrame,
    rejections: pd.DataFrame,
    attrition: pd.DataFrame,
    candidate_pictures: Any,
    reporting: ReportingParameters,
) -> Mapping[str, str | Callable[[], str]]:
    """Plan the pages: each is written when it is saved, so that one is in memory at a time.

    Returns
    -------
    mapping
        By file name without suffix, ``index`` among them, the page or what makes it.
    """
    ranked = rank_candidates(classified)
    chosen = ranked if reporting.n_dossiers is None else ranked.head(reporting.n_dossiers)
    return _Pages(
        chosen,
        Background.of(classified),
        {
            "neighbours": dict(iter(neighbours.groupby("asas_sn_id"))),
            "spectra": dict(iter(spectra.groupby("asas_sn_id"))),
            "rejections": dict(iter(rejections.groupby("asas_sn_id"))),
        },
        rejections.iloc[:0],
        filter_names(attrition),
        candidate_pictures,
    )


class _Pages(Mapping[str, "str | Callable[[], str]"]):
    """Pages by name, made one at a time."""

    def __init__(
        self,
        stars: pd.DataFrame,
        background: Background,
        own: dict[str, dict[Any, pd.DataFrame]],
        no_rejections: pd.DataFrame,
        filters: list[str],
        pictures: Any,
    ) -> None:
        self._stars, self._background, self._own = stars, background, own
        self._none, self._filters = no_rejections, filters
        self._pictures = pictures["pictures"]
        self._rows = {page_name(int(star)): k for k, star in enumerate(stars["asas_sn_id"])}

    def __iter__(self) -> Iterator[str]:
        yield from self._rows
        yield "index"

    def __len__(self) -> int:
        return len(self._rows) + 1

    def __getitem__(self, name: str) -> str | Callable[[], str]:
        if name == "index":
            return index_page(self._stars, __version__)
        row = self._stars.iloc[self._rows[name]]
        return lambda: self._page(name, row)

    def _page(self, name: str, star: pd.Series) -> str:
        identifier = int(star["asas_sn_id"])
        load = self._pictures.get(name)
        drawn = load().to_pylist() if load is not None else []
        rejected = self._own["rejections"].get(identifier, self._none)
        return dossier_page(
            star,
            self._background,
            picture=drawn[0]["png"] if drawn else None,
            neighbours=self._own["neighbours"].get(identifier),
            spectra=self._own["spectra"].get(identifier),
            index="index.html",
            verdicts=verdicts_of(str(star["passed_branch"]), rejected, self._filters),
            version=__version__,
        )


def describe_candidates(classified: pd.DataFrame) -> pd.DataFrame:
    """Give the candidates' columns their units and meanings."""
    table = rank_candidates(classified).drop(columns="score")
    table.attrs["descriptions"] = {
        name: tuple(DESCRIPTIONS[name]) for name in table if name in DESCRIPTIONS
    }
    return table
