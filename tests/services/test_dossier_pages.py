"""Dossiers in a real browser: nothing fails, pictures are there, links lead out, lists are sorted."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from malca.plots.dossier import dossier_page
from malca.plots.dossier_index import index_page
from malca.plots.dossier_panels import Background

pytestmark = pytest.mark.services

#: Tells, on the page, what became of it.
CHECK = """<script>
addEventListener("load", () => {
  const images = [...document.images], drawings = [...document.querySelectorAll(".panels svg")];
  const whole = images.every(image => image.complete && image.naturalWidth > 100);
  const wide = drawings.every(one => one.getBoundingClientRect().width > 250);
  const inside = drawings.every(one => {
    const box = one.getBoundingClientRect();
    return [...one.querySelectorAll("text")].every(text => {
      const own = text.getBoundingClientRect();
      return own.left >= box.left - 2 && own.right <= box.right + 2 && own.bottom <= box.bottom + 2;
    });
  });
  const fits = document.documentElement.scrollWidth <= innerWidth;
  document.body.append(
    `images ${images.length} ${whole}; drawings ${drawings.length} ${wide} ${inside}; fits ${fits}`
  );
});
</script>"""


def picture() -> str:
    buffer = io.BytesIO()
    figure = Figure(figsize=(6, 3))
    figure.subplots().plot(np.arange(9))
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture(scope="module")
def page(classified_sky):
    """Page of the star with most spectra, with all that can be on one."""
    table, spectra = classified_sky.table, classified_sky.listed["spectra"]
    star = int(spectra["asas_sn_id"].value_counts().index[0])
    row = table[table["asas_sn_id"] == star].iloc[0]
    own = {name: t[t["asas_sn_id"] == star] for name, t in classified_sky.listed.items()}
    return dossier_page(
        row, Background.of(table), picture=picture(), index="index.html", version="1", **own
    )


@pytest.mark.parametrize("width", [1280, 500])
def test_a_dossier_is_whole(browser, tmp_path, page, width):
    path = tmp_path / f"dossier_{width}.html"
    path.write_text(page, encoding="utf-8")
    shown = browser.open(path, width=width)
    assert shown.messages == ()
    # the page itself allows no script: that which looks at it is let in here
    checked = re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>", f"{CHECK}</body>")
    path.write_text(checked, encoding="utf-8")
    told = browser.open(path, width=width)
    assert told.messages == ()
    assert "images 1 true; drawings 3 true true; fits true" in told.text
    links = re.findall(r'href="([^"]+)"', shown.dom)
    for address in ("aladin.cds.unistra.fr", "simbad.cds.unistra.fr", "vizier.cds.unistra.fr"):
        assert any(address in link for link in links), address
    for heading in ("Light curve", "What catalogues say", "Around it", "Spectra", "What dims it"):
        assert heading in shown.text
    image = imread(shown.screenshot)
    assert image[:, :, :3].std() > 0.05


def test_a_script_in_a_dossier_is_stopped(browser, tmp_path, page):
    path = tmp_path / "evil.html"
    evil = '<script>document.body.append("it ran");</script>'
    path.write_text(page.replace("</main>", f"{evil}</main>"), encoding="utf-8")
    shown = browser.open(path)
    assert "it ran" not in shown.text.replace('append("it ran")', "")
    assert any("Content Security Policy" in message for message in shown.messages)


def test_the_index_is_sorted_and_searched(browser, tmp_path, classified_sky):
    table = classified_sky.table
    page = index_page(table, "1")
    act = """<script>
    const heads = [...document.querySelectorAll("th button")];
    heads.find(one => one.textContent == "G (mag)").click();
    find.value = "ECLIPSING"; find.dispatchEvent(new Event("input"));
    const shown = [...document.querySelectorAll("tbody tr")].filter(row => !row.hidden);
    document.body.append("order " + shown.map(row => row.cells[6].textContent).join(" ") + " end");
    </script></body>"""
    path = tmp_path / "index.html"
    path.write_text(page.replace("</body>", act), encoding="utf-8")
    shown = browser.open(path)
    assert shown.messages == ()
    (order,) = re.findall(r"order ([\d. ]*) end", shown.text)
    wanted = table.loc[table["final_class"].eq("eclipsing binary"), "gaia_g_mag"].dropna()
    assert len(wanted) > 2
    assert [float(one) for one in order.split()] == pytest.approx(sorted(wanted), abs=0.006)
    assert f"{len(wanted)} of {len(table)}" in shown.text
