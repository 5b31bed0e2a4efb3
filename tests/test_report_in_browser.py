"""A report in a real browser: on a phone's width and a desk's, by keyboard, on paper, and without a network."""

import base64
import itertools
import json
import shutil

import pytest

from tests import made_runs
from tf_earlydyn import report
from tf_earlydyn.report.captions import HEADINGS

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="there is no chromium, or no chromedriver, on the PATH"
)
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
WIDTHS = (390, 1280)
WORDS_BEYOND_THEIR_CELLS = """const words = document.createRange();
    return [...document.querySelectorAll("th, td")].filter(cell => {
        words.selectNodeContents(cell);
        const text = words.getBoundingClientRect(), box = cell.getBoundingClientRect();
        const next = cell.nextElementSibling?.getBoundingClientRect();
        return text.width && (text.left < box.left - 0.5 || text.right > box.right + 0.5
            || text.top < box.top - 0.5 || text.bottom > box.bottom + 0.5 || next?.left < box.right - 0.5)
    }).map(cell => cell.textContent)"""
PAPER = {"paperWidth": 8.27, "paperHeight": 11.69}  # A4, in inches
PRINTED_WIDTH = 680  # pixels of 1/96 inch: A4 less two margins of 1.5 cm


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Of one run, with its figures, and of four side by side, where others have figures of the first."""
    folder = tmp_path_factory.mktemp("runs")
    one = made_runs.training(folder / "one")
    report.draw(one)
    several = [one]
    for make, names in (
        (made_runs.of_seeds, ("losses", "gaps", "residual", "kernels")),
        (made_runs.prediction, ("prediction",)),
        (made_runs.scaling, ("error",)),
    ):
        several.append(make(folder / make.__name__))
        several[-1].figures.mkdir()
        for name in names:
            shutil.copy(one.figures / "losses.png", several[-1].figures / f"{name}.png")
    records = [report.Record.read(directory) for directory in several]
    return {"one": report.write(records[:1]), "several": report.write(records, folder / "several.html")}


def opened(browser, page, width):
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())
    return browser


@pytest.fixture(params=["one", "several"])
def page(request, pages):
    return pages[request.param]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen_and_every_image_is_there(width, page, browser):
    opened(browser, page, width)
    found = browser.execute_script(
        """return {
            page: Math.max(document.documentElement.scrollWidth, innerWidth),
            beyond: [...document.querySelectorAll("body *")].filter(
                e => !e.closest(".scroll *") && e.getBoundingClientRect().right > arguments[0] + 0.5)
                .map(e => e.outerHTML),
            images: [...document.images].map(i => [i.complete && i.naturalWidth > 1000, i.alt.length > 40]),
        }""",
        width,
    )
    assert found["page"] <= width  # on a phone, innerWidth grows with what is too wide
    assert found["beyond"] == []
    assert len(found["images"]) == (5 if page.name == "report.html" else 11)
    assert all(map(all, found["images"]))


@pytest.mark.parametrize("width", WIDTHS)
def test_no_word_overlaps_another(width, page, browser):
    """Of cells and paragraphs: none is covered by a neighbour, and no text runs out of its box."""
    opened(browser, page, width)
    assert browser.execute_script(WORDS_BEYOND_THEIR_CELLS) == []
    assert (
        browser.execute_script(
            """const boxes = [...document.querySelectorAll("h1, h2, h3, p, dt, dd, figcaption, img, li, caption")];
        return boxes.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map(e => e.textContent)"""
        )
        == []
    )
    assert (
        browser.execute_script(
            """const blocks = [...document.querySelectorAll("h1, h2, h3, p, dl, figure, .scroll, main ul")]
            .map(e => e.getBoundingClientRect());
        const apart = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) < 0.5
            || Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) < 0.5;
        return blocks.flatMap((a, k) => blocks.slice(k + 1).filter(b => !apart(a, b))).length"""
        )
        == 0
    )


def test_headings_tables_and_language_are_for_readers_of_the_screen(page, browser):
    opened(browser, page, 1280)
    levels = browser.execute_script(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(e => Number(e.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tables = browser.execute_script(
        """return [...document.querySelectorAll("table")].map(t => [
            t.caption.textContent.length > 0,
            [...t.querySelectorAll("th")].every(h => h.scope && h.textContent),
            [...t.querySelectorAll("tbody tr")].every(r => r.querySelector("th")),
            new Set([...t.querySelectorAll("tr")].map(
                r => [...r.cells].reduce((n, c) => n + c.colSpan, 0))).size == 1])"""
    )
    assert len(tables) == 2
    assert all(map(all, tables))
    assert browser.execute_script("return document.documentElement.lang") == "en"
    assert browser.execute_script("return document.title.length") > 10
    figures = browser.execute_script("return [...document.querySelectorAll('h3')].map(e => e.textContent)")
    assert set(figures) & set(HEADINGS.values())


def test_the_keyboard_reaches_every_link_and_everything_that_scrolls(page, browser):
    from selenium.webdriver import ActionChains, Keys

    opened(browser, page, 390)
    wanted = browser.execute_script("return document.querySelectorAll('a, .scroll').length")
    reached = []
    for _ in range(wanted):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        reached.append(
            browser.execute_script(
                """const e = document.activeElement, style = getComputedStyle(e);
                return [e.tagName == "A" || e.classList.contains("scroll"), style.outlineStyle == "solid",
                    (e.getAttribute("aria-label") || e.textContent).length > 0,
                    e.getBoundingClientRect().top + scrollY]"""
            )
        )
    assert all(all(look) for *look, _ in reached)
    tops = [top for *_, top in reached]
    assert tops == sorted(tops)
    before = browser.execute_script("return document.activeElement.scrollLeft")
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).pause(0.3).perform()
    moved, room = browser.execute_script(
        "const e = document.activeElement; return [e.scrollLeft, e.scrollWidth - e.clientWidth]"
    )
    assert moved > before or room <= 0


def test_words_stand_out_from_what_is_behind_them(page, browser):
    """A contrast of at least 4.5, by the formula of WCAG 2."""
    opened(browser, page, 1280)
    contrasts = browser.execute_script(
        """const parts = c => c.match(/[\\d.]+/g).map(Number);
        const light = c => parts(c).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
        const behind = e => { const c = getComputedStyle(e).backgroundColor;
            return parts(c)[3] === 0 ? behind(e.parentElement) : c };
        return [...document.querySelectorAll("body *")].filter(e => e.textContent.trim()).map(e => {
            const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05) })"""
    )
    assert min(contrasts) >= 4.5


def test_nothing_is_asked_of_a_network(page, browser):
    browser.get_log("performance")
    opened(browser, page, 1280)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert [url for url in asked if url.startswith("file")] == [page.as_uri()]
    assert browser.get_log("browser") == []  # nor is anything refused or broken


def test_it_prints(page, browser):
    opened(browser, page, 1280)
    printed = browser.execute_cdp_cmd("Page.printToPDF", PAPER)
    content = base64.b64decode(printed["data"])
    assert content.startswith(b"%PDF")
    assert 2 <= content.count(b"/Type /Page\n") <= 15
    opened(browser, page, PRINTED_WIDTH)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert (
            browser.execute_script("return getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
        )
        right = "return [...document.querySelectorAll('table, pre')].map(e => e.getBoundingClientRect().right)"
        assert max(browser.execute_script(right)) <= PRINTED_WIDTH + 0.5
        assert browser.execute_script(WORDS_BEYOND_THEIR_CELLS) == []
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
