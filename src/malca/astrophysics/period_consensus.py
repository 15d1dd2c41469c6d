"""What several catalogues of variables together say of a star's period.

Eclipses of two alike stars, ellipsoidal shapes and gaps in the observations make catalogues give a
half, the double, a third or the triple of one another's period; such periods agree here. Two
periods drawn independently and evenly in logarithm from 0.1 to 1000 d do so by chance in about 10 %
of cases with the default ratios and tolerance, so an agreement of two is no proof.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from malca.catalogs import MATCHED, NOT_COVERED, NOT_MATCHED, UNKNOWN

#: Columns of the matches with VSX that ``vsx_as_match`` looks at.
VSX_COLUMNS = (
    "asas_sn_id", "vsx_outcome", "vsx_is_variable", "vsx_period_days", "vsx_class", "vsx_sep_arcsec",
)  # fmt: skip
#: Catalogues with periods, the most trusted first.
SOURCES = ("gaia_eb", "vsx", "asassn", "ztf", "ogle")


class PeriodConsensusParameters(BaseModel):
    """When catalogued periods agree, and what is enough to believe one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratios: tuple[float, ...] = Field(
        (1 / 3, 1 / 2, 1.0, 2.0, 3.0),
        min_length=1,
        description="Ratios at which two periods agree; each with its inverse.",
    )
    tolerance: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Relative deviation from a ratio that is still an agreement, the same both ways: "
        "a factor of up to 1 + tolerance.",
    )
    min_agreeing: int = Field(2, ge=2, description="Catalogues that must agree on a period.")
    priority: tuple[str, ...] = Field(
        SOURCES,
        description="Catalogues, the most trusted first; it decides between references with as many "
        "agreeing, and whose class is given.",
    )
    single_quality: dict[str, float] = Field(
        default={"gaia_eb": 0.6, "asassn": 0.9},
        description="Quality from which on the period of one catalogue is enough: global ranking of "
        "the Gaia eclipsing binaries, 0.4–0.84 (Mowlavi+ 2023, A&A 674, A16); probability of the "
        "class of the ASAS-SN variables (Jayasinghe+ 2018, MNRAS 477, 3145). Not named: never.",
    )

    @field_validator("ratios")
    @classmethod
    def _symmetric(cls, ratios: tuple[float, ...]) -> tuple[float, ...]:
        if min(ratios) <= 0:
            raise ValueError("ratios must be positive")
        if not all(np.isclose(1 / ratio, ratios).any() for ratio in ratios):
            raise ValueError("ratios: with each its inverse must be given")
        return ratios

    @field_validator("priority")
    @classmethod
    def _every_source_once(cls, priority: tuple[str, ...]) -> tuple[str, ...]:
        if sorted(priority) != sorted(SOURCES):
            raise ValueError(f"priority must name each of {', '.join(SOURCES)} once")
        return priority

    @field_validator("single_quality")
    @classmethod
    def _known_sources(cls, single_quality: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(single_quality) - set(SOURCES))
        if unknown:
            raise ValueError(
                f"single_quality: no catalogue {', '.join(unknown)}; there are {', '.join(SOURCES)}"
            )
        return single_quality


def vsx_as_match(vsx_matches: pd.DataFrame) -> pd.DataFrame:
    """Give the matches with VSX the columns of any other catalogue's.

    An entry that says "constant or non-existing" lists no variable: not matched. An entry without
    a period does not say that there is none: unknown.

    Parameters
    ----------
    vsx_matches : DataFrame, (n,)
        As the pipeline ``ingest`` makes it: ``VSX_COLUMNS``.
    """
    matched = vsx_matches["vsx_outcome"].eq(MATCHED)
    variable = vsx_matches["vsx_is_variable"].fillna(True).astype(bool)
    listed = matched & variable
    return pd.DataFrame(
        {
            "asas_sn_id": vsx_matches["asas_sn_id"],
            "outcome": vsx_matches["vsx_outcome"].mask(matched & ~variable, NOT_MATCHED),
            "sep_arcsec": vsx_matches["vsx_sep_arcsec"].where(listed),
            "period_days": vsx_matches["vsx_period_days"].where(listed),
            "class": vsx_matches["vsx_class"].where(listed),
        }
    )


def periods_agree(
    period_days: np.ndarray, other_days: np.ndarray, ratios: tuple[float, ...], tolerance: float
) -> np.ndarray:
    """Whether ``period / other`` is one of ``ratios`` to within a factor of 1 + ``tolerance``.

    Arrays are broadcast; a period that is NaN agrees with none.
    """
    return _nearest_ratio(period_days, other_days, ratios)[1] <= np.log1p(tolerance)


def _nearest_ratio(
    period_days: np.ndarray, other_days: np.ndarray, ratios: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Ratio that ``period / other`` is nearest to in logarithm, and the distance from it in ln."""
    steps = np.log(np.array(ratios))
    off = np.abs((np.log(period_days) - np.log(other_days))[..., None] - steps)
    best = np.argmin(np.where(np.isnan(off), np.inf, off), axis=-1)
    return np.exp(steps[best]), np.take_along_axis(off, best[..., None], axis=-1)[..., 0]


def period_consensus(
    matches: Mapping[str, pd.DataFrame], parameters: PeriodConsensusParameters
) -> pd.DataFrame:
    """Say which period the catalogues agree on, star by star.

    The reference is the catalogue with which most agree (then by ``priority``); the consensus is the
    median of the periods that agree with it, each moved by its ratio to the reference's.

    Parameters
    ----------
    matches : mapping of str to DataFrame
        By catalogue, of ``SOURCES``: ``asas_sn_id, outcome, period_days, class, sep_arcsec`` and, if
        it has one, ``quality``; for VSX see ``vsx_as_match``. All of the same stars, in any
        order; the first's order is kept. One that is not given was not asked.
    parameters : PeriodConsensusParameters

    Returns
    -------
    DataFrame
        A row a star. ``period_sources``, those that list it with a period,
        ``period_sources_unknown``, those that gave no answer though they could, and
        ``period_sources_not_covering``, each joined by ``|``; ``period_n_sources``;
        ``period_consensus_days``, of one source its period; ``period_n_agreeing``, the reference
        among them; ``period_consensus_agree``, whether these are ``min_agreeing`` or more, missing
        without a source; ``period_conflict``, whether two sources or more do not all agree;
        ``period_consensus_support``, agreeing over all; ``period_primary_source``, the reference;
        ``period_quality``, its quality; ``period_single_quality``, the best quality of a source
        that is good enough alone, missing where none is;
        ``period_accepted``: true if ``min_agreeing`` agree or one source is good enough, missing if
        not but the unknown ones could have made it so or no catalogue covers the star, else false;
        ``period_catalog_outcome``: "matched" if a source gives a period, else "unknown" if one is
        unknown or none covers the star, else "not_matched"; ``period_catalog_class``, of the
        reference, or the first by priority; then ``period_<source>_days``, ``_class`` and
        ``_sep_arcsec``.

    Raises
    ------
    ValueError
        No or an unknown catalogue, columns missing, or tables of different stars.
    """
    stars = _checked(matches)
    shape = (len(stars), len(SOURCES))
    period, quality, sep = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    outcome, kind = np.full(shape, "", dtype=object), np.full(shape, "", dtype=object)
    not_covered = np.zeros(shape, bool)
    order = parameters.priority
    for k, source in enumerate(order):
        if source not in matches:
            continue
        table = matches[source].set_index("asas_sn_id").reindex(stars)
        outcome[:, k] = table["outcome"].to_numpy(object)
        period[:, k] = table["period_days"].to_numpy(float, na_value=np.nan)
        sep[:, k] = table["sep_arcsec"].to_numpy(float, na_value=np.nan)
        kind[:, k] = table["class"].astype(object).where(table["class"].notna(), "").to_numpy(object)
        not_covered[:, k] = table["outcome"].eq(NOT_COVERED)
        if "quality" in table:
            quality[:, k] = table["quality"].to_numpy(float, na_value=np.nan)
    listed = (outcome == MATCHED) & np.isfinite(period) & (period > 0)
    # an entry without a period does not say that there is none
    unknown = (outcome == UNKNOWN) | ((outcome == MATCHED) & ~listed)
    threshold = np.array([parameters.single_quality.get(source, np.nan) for source in order])
    # one whose quality is known, and too low, would not be enough with a period either
    may_suffice = (unknown & np.isfinite(threshold) & ~(quality < threshold)).any(axis=1)
    period[~listed], quality[~listed] = np.nan, np.nan
    n_sources = listed.sum(axis=1)

    agree = periods_agree(
        period[:, :, None], period[:, None, :], parameters.ratios, parameters.tolerance
    )
    n_agreeing_with = agree.sum(axis=2)  # each source agrees with itself
    reference = np.argmax(n_agreeing_with, axis=1)  # the first of equals: by priority
    row = np.arange(len(stars))
    n_agreeing = n_agreeing_with[row, reference]
    ratio, _ = _nearest_ratio(period, period[row, reference][:, None], parameters.ratios)
    moved = np.where(agree[row, reference], period / ratio, np.nan)
    any_source = n_sources > 0
    consensus = np.full(len(stars), np.nan)
    consensus[any_source] = np.nanmedian(moved[any_source], axis=1)

    enough = np.where(quality >= threshold, quality, -np.inf).max(axis=1)
    agreed = n_agreeing >= parameters.min_agreeing
    accepted = agreed | np.isfinite(enough)
    n_unknown = unknown.sum(axis=1)
    # Unknown catalogues could agree with the best, or with each other, or one be good enough. What does
    # not cover the star could not; but where nothing does, nobody has said that there is no period.
    nobody = not_covered.any(axis=1) & (not_covered | (outcome == "")).all(axis=1)
    open_ = ~accepted & ((n_agreeing + n_unknown >= parameters.min_agreeing) | may_suffice | nobody)
    names = np.array([*order, ""], dtype=object)
    # a class of the reference, else of a source with a period, else of one without
    weight = (kind != "") * (1 + listed)
    weight[row, reference] *= 2
    shown = np.argmax(weight, axis=1)
    result = pd.DataFrame(
        {
            "asas_sn_id": stars.to_numpy(),
            "period_sources": _joined(listed, order),
            "period_sources_unknown": _joined(unknown, order),
            "period_sources_not_covering": _joined(not_covered, order),
            "period_n_sources": n_sources,
            "period_consensus_days": consensus,
            "period_n_agreeing": n_agreeing,
            "period_consensus_agree": _nullable(agreed, any_source),
            "period_conflict": _nullable((n_sources > 1) & (n_agreeing < n_sources), any_source),
            "period_consensus_support": np.where(
                any_source, n_agreeing / np.maximum(n_sources, 1), np.nan
            ),
            "period_primary_source": names[np.where(any_source, reference, -1)],
            "period_quality": quality[row, reference],
            "period_single_quality": np.where(np.isfinite(enough), enough, np.nan),
            "period_accepted": _nullable(accepted, ~open_),
            "period_catalog_outcome": np.where(
                any_source, MATCHED, np.where((n_unknown > 0) | nobody, UNKNOWN, NOT_MATCHED)
            ),
            "period_catalog_class": kind[row, shown],
        }
    )
    told = ("sources", "sources_unknown", "sources_not_covering", "primary_source")
    text = [f"period_{name}" for name in (*told, "catalog_outcome", "catalog_class")]
    result = result.astype(
        dict.fromkeys(text, "str") | {"period_n_sources": "int64", "period_n_agreeing": "int64"}
    )
    for source in SOURCES:
        k = order.index(source)
        result[f"period_{source}_days"] = period[:, k]
        result[f"period_{source}_class"] = pd.array(kind[:, k], dtype="str")
        result[f"period_{source}_sep_arcsec"] = np.where(listed[:, k], sep[:, k], np.nan)
    return result


def _checked(matches: Mapping[str, pd.DataFrame]) -> pd.Index:
    """Stars of the matches, in the first table's order."""
    if not matches:
        raise ValueError("no catalogue was given: there is nothing to agree")
    unknown = sorted(set(matches) - set(SOURCES))
    if unknown:
        raise ValueError(f"no catalogue {', '.join(unknown)}; there are {', '.join(SOURCES)}")
    needed = ("asas_sn_id", "outcome", "period_days", "class", "sep_arcsec")
    stars: pd.Index | None = None
    for source, table in matches.items():
        missing = [name for name in needed if name not in table]
        if missing:
            hint = "; pass it through vsx_as_match" if "vsx_outcome" in table else ""
            raise ValueError(f"{source}: the matches lack {', '.join(missing)}{hint}")
        mine = pd.Index(table["asas_sn_id"])
        if mine.has_duplicates:
            raise ValueError(f"{source}: a star has more than one match")
        if stars is None:
            stars = mine
        elif len(mine) != len(stars) or not mine.isin(stars).all():
            raise ValueError(f"{source}: its matches are not of the same stars as the others'")
    assert stars is not None
    return stars


def _joined(chosen: np.ndarray, names: tuple[str, ...]) -> list[str]:
    """Names of the sources chosen in each row, joined by ``|``."""
    codes, which = np.unique(chosen @ (1 << np.arange(len(names))), return_inverse=True)
    texts = ["|".join(name for k, name in enumerate(names) if code >> k & 1) for code in codes.tolist()]
    return [texts[k] for k in which]


def _nullable(values: np.ndarray, known: np.ndarray) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(values.astype(bool), ~known)
