"""The report in a real browser: nothing is missing or complains, and it is read on a telephone and on a screen."""

import re

import numpy as np
import pytest
from helpers.browser import Browser, missing
from helpers.commands import trained

from xpnet import errors

pytest.importorskip("xpnet.plots.report", reason="needs matplotlib", exc_type=errors.MissingExtraError)

if missing():
    pytest.skip(missing(), allow_module_level=True)

SMALLEST = 10.0
"""Pixels of the smallest letters that are not above or below others."""

CONTRAST = 4.5
"""Of text to what is behind it, at least: what WCAG 2 asks for."""

TEXT = "p,td,th,dt,dd,figcaption,a,h1,h2,h3,code"

BOTH = pytest.mark.parametrize("width", [400, 1400])


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One browser for all tests."""
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module", params=["the post's network", "rows that are no images", "a wide network"])
def page(request, tmp_path_factory):
    """The report of a training, as an address."""
    folder = tmp_path_factory.mktemp("report")
    flags = {
        "the post's network": ["--preset", "post"],
        "rows that are no images": ["--data", folder / "own.npz", "--epochs", 3, "--hidden", "12,7,5,9,11"],
        "a wide network": ["--epochs", 2, "--hidden", "4096", "--validation-fraction", "0.1"],
    }[request.param]
    rng = np.random.default_rng(0)
    np.savez(folder / "own.npz", x_train=rng.normal(size=(90, 7)), y_train=rng.normal(size=(90, 2)))
    trained(folder, *flags, "--plot", folder)
    return (folder / "report.html").as_uri()


def test_nothing_complains(browser, page):
    """The console has no error and no warning, and nothing was fetched beside the page."""
    browser.open(page, 1400)
    assert browser.complaints() == []
    fetched = browser.run("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in fetched if not name.startswith("data:")] == []


@BOTH
def test_every_picture_is_there(browser, page, width):
    """Images are decoded, drawings and formulas take up room."""
    browser.open(page, width)
    sizes = browser.run(
        "return [...document.images].map(image => [image.complete, image.naturalWidth, image.width, image.height])"
    )
    assert len(sizes) >= 2
    assert all(complete and min(lengths) > 0 for complete, *lengths in sizes)
    for kind, least in (("figure svg", 7), (".line math", 20)):
        boxes = browser.run(
            f"return [...document.querySelectorAll('{kind}')].map(drawn => drawn.getBoundingClientRect())"
            ".map(box => [box.width, box.height])"
        )
        assert len(boxes) >= least
        assert min(min(box) for box in boxes) > 5


@BOTH
def test_nothing_reaches_beyond_the_window(browser, page, width):
    """The page does not scroll sideways; what is wider has a bar of its own."""
    browser.open(page, width)
    beyond = browser.run(
        "return [...document.querySelectorAll('body *')].filter(part => !part.closest('.scroll') &&"
        " part.getBoundingClientRect().right > innerWidth + 1).map(part => part.outerHTML.slice(0, 80))"
    )
    assert beyond == []
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


@BOTH
def test_letters_are_large_enough(browser, page, width):
    """Text is as large as the smallest that is read without effort, in pictures too."""
    browser.open(page, width)
    sizes = browser.run(
        f"return [...document.querySelectorAll('{TEXT},mtext,.line>div>math')]"
        ".map(part => parseFloat(getComputedStyle(part).fontSize))"
    )
    assert min(sizes) >= SMALLEST
    # Letters of pictures are outlines; the smallest have 8 of the points that a picture is measured in.
    scales = browser.run(
        "return [...document.querySelectorAll('figure svg')]"
        ".map(drawn => drawn.getBoundingClientRect().width / drawn.viewBox.baseVal.width)"
    )
    assert 8 * min(scales) >= SMALLEST


@BOTH
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser, page, width, scheme):
    """Every colour of text differs enough from the paper, by day and by night, and so do the lines of pictures."""
    browser.open(page, width, scheme)
    pairs = browser.run(
        "const behind = part => { for (; part; part = part.parentElement) {"
        " const colour = getComputedStyle(part).backgroundColor;"
        " if (colour !== 'rgba(0, 0, 0, 0)') return colour; } return 'rgb(255, 255, 255)'; };"
        f"return [...document.querySelectorAll('{TEXT},small,.number,mi,mn,figure svg')]"
        ".map(part => [getComputedStyle(part).color, behind(part)])"
    )
    assert len({paper for _, paper in pairs}) >= 2
    assert min(contrast(*pair) for pair in {tuple(pair) for pair in pairs}) >= CONTRAST
    papers = {brightness(paper) > 0.5 for _, paper in pairs}
    assert papers == {scheme == "light"}


def test_it_can_be_printed(browser, page):
    """A printer gets pages on white, however the screen is."""
    browser.open(page, 1400, "dark")
    printed = browser.printed()
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3
    browser.print_as_media()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("return getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def brightness(colour):
    """The relative luminance of rgb(…)."""
    values = np.array([float(value) for value in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """Between 1, none, and 21."""
    low, high = sorted(map(brightness, (one, other)))
    return (high + 0.05) / (low + 0.05)
