"""The page in Chromium, from disk, with the network off. Skipped with a reason where there is no browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bakeoff.reporting import write

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
CHROMIUM = os.environ.get("BAKEOFF_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make(failing=1, waiting=1), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Callable[..., Any]]:
    """Open the page offline; whatever the console says or the page asks of a network fails the test at its end."""
    contexts, said = [], []

    def opened(**options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, "offline": True, **options}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and said.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_selector("svg[data-drawn=cost]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def networks(page: Any, table: str = "t1") -> list[str]:
    return page.locator(f"table[data-table={table}] tbody tr:visible th").all_inner_texts()


def test_every_figure_is_drawn(visit) -> None:
    page = visit()
    drawn = page.eval_on_selector_all("svg[data-drawn]", "all => all.map(svg => svg.dataset.drawn)")
    assert drawn == ["cost", "target", "curves", "fit", "classes", "confusion", "calibration"]
    assert page.locator("[data-figure=quality] tbody tr").count() == 4
    assert page.locator("[data-figure=cost] svg text", has_text="resnet20").count() >= 1


def test_sorting_by_a_column_and_back(visit) -> None:
    page = visit()
    assert networks(page)[0] == "resnet20"
    button = page.locator("table[data-table=t1] button[data-sort=seconds]")
    button.focus()
    page.keyboard.press("Enter")
    assert networks(page)[0] == "lenet-afif"
    assert page.locator("table[data-table=t1] th[aria-sort=ascending]").inner_text() == "Training"
    button.click()
    assert networks(page)[-1] == "lenet-afif"
    page.locator("table[data-table=t1] button[data-sort=net]").click()
    assert networks(page) == sorted(networks(page))


def test_filtering(visit) -> None:
    page = visit()
    page.fill("#filter", "mnist conv")
    assert networks(page, "t2") == ["conv"]
    assert not page.locator("#table-t1").is_visible()
    assert page.inner_text("#filter-found") == "1 of 8 rows"
    page.locator("#filter").press("Escape")
    assert len(networks(page)) == 4


def test_switching_the_cost_axis_and_the_data_set(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=cost]")
    assert "Training time" in figure.locator("svg").text_content()
    figure.get_by_label("Parameters", exact=True).check()
    assert "Parameters, log scale" in figure.locator("svg").text_content()
    figure.locator("summary").click()
    before = figure.locator("tbody").inner_text()
    page.select_option("#scope", "t2")
    assert "mnist" in figure.locator("h3").inner_text()
    assert figure.locator("tbody").inner_text() != before


def test_learning_curves_against_seconds_as_single_runs_of_one_network(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=curves]")
    for choice in ("Loss", "Seconds", "Single runs", "Close-up"):
        figure.get_by_label(choice, exact=True).check()
    for chip in figure.locator(".chip").all()[1:]:
        chip.click()
    assert figure.locator(".chip[aria-pressed=true]").count() == 1
    assert figure.locator("svg [data-part=line] path").count() == 2 * 3
    assert "Seconds of training" in figure.locator("svg").text_content()
    figure.locator(".chip").first.click()
    assert "Choose a network above" in figure.inner_text()


def test_downloads(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=cost]")
    texts = {}
    for kind in ("CSV", "SVG", "PNG"):
        with page.expect_download() as started:
            figure.get_by_text(kind, exact=True).click()
        assert started.value.suggested_filename == f"cost-digits.{kind.lower()}"
        texts[kind] = Path(started.value.path()).read_bytes()
    assert texts["CSV"].startswith(b"network,cost,accuracy,low,high,seeds,front\nresnet20,")
    assert b"var(--" not in texts["SVG"].replace(b'"var(--', b"") and texts["SVG"].startswith(b"<svg")
    assert texts["PNG"].startswith(b"\x89PNG")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_and_light_follow_the_system_and_the_button(visit, scheme: str) -> None:
    page = visit(color_scheme=scheme)

    def brightness() -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(",")))

    was_dark = brightness() < 200
    assert was_dark == (scheme == "dark")
    page.click("#theme")
    assert (brightness() < 200) != was_dark
    page.reload()
    assert (brightness() < 200) != was_dark


def test_a_phone_has_no_sideways_scrolling(visit) -> None:
    page = visit(viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("table[data-table=t1] .strip svg").first.is_visible()
    page.locator("table[data-table=t1] button[data-sort=parameters]").click()
    assert networks(page)[0] in ("conv", "drop")


def test_reads_without_a_script(visit, browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert "resnet20" in page.inner_text("#answer")
    assert page.locator("table[data-table=t1] tbody tr").count() == 4
    assert not page.locator("[data-figure=cost]").is_visible()
    context.close()
