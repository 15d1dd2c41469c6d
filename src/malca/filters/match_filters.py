"""Filters that ask catalogues, and the test for periods, about a star."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from malca.astrophysics.variable_classes import class_families, is_dipper_class
from malca.filters.base import FAILED, PASSED, UNKNOWN, Filter, Verdict, at_most
from malca.filters.stars import Branch, StarTables


class GaiaRuwe(Filter):
    """Gaia's astrometric fit of the star is good: a large RUWE tells of a companion or a blend.

    Five of 81 dippers of Tzanidakis et al. (2025) have a RUWE above 1.4.
    """

    name: ClassVar[str] = "gaia_ruwe"
    needs: ClassVar[tuple[str, ...]] = ("catalog_matches",)

    action: Literal["reject", "tag"] = Field("tag", description="See ``Filter``.")
    max_ruwe: float = Field(1.4, gt=0, description="Largest renormalised unit weight error.")

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``ruwe``."""
        ruwe = stars.numbers("ruwe", "catalog_matches")
        return at_most(ruwe, self.max_ruwe, "RUWE", "no RUWE from Gaia")


class GaiaProperMotion(Filter):
    """The star does not move so fast that it leaves its aperture or passes background stars."""

    name: ClassVar[str] = "gaia_pm"
    needs: ClassVar[tuple[str, ...]] = ("catalog_matches",)

    action: Literal["reject", "tag"] = Field("tag", description="See ``Filter``.")
    max_pm_masyr: float = Field(100.0, gt=0, description="Largest total proper motion, mas/yr.")

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Compare ``pm_total_masyr``: of the survey's index, of Gaia where that has none."""
        pm = stars.numbers("pm_total_masyr", "catalog_matches")
        return at_most(pm, self.max_pm_masyr, "mas/yr", "no proper motion")


class PeriodicCatalog(Filter):
    """No catalogues list the star, in agreement or with certainty, as periodic.

    When periods agree and what is certain is said by the period consensus. Stars listed as dippers
    are let pass, and so are those with long periods unless they pulsate: an eclipse every few years is
    looked for here.
    """

    name: ClassVar[str] = "periodic_catalog"
    needs: ClassVar[tuple[str, ...]] = ("period_consensus",)

    max_period_days: float = Field(
        100.0, gt=0, description="Stars of longer periods are let pass, d, unless of these families:"
    )
    families_of_any_period: tuple[str, ...] = Field(
        ("pulsating",), description="Families of classes that fail whatever their period."
    )

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Look at ``period_accepted``; the value is the period they agree on."""
        table = "period_consensus"
        accepted = stars.numbers("period_accepted", table)
        period = stars.numbers("period_consensus_days", table)
        classes = stars.words("period_catalog_class", table)
        sources = stars.words("period_sources", table)
        families = {text: class_families(text) for text in np.unique(classes)}
        any_period = np.array(
            [not set(families[text]).isdisjoint(self.families_of_any_period) for text in classes], bool
        )
        wanted = np.array([is_dipper_class(text) for text in classes], bool)
        listed = (accepted == 1) & ~wanted & ((period <= self.max_period_days) | any_period)
        missing = np.isnan(accepted)
        outcome = np.where(missing, UNKNOWN, np.where(listed, FAILED, PASSED)).astype(np.int8)
        unknown = stars.words("period_sources_unknown", table)
        reason = np.array(
            [
                f"{days:.6g} d{f' ({kind})' if kind else ''} in {names.replace('|', ', ')}"
                if fails
                else f"no answer from {names_unknown.replace('|', ', ')}"
                if names_unknown
                else "no catalogue of periods was asked"
                for days, kind, names, names_unknown, fails in zip(
                    period, classes, sources, unknown, listed, strict=True
                )
            ],
            dtype=object,
        )
        return Verdict(outcome, period, np.full(len(period), self.max_period_days), reason)


class Periodicity(Filter):
    """The star's own light curve is not periodic, or its period does not make its events.

    Dippers rotate and R CrB stars pulsate while they fade: a period counts against a star only if
    the events recur with it (``period_explains_events``).
    """

    name: ClassVar[str] = "periodicity"
    needs: ClassVar[tuple[str, ...]] = ("periodicity",)

    def judge(self, stars: StarTables, branch: Branch) -> Verdict:
        """Look at ``is_periodic``; the value is the period's log10 false-alarm probability."""
        table = "periodicity"
        periodic = stars.numbers("is_periodic", table)
        period = stars.numbers("lsp_period_days", table)
        amplitude = stars.numbers("lsp_amplitude_mag", table)
        # Not known to make the events is not known not to.
        fails = (periodic == 1) & (stars.numbers("period_explains_events", table) != 0)
        outcome = np.where(np.isnan(periodic), UNKNOWN, np.where(fails, FAILED, PASSED)).astype(np.int8)
        why = stars.words("periodicity_reason", table)
        reason = np.array(
            [
                f"periodic, {days:.6g} d and {size:.2g} mag"
                if failed
                else f"not tested for periods{f': {text}' if text else ''}"
                for days, size, text, failed in zip(period, amplitude, why, fails, strict=True)
            ],
            dtype=object,
        )
        log10_fap = stars.numbers("lsp_log10_fap", table)
        return Verdict(outcome, log10_fap, np.full(len(stars), np.nan), reason)
