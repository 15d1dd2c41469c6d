"""A dossier tells what is known and what is not, lets no text become markup, and draws to scale."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.modeling.physical_models import BlackBody

from malca.descriptions.all_columns import DESCRIPTIONS
from malca.plots import dossier_catalogues, dossier_facts
from malca.plots.dossier import dossier_page, page_name, star_title
from malca.plots.dossier_catalogues import catalogue_rows
from malca.plots.dossier_facts import blocks_of
from malca.plots.dossier_index import index_page
from malca.plots.dossier_lists import neighbours_of, spectra_of
from malca.plots.dossier_panels import Background, _planck, draw_cmd, draw_geometry, draw_sed
from malca.plots.dossier_values import web_address
from malca.plots.dossier_verdict import statements_of, verdict_of

STAR = {"asas_sn_id": 7, "ra_deg": 10.0, "dec_deg": -20.0}
NOBODY = Background(np.zeros(0), np.zeros(0))
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


class Elements(HTMLParser):
    """Elements of a page, each with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def rows(classified_sky):
    return [row for _, row in classified_sky.table.iterrows()]


def page_of(star, **more):
    return dossier_page(star, NOBODY, picture=None, **more)


def facts(star):
    return {fact.name: fact.text for block in blocks_of(star) for fact in block.facts}


def said(page):
    return " ".join(re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", page).split())


def test_a_star_of_which_nothing_is_known_says_so():
    page = page_of(STAR)
    text = said(page)
    assert "not classified" in text
    assert "no catalogue was asked" in text
    assert not re.search(r"\b(nan|None|NaT)\b|<NA>", text)
    assert set(facts(STAR).values()) == {"unknown"}
    assert "unknown: distance, extinction, BP−RP" in page
    assert "unknown: no photometry" in page
    assert "unknown: radius of the star" in page


def test_every_star_of_a_sky_has_a_page(rows, classified_sky):
    listed = {name: dict(iter(t.groupby("asas_sn_id"))) for name, t in classified_sky.listed.items()}
    background = Background.of(classified_sky.table)
    for row in rows:
        mine = {name: table.get(row["asas_sn_id"]) for name, table in listed.items()}
        page = dossier_page(row, background, picture=None, index="index.html", **mine)
        assert not re.search(r"\b(nan|None|NaT)\b|<NA>|&lt;NA", said(page)), row["asas_sn_id"]
        for attributes in Elements(page).of("a"):
            assert re.match(r"https?://|index\.html$", attributes["href"])


def test_texts_of_catalogues_stay_texts(rows):
    row = rows[0].copy()
    row[[name for name, value in row.items() if isinstance(value, str)]] = EVIL
    for prefix in ("simbad", "tns", "alerce", "vsx"):
        row[f"{prefix}_outcome"] = "matched"
    row["simbad_main_id"] = row["tns_name"] = row["alerce_oid"] = EVIL
    row["vetting_reasons"], row["vetting_likely_known"] = EVIL, True
    near = pd.DataFrame({"asas_sn_id": [1], "catalog": EVIL, "sep_arcsec": 1.0, "id": EVIL})
    spectra = pd.DataFrame(
        {
            "survey": [EVIL, "sdss", "desi"], "sep_arcsec": 0.1, "spectrum_id": EVIL,
            "link": ["javascript:alert(3)", EVIL, "https://e.org/a?b=1&c=<d>"],
        }
    )  # fmt: skip
    page = page_of(row, neighbours=near, spectra=spectra, absent=EVIL)
    elements = Elements(page)
    assert elements.of("script") == []
    assert elements.of("img") == []
    assert not [attributes for _, attributes in elements.found if "onerror" in attributes]
    links = [attributes["href"] for attributes in elements.of("a")]
    assert all(link.startswith(("http://", "https://")) for link in links)
    assert "https://e.org/a?b=1&c=<d>" in links
    assert "default-src 'none'" in page
    index = index_page(pd.DataFrame([row]), EVIL)
    assert len(Elements(index).of("script")) == 2  # sorting and finding, both ours


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://e.org/x", True), ("http://e.org", True), ("javascript:alert(1)", False),
        (" data:text/html,x", False), ("//e.org", False), ("", False), (None, False), (pd.NA, False),
        ("https://[", False), ("file:///etc/passwd", False),
    ],
)  # fmt: skip
def test_links_lead_to_the_web_alone(address, kept):
    assert bool(web_address(address)) == kept


def test_odds_and_evidence_are_told_in_words():
    star = {
        "final_class": "disc occultation", "class_best": "circumstellar_disc",
        "class_second": "unknown",
        "class_margin": np.log(12.0), "p_circumstellar_disc": 0.9, "p_unknown": 0.075, "p_yso": 0.025,
        "class_evidence": "against unknown dipper: depth 0.53 mag +0.8; duration 52 d -1.2; prior +2.9",
    }  # fmt: skip
    verdict = verdict_of(star)
    assert verdict.odds == "circumstellar disc: 12 times as likely as none of these"
    assert verdict.against == "unknown dipper"
    assert [(e.what, e.amount, e.speaks_for) for e in verdict.evidence] == [
        ("depth 0.53 mag", "+0.8", True), ("duration 52 d", "-1.2", False), ("prior", "+2.9", True),
    ]  # fmt: skip
    assert verdict.evidence[0].percent == pytest.approx(16)
    assert [bar.text for bar in verdict.bars] == ["90 %", "8 %", "2 %"]
    other = verdict_of({"class_evidence": "by eye"})
    assert (other.evidence, other.words) == ([], "by eye")


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({"vetting_likely_known": True, "vetting_reasons": "VSX: EA"}, ["known"]),
        ({"vetting_likely_known": False, "vetting_known_dipper": True}, ["dipper"]),
        ({"vetting_likely_known": False, "vetting_known_dipper": False}, ["new"]),
        ({"vetting_likely_known": pd.NA, "vetting_unknown": "simbad|gaia_var"}, ["unknown"] * 2),
        ({}, []),
    ],
)
def test_what_is_known_is_no_more_than_what_was_said(columns, kinds):
    statements = statements_of(columns)
    assert [one.kind for one in statements] == kinds
    if "vetting_unknown" in columns:
        assert statements[-1].text == "No answer from: SIMBAD, Gaia variables"


def test_none_is_told_apart_from_unknown():
    nothing = {
        "sfr_member": False, "cluster_outcome": "not_matched", "banyan_outcome": "assessed",
        "halpha_outcome": "not_covered", "period_catalog_outcome": "not_matched",
    }  # fmt: skip
    told = facts(nothing)
    assert [told[name] for name in ("star-forming region", "open cluster", "young association")] == [
        "none"
    ] * 3
    assert told["Hα excess"] == "not covered"
    assert told["catalogued period"] == "none"
    failed = {"cluster_outcome": "unknown", "cluster_reason": "service failed: timeout"}
    assert facts(failed)["open cluster"] == "unknown: service failed: timeout"
    without = facts({"dip_count": 0, "is_periodic": False})
    assert without["dips"] == "0"
    assert "deepest" not in without
    assert "radius, at least" not in without


def test_columns_that_are_shown_exist():
    shown = {
        f"{one.prefix}_{column}" for one in dossier_catalogues._CATALOGUES for column, _, _ in one.shown
    }
    shown |= {column for _, rows in dossier_facts._BLOCKS for _, column, _ in rows}
    assert shown <= set(DESCRIPTIONS)


def test_every_catalogue_of_a_sky_has_a_row(rows):
    told = {row.name for row in catalogue_rows(rows[0], 10.0, 20.0)}
    prefixes = {
        name.removesuffix("_outcome")
        for name in rows[0].index
        if name.endswith("_outcome") and not name.startswith(("neighbours_", "spectra_", "banyan"))
    }
    assert told == {dossier_catalogues.catalogue_name(prefix) for prefix in prefixes}
    assert len(told) > 15


def test_a_catalogue_that_was_not_asked_is_no_catalogue_that_failed():
    star = {
        "atlas_outcome": "unknown", "atlas_reason": "switched off", "tns_outcome": "unknown",
        "tns_reason": "service failed: 503", "vsx_outcome": "matched", "vsx_class": "EA",
        "vsx_period_days": 1.2345678, "vsx_sep_arcsec": 0.456,
    }  # fmt: skip
    told = {row.name: row for row in catalogue_rows(star, 10.0, 20.0)}
    assert (told["ATLAS"].outcome, told["TNS"].outcome) == ("not_asked", "unknown")
    assert told["TNS"].reason == "service failed: 503"
    assert (told["VSX"].text, told["VSX"].sep) == ("EA, 1.23457 d", "0.46")
    assert "B%2Fvsx" in told["VSX"].link
    assert catalogue_rows(star, np.nan, np.nan)[0].link == ""


def test_neighbours_and_spectra_are_listed(rows, classified_sky):
    near = classified_sky.listed["neighbours"]
    star = max(rows, key=lambda row: (near["asas_sn_id"] == row["asas_sn_id"]).sum())
    own = near[near["asas_sn_id"] == star["asas_sn_id"]]
    listed = neighbours_of(star, own)
    assert len(listed.table.rows) == len(own)
    separations = [float(row[0].text) for row in listed.table.rows]
    assert separations == sorted(separations)
    (gaia,) = [row for row in listed.table.rows if row[1].text == "Gaia DR3"][:1]
    assert gaia[2].link.startswith("https://simbad.cds.unistra.fr/simbad/sim-id?Ident=Gaia%20DR3%20")
    assert gaia[3].text.startswith("G ")
    spectra = classified_sky.listed["spectra"]
    star = next(row for row in rows if row["asas_sn_id"] == spectra["asas_sn_id"].iloc[0])
    listed = spectra_of(star, spectra[spectra["asas_sn_id"] == star["asas_sn_id"]])
    assert listed.table.rows[0][1].link.startswith("http")
    assert "found in" in {fact.name for fact in listed.facts}
    assert neighbours_of(STAR, None) is spectra_of(STAR, None) is None


def places(drawing, element, look, *names):
    found = re.findall(rf'<{element} class="{look}"([^>]*)>', drawing)
    return [tuple(float(re.search(rf'\b{n}="([-\d.]+)"', one)[1]) for n in names) for one in found]


def test_the_geometry_is_to_scale():
    star = {
        "star_radius_rsun": 2.0, "occulter_radius_rsun": 0.5, "occulter_semi_major_axis_au": 10.0,
        "occulter_semi_major_axis_min_au": 1.0, "occulter_semi_major_axis_max_au": 100.0,
    }  # fmt: skip
    drawing, caption = draw_geometry(star)
    ((disc,),) = places(drawing, "circle", "photosphere", "r")
    ((dark,),) = places(drawing, "circle", "occulter", "r")
    assert dark / disc == pytest.approx(0.25, abs=0.01)
    ((start, width),) = places(drawing, "rect", "orbits", "x", "width")
    ((near, reach),) = places(drawing, "rect", "possible", "x", "width")
    # the axis is of 10^-1 to 10^3 au, and 1 to 100 au are the middle half of it
    assert (near - start) / width == pytest.approx(0.25, abs=0.01)
    assert reach / width == pytest.approx(0.5, abs=0.01)
    assert "diamond" in caption
    closed = draw_geometry(star | {"occulter_semi_major_axis_min_au": 200.0,
                                   "occulter_eccentricity_min": 0.4})[0]  # fmt: skip
    assert "no circular orbit: eccentricity at least 0.40" in closed
    assert "no dip" in draw_geometry(star | {"dip_count": 0})[0]


def test_the_star_is_where_its_magnitudes_say():
    star = {"bp_rp0_mag": 1.9, "abs_g0_mag": 4.25, "abs_g0_error_mag": 0.5, "av_mag": 1.0}
    others = Background(np.array([1.9, 9.0]), np.array([4.25, 0.0]))
    drawing = draw_cmd(star, others)
    # the middle of both axes, that of colours from -0.6 to 4.4 and of magnitudes from -7 to 15.5
    assert re.search(r'class="others" d="M202 139h0"', drawing)
    ((x, y),) = places(drawing, "circle", "raw", "cx", "cy")
    assert x > 202
    assert y - 139 == pytest.approx(0.789 / 22.5 * 258, abs=0.6)  # Wang & Chen 2019
    far = draw_cmd(star | {"abs_g0_mag": -9.0}, others)
    assert "this star: 1.90 mag, -9.00 mag" in far


def test_the_energy_distribution_has_every_band_and_its_limits():
    star = {
        "asas_sn_id": 1, "gaia_g_mag": 12.0, "tmass_j_mag": 11.0, "tmass_j_error_mag": 0.02,
        "tmass_quality": "AAA", "allwise_w4_mag": 8.0, "allwise_quality": "AAAU", "star_teff_k": 5772.0,
    }  # fmt: skip
    drawing, caption = draw_sed(star)
    assert re.findall(r"<title>([^:]*): [\d.]+ mag(, limit)?</title>", drawing) == [
        ("Gaia G", ""), ("2MASS J", ""), ("WISE W4", ", limit"),
    ]  # fmt: skip
    assert caption == "as observed: extinction unknown; broken line: 5772 K"
    assert draw_sed(star | {"av_mag": 0.1})[1].startswith("without the extinction")
    x = np.array([0.5, 1.25, 10.0])
    body = BlackBody(5772 * u.K)(x * u.um) * (1 / (x * u.um))
    np.testing.assert_allclose(
        _planck(x, 5772.0) / _planck(x[:1], 5772.0), (body / body[0]).value, rtol=1e-5
    )


def test_names_of_stars_with_and_without_ids():
    assert (star_title(12), page_name(12)) == ("ASAS-SN 12", "12")
    assert (star_title(-3), page_name(-3)) == ("Star 3", "star_3")


def test_the_index_leads_to_every_page(classified_sky):
    page = index_page(classified_sky.table, "1")
    links = {attributes["href"] for attributes in Elements(page).of("a")}
    assert links == {f"{star}.html" for star in classified_sky.table["asas_sn_id"]}
    assert f"{len(classified_sky.table)} dossiers" in page


def test_a_page_takes_milliseconds(rows):
    page_of(rows[0])
    started = time.process_time()
    for row in rows[:5]:
        page_of(row)
    assert (time.process_time() - started) / 5 < 0.25
