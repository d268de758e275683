"""The page in Chromium, from disk, with the network off. Skipped with a reason where there is no browser."""

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from synthetic import RECIPE
from test_hostile import hostile_store

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


@pytest.fixture(scope="module")
def with_pictures(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(make(data=("digits",), real=True, worse=0.3), tmp_path_factory.mktemp("page") / "pictures.html")


@pytest.fixture(scope="module")
def of_a_study(make: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = msgspec.structs.replace(RECIPE, name="afif2018")
    data = ("mnist", "fashion-mnist", "kmnist", "svhn", "digits", "cifar10")
    path = make(nets=("lenet-afif", "vgg-afif", "resnet20"), data=data, recipe=recipe, images=100, noise=0.01)
    return write(path, tmp_path_factory.mktemp("page") / "study.html", pictures=False)


@pytest.fixture
def visit(browser: Any, report: Path) -> Iterator[Callable[..., Any]]:
    """Open the page offline; whatever the console says or the page asks of a network fails the test at its end."""
    contexts, said = [], []

    def opened(path: Path = report, **options: Any) -> Any:
        options = {"viewport": {"width": 1280, "height": 900}, "offline": True, **options}
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(8000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith("http") and said.append(request.url))
        page.goto(path.as_uri())
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
    assert drawn == ["critical", "cost", "target", "curves", "fit", "classes", "confusion", "calibration", "balance"]
    assert page.locator("[data-figure=quality] tbody tr").count() == 4
    assert "are not those the runs were tested on" in page.inner_text("[data-figure=examples]")
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
    header, first, *_ = texts["CSV"].decode().splitlines()
    assert header == "network,cost,accuracy,low,high,seeds,front,probability" and first.startswith("resnet20,")
    assert 0 <= float(first.split(",")[-1]) <= 1
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


def test_a_gallery_of_a_network(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    figure = page.locator("[data-figure=gallery]")
    figure.locator("select").select_option(index=3)
    pictures = figure.locator("li [role=img]")
    assert pictures.count() == 16
    told = pictures.first.get_attribute("aria-label")
    assert "taken for" in told and "of 3 seeds are right" in told
    assert figure.locator("li b").count() == 16
    image = page.evaluate("e => getComputedStyle(e).backgroundImage.slice(0, 20)", pictures.first.element_handle())
    assert image == 'url("data:image/webp'
    places = {p.evaluate("e => e.style.backgroundPosition") for p in pictures.all()}
    assert len(places) == 16
    figure.get_by_label("Right and sure").focus()
    page.keyboard.press("Space")
    assert pictures.count() == 10 and figure.locator("li b").count() == 0
    with page.expect_download() as started:
        figure.get_by_text("CSV", exact=True).click()
    lines = Path(started.value.path()).read_text().splitlines()
    assert lines[0] == "image,file,true,taken,confidence,right,seeds" and len(lines) == 11
    assert figure.get_by_text("SVG", exact=True).is_hidden()


def test_images_that_all_get_wrong_or_that_divide_the_networks(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    figure = page.locator("[data-figure=together]")
    figure.get_by_label("Most disagreement").check()
    assert figure.locator("li").count() > 8
    assert "says" in figure.locator("li").first.inner_text()
    assert "The networks differ on" in figure.inner_text()


def test_the_data_section(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    assert page.locator("[data-figure=examples] [role=img]").count() == 100
    assert "139 to 144 a class" in page.inner_text("[data-figure=balance]")
    errors = page.locator("[data-figure=map] svg g[data-part=dot]").last.locator("circle").count()
    page.locator("[data-figure=map] svg").hover()
    assert "test image" in page.locator("[data-figure=map] .beside [role=img]").get_attribute("aria-label")
    page.locator("[data-figure=map] select").select_option(index=1)
    assert page.locator("[data-figure=map] svg g[data-part=dot]").last.locator("circle").count() < errors
    assert "No two images have exactly the same pixels" in page.inner_text("#data-sets")


def test_pictures_fit_on_a_phone(visit, with_pictures: Path) -> None:
    page = visit(with_pictures, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("[data-figure=gallery] select").select_option(index=3)
    assert page.locator("[data-figure=gallery] li [role=img]").first.bounding_box()["width"] > 60


def test_a_live_page_loads_itself_anew_and_keeps_what_was_chosen(visit, make, tmp_path: Path) -> None:
    path = write(make(), tmp_path / "live.html", live=4)
    page = visit(path)
    page.select_option("#scope", "t2")
    page.locator("[data-figure=cost]").get_by_label("Parameters", exact=True).check()
    page.locator("[data-figure=curves] .chip").first.click()
    page.evaluate(
        "document.activeElement.blur(); document.body.dataset.old = 1; scrollTo({top: 900, behavior: 'instant'})"
    )
    page.wait_for_selector("body:not([data-old]) svg[data-drawn=cost]")
    assert page.input_value("#scope") == "t2" and "mnist" in page.inner_text("[data-figure=cost] h3")
    assert page.locator("[data-figure=cost]").get_by_label("Parameters", exact=True).is_checked()
    assert page.locator("[data-figure=curves] .chip").first.get_attribute("aria-pressed") == "false"
    assert abs(page.evaluate("scrollY") - 900) < 40
    page.click("#pause")
    page.evaluate("document.body.dataset.old = 1")
    page.wait_for_timeout(4500)
    assert page.evaluate("document.body.dataset.old") and page.inner_text("#pause") == "Go on"


def test_measured_beside_published(visit, of_a_study: Path) -> None:
    page = visit(of_a_study)
    table = page.locator("#published table.sorted").first
    before = table.locator("tbody td:nth-child(3)").all_inner_texts()
    table.get_by_text("printed", exact=True).click()
    assert table.locator("tbody td:nth-child(3)").all_inner_texts() == sorted(before, key=float)
    figure = page.locator("[data-figure=published]")
    assert figure.locator("svg [data-part=dot] path, svg [data-part=dot] circle").count() == 2 * len(before)
    figure.get_by_label("Differences", exact=True).check()
    assert "+" in figure.locator("svg").text_content()
    figure.locator("select").select_option(index=1)
    with page.expect_download() as started:
        figure.get_by_text("CSV", exact=True).click()
    assert Path(started.value.path()).read_text().startswith("data,network,published,measured,sd,seeds,difference")


def test_the_diagram_of_critical_differences(visit, of_a_study: Path, report: Path) -> None:
    figure = visit(of_a_study).locator("[data-figure=critical]")
    assert "critical difference" in figure.locator("svg").text_content()
    assert figure.locator("svg circle").count() == 3
    figure.get_by_label("Wilcoxon–Holm").check()
    assert "critical difference" not in figure.locator("svg").text_content()
    few = visit(report).locator("[data-figure=critical]")
    assert "no pair can be told apart" in few.inner_text() and few.locator("fieldset").count() == 0


def test_a_mark_leads_to_its_finding(visit) -> None:
    page = visit()
    mark = page.locator("table[data-table=t1] .marks a").last
    number = mark.inner_text()
    assert mark.get_attribute("aria-label").startswith(f"Finding {number}, ")
    mark.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(f"location.hash === '#finding-{number}'")
    assert page.locator(f"#finding-{number}").is_visible()
    page.locator(f"#finding-{number} .touched a").first.click()
    page.wait_for_function("location.hash.startsWith('#t')")
    page.locator("table[data-table=t1] button[data-sort=doubts]").click()
    assert page.locator("table[data-table=t1] th[aria-sort=ascending]").inner_text() == "Audit"


def axe() -> Path | None:
    """Return axe-core's script: from $BAKEOFF_AXE, or put here or globally by `npm install axe-core`."""
    root = Path(__file__).resolve().parents[2]
    places = [Path(os.environ.get("BAKEOFF_AXE", "")), root / "node_modules/axe-core/axe.min.js"]
    if npm := shutil.which("npm"):
        found = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
        places.append(Path(found.stdout.strip()) / "axe-core/axe.min.js")
    return next((place for place in places if place.is_file()), None)


@pytest.mark.parametrize("kind", ["with_pictures", "of_a_study"])
@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_no_serious_issue(visit, request: pytest.FixtureRequest, kind: str, options: dict) -> None:
    script = axe()
    if script is None:
        pytest.skip("axe-core is not installed: npm install axe-core, or set BAKEOFF_AXE to its axe.min.js")
    page = visit(request.getfixturevalue(kind), **options)
    page.evaluate("document.querySelectorAll('details').forEach((own) => { own.open = true; })")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")] == []


def test_hostile_names_are_words(visit, tmp_path: Path) -> None:
    """Neither a script nor an element comes out of a name; what is saved is sound, too."""
    script = "</script><script>window.injected = 1</script>"
    image = "<img src=x onerror='window.injected = 1'>"
    names = [
        f"{piece}{place}"
        for place, piece in enumerate([image, script, "=1+1", "\x1b[31m\u202e", "[bold]{{ 7 }}", "a\nb"])
    ]
    page = visit(
        write(
            hostile_store(tmp_path / "a.db", [*names, *(f"{script}{image}{i}" for i in range(6))]), tmp_path / "a.html"
        )
    )
    assert page.evaluate("window.injected === undefined && document.querySelector('img, iframe, [onerror]') === null")
    for name in ("cost", "curves", "classes"):
        figure = page.locator(f"[data-figure={name}]")
        for kind in ("CSV", "SVG"):
            with page.expect_download() as started:
                figure.get_by_text(kind, exact=True).click()
            saved = Path(started.value.path()).read_text(encoding="utf-8")
            if kind == "SVG":
                ElementTree.fromstring(saved)
            cells = [cell for row in csv.reader(io.StringIO(saved)) for cell in row] if kind == "CSV" else []
            assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    assert page.evaluate("window.injected === undefined")
