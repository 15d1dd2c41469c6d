"""Filters: questions put to every star, whose answers tell candidates from the rest."""

from malca.filters.choice import FILTERS, FilteringParameters
from malca.filters.judge import Judgement, judge_stars
from malca.filters.stars import BRANCHES, StarTables

__all__ = ["BRANCHES", "FILTERS", "FilteringParameters", "Judgement", "StarTables", "judge_stars"]
