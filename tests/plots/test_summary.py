"""The page about a run: right numbers, valid HTML, nothing fetched, nothing unescaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from malca.plots.candidates import Fact, verdicts_of
from malca.plots.summary import Card, RunTables, bin_title, summary_page

VOID = {"meta", "link", "img", "br"}
#: Elements that hold no block, so that none may be left open around one.
NO_BLOCKS = {"p", "span", "h1", "h2", "h3"}
BLOCKS = {"div", "table", "ul", "dl", "section", "article", "figure", "p", "h2", "h3"}


class Checker(HTMLParser):
    """Refuses unbalanced tags, repeated ids and attributes, misplaced blocks; collects what it saw."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.text, self.tags = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> repeats an attribute"
        if tag in BLOCKS:
            assert not NO_BLOCKS & set(self.open), f"<{tag}> within {self.open}"
        attributes = dict(attrs)
        self.tags.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "img":
            assert attributes.get("alt"), "an image without a description"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


def check(page):
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert page.startswith("<!DOCTYPE html>")
    for link in checker.links:
        assert link.startswith(("data:", "#")), f"{link} would be fetched"
        assert not link.startswith("#") or link[1:] in checker.ids
    assert "@import" not in page
    assert "url(" not in page
    return checker


@pytest.fixture
def run(rng):
    n = 60
    sources = pd.DataFrame(
        {
            "asas_sn_id": pd.array(np.arange(n), "Int64"),
            "baseline_mag": rng.uniform(13, 13.5, n),
            "ra_deg": rng.uniform(0, 360, n),
            "dec_deg": rng.uniform(-90, 90, n),
            "jd_first": 2457000.0,
            "jd_last": 2460000.5,
            "dipper_score": np.where(np.arange(n) < 9, np.arange(n) / 3.0, np.nan),
            "jumper_score": np.nan,
            "dip_count": 1,
            "dip_best_depth_mag": 0.3,
            "vsx_class": ["<i>EA & EB</i>"] + [None] * (n - 1),
        }
    )
    events = pd.DataFrame(
        {
            "asas_sn_id": pd.array(np.repeat(np.arange(9), 2), "Int64"),
            "kind": ["dip", "jump"] * 9,
            "jd_start": 2458000.0,
            "jd_end": 2458000.0 + np.geomspace(0.01, 500, 18),
            "depth_mag": rng.uniform(0.1, 2, 18),
        }
    )
    candidates = sources.iloc[:7].assign(passed_branch=["dip"] * 6 + ["both"])
    columns = ["stage", "filter", "branch", "action"]
    counts = ["n_in", "n_passed", "n_failed", "n_unknown", "n_stopped", "n_out", "n_only"]
    attrition = pd.DataFrame(
        [
            ["search", "", "dip", "", 60, 9, 51, 0, 0, 9, 0],
            ["filter", "evidence", "dip", "reject", 9, 7, 2, 0, 2, 7, 2],
            ["candidates", "", "dip", "", 7, 7, 0, 0, 0, 7, 0],
        ],
        columns=columns + counts,
    )
    failures = pd.DataFrame(
        {"stage": ["read", "read", "detection"], "reason": ["<empty>", "<empty>", "too_few_points"]}
    )
    return RunTables(sources, sources, events, failures, candidates, attrition)


def card(star, png="AAAA"):
    rejections = pd.DataFrame(
        [["evidence", "dip", "unknown", "<b>no answer</b>", 1.0, 2.0]],
        columns=["filter", "branch", "outcome", "reason", "value", "threshold"],
    )
    verdicts = verdicts_of("dip", rejections, ["evidence", "score"])
    return Card(
        star, "dip", [Fact("VSX class", "<i>EA</i>")], verdicts, png, "its light curve is not here"
    )


def page_of(run, cards=(), **options):
    return summary_page("13_13.5", run, cards, version="0.1.0", **options)


def test_the_page_is_valid_and_needs_nothing_else(run):
    page = page_of(
        run, [card(6), card(5, None)], facts=[("written", "<now>")], parameters={"a": {"b": "<c>"}}
    )
    seen = check(page)
    assert seen.tags.count("article") == 2
    assert seen.tags.count("img") == 1 + 4 + 1
    text = "".join(seen.text)
    for part in ("<i>EA & EB</i>", "<b>no answer</b>", "<empty>", "<now>", "<c>", "a.b"):
        assert part in text
        assert part not in page or "<" not in part
    assert "its light curve is not here" in text
    assert "The best 2 of 7 candidates" in text


def tiles(page):
    found = re.findall(r"<strong>([\d,]+)</strong><span>([^<]+)</span>", page)
    return {label: int(count.replace(",", "")) for count, label in found}


def test_counts_are_those_of_the_tables(run):
    assert tiles(page_of(run)) == {
        "stars in the index": 60, "stars searched": 60, "stars with events": 9, "dips": 9, "jumps": 9,
        "candidates": 7, "candidates by dips": 6, "candidates by jumps": 0, "candidates by both": 1,
        "failures": 3,
    }  # fmt: skip
    assert "observed from 2014 Dec 8 to 2023 Feb 25" in page_of(run)


def rows_of(page, heading):
    section = page[page.index(f"<h2>{heading}</h2>") :]
    body = section[section.index("<tbody>") : section.index("</tbody>")]
    return [re.findall(r"<td[^>]*>(?:<a[^>]*>)?([^<]*)", row) for row in body.split("<tr>")[1:]]


def test_the_table_of_candidates_is_ranked_and_cut(run):
    page = page_of(run, [card(6)], max_rows=3)
    rows = rows_of(page, "All candidates")
    assert [row[0] for row in rows] == ["6", "5", "4"]
    assert "4 more are in the table candidates" in page
    assert page.count('href="#star-6"') == 1
    assert "more are in the table" not in page_of(run)


def test_stars_with_a_page_of_their_own_lead_to_it(run):
    page = page_of(run, [card(6), card(5)], dossiers={6: "dossiers/6.html", 4: "dossiers/4.html"})
    for link, n in {"dossiers/6.html": 2, "dossiers/4.html": 1, "#star-5": 1, "#star-6": 0}.items():
        assert page.count(f'href="{link}"') == n, link
    assert '<h3><a href="dossiers/6.html">' in page
    rows = rows_of(page, "All candidates")
    assert [row[0] for row in rows] == ["6", "5", "4", "3", "2", "1", "0"]


def test_failures_are_counted_by_reason(run):
    assert rows_of(page_of(run), "What could not be read or searched") == [
        ["read", "&lt;empty&gt;", "2"],
        ["detection", "too_few_points", "1"],
    ]


def test_an_empty_run_has_a_page(run):
    seen = check(page_of(RunTables(*(table.iloc[:0] for table in run))))
    text = "".join(seen.text)
    assert "There is no candidate." in text
    assert "No filter judged any star." in text
    assert "no star was searched" in text


def test_unknown_magnitudes_and_positions_are_left_out(run):
    sources = run.sources.assign(baseline_mag=np.nan)
    check(page_of(run._replace(sources=sources)))
    seen = check(page_of(run._replace(sources=run.sources.drop(columns=["ra_deg", "dec_deg"]))))
    assert seen.tags.count("img") == 1 + 3


def test_the_same_run_gives_the_same_page(run):
    assert page_of(run, [card(6)]) == page_of(run, [card(6)])


def test_bins_have_names():
    assert bin_title("13_13.5") == "13–13.5 mag"
    assert bin_title("all") == "every magnitude bin"
