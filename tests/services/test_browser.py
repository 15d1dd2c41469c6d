"""The browser tells what a reader sees and what goes wrong on a page."""

from __future__ import annotations

import pytest
from matplotlib.image import imread

pytestmark = pytest.mark.services

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>t</title>
<style>body { margin: 0; background: rgb(0, 128, 0) }</style></head>
<body><p id="p">before</p><script>
document.getElementById("p").textContent = "six times seven is " + 6 * 7;
%s
</script></body></html>"""


def test_a_page_is_shown_after_its_scripts_ran(browser, tmp_path):
    path = tmp_path / "page with blanks.html"
    path.write_text(PAGE % "")
    page = browser.open(path, width=400, height=300)
    assert "six times seven is 42" in page.text
    assert page.messages == ()
    image = imread(page.screenshot)
    assert image.shape[:2] == (300, 400)
    assert image[250, 200, :3] == pytest.approx([0, 128 / 255, 0], abs=0.01)


def test_what_goes_wrong_on_a_page_is_told(browser, tmp_path):
    path = tmp_path / "broken.html"
    path.write_text(
        PAGE % 'document.body.append(Object.assign(new Image(), {src: "no.png"})); nothing.there();'
    )
    page = browser.open(path)
    assert any("nothing is not defined" in message for message in page.messages)


def test_a_page_reaches_no_network(browser, tmp_path):
    path = tmp_path / "far.html"
    path.write_text(
        PAGE % 'fetch("https://example.org/x").catch(() => document.body.append("unreachable"));'
    )
    assert "unreachable" in browser.open(path).text
