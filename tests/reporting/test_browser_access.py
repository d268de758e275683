"""The page in Chromium for every reader: dark, narrow, printed, without a script, and with a screen reader."""

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from test_hostile import hostile_store

from bakeoff.reporting import write


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
    first = page.locator("table[data-table=t1] tbody tr:visible th").first
    assert first.inner_text() in ("conv", "drop")


def test_reads_without_a_script(visit, browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert "resnet20" in page.inner_text("#answer")
    assert page.locator("table[data-table=t1] tbody tr").count() == 4
    assert not page.locator("[data-figure=cost]").is_visible()
    context.close()


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("kind", ["with_pictures", "of_a_study", "of_many"])
def test_nothing_is_clipped_and_targets_are_large(visit, request: pytest.FixtureRequest, kind: str, width: int) -> None:
    check_boxes(visit(request.getfixturevalue(kind), viewport={"width": width, "height": 900}), width)


@pytest.mark.parametrize("name", ["long-names", "contest", "probe", "folds", "failed"])
def test_nothing_is_clipped_on_a_phone(visit, page_of, name: str) -> None:
    check_boxes(visit(page_of(name), viewport={"width": 390, "height": 844}), 390)


def check_boxes(page: Any, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = """all => all.filter(one => {
        const box = one.getBoundingClientRect(), area = one.closest("figure").getBoundingClientRect();
        const frame = one.ownerSVGElement.getBoundingClientRect();
        const [left, right] = [Math.max(area.left - 4, frame.left - 1), Math.min(area.right + 4, frame.right + 1)];
        return box.width && (box.left < left || box.right > right);
    }).map(one => `${one.closest("[data-drawn]").dataset.drawn}: ${one.textContent}`)"""
    assert page.eval_on_selector_all("svg[data-drawn] text", outside) == []
    small = """all => all.filter(one => one.getBoundingClientRect().height)
        .filter(one => one.getBoundingClientRect().height < 23.5)
        .map(one => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`)"""
    pressed = "button, summary, select, .switch label, .bar nav a, .mark a"
    assert page.eval_on_selector_all(pressed, small) == []


def axe() -> Path | None:
    """Return axe-core's script: from $BAKEOFF_AXE, or put here or globally by `npm install axe-core`."""
    root = Path(__file__).resolve().parents[2]
    places = [Path(os.environ.get("BAKEOFF_AXE", "")), root / "node_modules/axe-core/axe.min.js"]
    if npm := shutil.which("npm"):
        found = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False)
        places.append(Path(found.stdout.strip()) / "axe-core/axe.min.js")
    return next((place for place in places if place.is_file()), None)


@pytest.fixture(scope="session")
def find_violations() -> Callable[[Any], list[str]]:
    """Return a function that gives the violations axe-core finds on a page, everything unfolded."""
    script = axe()
    if script is None:
        pytest.skip("axe-core is not installed: npm install axe-core, or set BAKEOFF_AXE to its axe.min.js")
    text = script.read_text(encoding="utf-8")

    def found(page: Any) -> list[str]:
        page.evaluate("document.querySelectorAll('details').forEach((own) => { own.open = true; })")
        page.evaluate(text)
        violations = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        return [f"{one['impact']} {one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations]

    return found


@pytest.mark.parametrize("kind", ["with_pictures", "of_a_study"])
@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 844}}],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_nothing(visit, find_violations, request: pytest.FixtureRequest, kind: str, options: dict) -> None:
    assert find_violations(visit(request.getfixturevalue(kind), **options)) == []


HEAVY = ("twelve-sets", "thousand-classes", "forty")
SHAPES = ("contest", "folds", "probe", "single", "failed")


@pytest.mark.parametrize("name", [*SHAPES, *(pytest.param(name, marks=pytest.mark.accuracy) for name in HEAVY)])
def test_axe_finds_nothing_whatever_the_store(visit, find_violations, page_of, name: str) -> None:
    page = visit(page_of(name))
    assert find_violations(page) == []
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert find_violations(page) == []


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


def print_pages(page: Any) -> int:
    """Print to PDF and return the number of pages."""
    return len(re.findall(rb"/Type\s*/Page[^s]", page.pdf(format="A4")))


def test_print_of_three_networks_on_one_data_set(visit, make, tmp_path: Path) -> None:
    path = make(nets=("conv", "drop", "resnet20"), data=("digits",), real=True, worse=0.03)
    assert print_pages(visit(write(path, tmp_path / "three.html"))) <= 4


def test_print_of_three_networks_on_six_data_sets(visit, of_a_study: Path) -> None:
    """At most eight sheets, with answer, ranking and two charts of each data set; the screen stays as it was."""
    page = visit(of_a_study)
    before = page.inner_text("main")
    assert print_pages(page) <= 8
    assert page.locator(".charts-printed").count() == 0
    assert page.inner_text("main") == before

    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".charts-printed").count() == 6
    assert [place.locator("svg").count() for place in page.locator(".charts-printed").all()] == [2] * 6
    answers, rankings = page.inner_text("#answer"), page.inner_text("#ranking")
    for name in ("mnist", "fashion-mnist", "kmnist", "svhn", "digits", "cifar10"):
        assert f"on {name}" in answers
        assert page.locator(".ranking h3", has_text=re.compile(rf"^\s*{name}")).is_visible() and name in rankings
    for name in ("classes", "images", "datasets"):
        assert not page.locator(f"#{name}").is_visible()
    assert "How sure" in answers

    page.set_viewport_size({"width": 695, "height": 1000})  # A4 within the margins
    assert page.evaluate("document.documentElement.scrollWidth") == 695
    too_wide = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"
    assert page.eval_on_selector_all(".scroll", too_wide) == []
