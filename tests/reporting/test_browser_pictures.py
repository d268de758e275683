"""Images on the page in Chromium."""

import re
from pathlib import Path

from bakeoff.reporting import write


def test_a_gallery_of_a_network(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    figure = page.locator("[data-figure=gallery]")
    figure.locator("select").select_option(index=3)
    pictures = figure.locator("li [role=img]")
    assert pictures.count() == 32
    told = pictures.first.get_attribute("aria-label")
    assert "predicted as" in told and "of 3 seeds" in told
    assert figure.locator("li b").count() == 32
    image = page.evaluate("e => getComputedStyle(e).backgroundImage.slice(0, 20)", pictures.first.element_handle())
    assert image == 'url("data:image/webp'
    places = {p.evaluate("e => e.style.backgroundPosition") for p in pictures.all()}
    assert len(places) == 32
    figure.get_by_label("Correct, most confident").focus()
    page.keyboard.press("Space")
    assert pictures.count() == 10 and figure.locator("li b").count() == 0
    with page.expect_download() as started:
        figure.get_by_text("CSV", exact=True).click()
    lines = Path(started.value.path()).read_text().splitlines()
    assert lines[0] == "data,recipe,image,file,true,taken,confidence,right,seeds" and len(lines) == 11
    assert figure.get_by_text("SVG", exact=True).is_hidden()


def test_hard_and_disputed_images(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    figure = page.locator("[data-figure=together]")
    figure.get_by_label("Most disagreement").check()
    assert figure.locator("li").count() > 8
    assert "says" in figure.locator("li").first.inner_text()
    assert "networks disagree on" in figure.inner_text()


def test_the_data_section(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    assert page.locator("[data-figure=examples] [role=img]").count() == 100
    assert "139 to 144 a class" in page.inner_text("[data-figure=balance]")
    errors = page.locator("[data-figure=map] svg g[data-part=dot]").last.locator("circle").count()
    page.locator("[data-figure=map] svg").hover()
    assert "test image" in page.locator("[data-figure=map] .preview [role=img]").get_attribute("aria-label")
    page.locator("[data-figure=map] select").select_option(index=1)
    assert page.locator("[data-figure=map] svg g[data-part=dot]").last.locator("circle").count() < errors
    assert "No two images have exactly the same pixels" in page.inner_text("#datasets")


def test_pictures_fit_on_a_phone(visit, with_pictures: Path) -> None:
    page = visit(with_pictures, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator("[data-figure=gallery] select").select_option(index=3)
    assert page.locator("[data-figure=gallery] li [role=img]").first.bounding_box()["width"] > 60


def test_pairs_and_two_networks_beside_each_other(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    matrix = page.locator("[data-figure=pairs]")
    assert matrix.locator("svg g[data-part=cell] rect").count() == 12
    matrix.locator("summary").click()
    matrix.locator("tbody tr").first.wait_for()
    assert matrix.locator("tbody tr").count() == 6 and "seeds would show it" in matrix.locator("table").inner_text()
    figure = page.locator("[data-figure=versus]")
    figure.locator("select").last.select_option("lenet-afif")
    counts = re.search(r"alone: (\d+) test images?; for lenet-afif alone: (\d+)", figure.inner_text())
    assert int(counts[1]) > int(counts[2]) and figure.locator("li [role=img]").count() > 8
    figure.get_by_text("Only these two in all charts").click()
    chips = page.locator("[data-figure=curves] .chip[aria-pressed=true]")
    assert sorted(chips.all_inner_texts()) == ["lenet-afif", "resnet20"]


def test_pressing_a_confusion_or_a_picture_shows_images_enlarged(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    viewer = page.locator("dialog.viewer")
    figure = page.locator("[data-figure=confusion]")
    figure.locator("select").select_option("lenet-afif")
    first = figure.locator(".confusions button").first
    true, taken = re.match(r"(\d) → (\d)", first.inner_text()).groups()
    first.click()
    assert viewer.locator("h3").inner_text() == f"{true} predicted as {taken} by lenet-afif"
    assert viewer.locator("li b").all_inner_texts() == [true] * viewer.locator("li").count()
    said = viewer.locator("li").first.inner_text()
    assert f"lenet-afif: {taken}, " in said and re.search(r"resnet20: \d, \d+(\.\d)?\u202f%", said)
    shown, every = re.search(r"(\d+) of (\d+) images shown, by the vote of 3 seeds", viewer.inner_text()).groups()
    assert int(shown) == int(every) == viewer.locator("li").count()
    viewer.get_by_text("Close").click()
    assert figure.locator("svg.key").count() == 1
    page.locator("[data-figure=gallery] li button").first.click()
    assert viewer.locator("li").count() == 1 and viewer.locator("li small").count() == 5
    page.keyboard.press("Escape")
    assert not viewer.is_visible()


def test_images_that_the_page_does_not_hold_are_counted(visit, make, tmp_path: Path) -> None:
    path = make(nets=("conv", "drop"), data=("digits",), real=True, worse=0.3)
    page = visit(write(path, tmp_path / "few.html", images=60))
    page.locator("[data-figure=confusion] .confusions button").first.click()
    viewer = page.locator("dialog.viewer")
    shown, every = re.search(r"(\d+) of (\d+) images shown", viewer.inner_text()).groups()
    assert 0 < int(shown) == viewer.locator("li").count() < int(every)
    assert "The page holds 60 of 382 test images; bakeoff report --images 382 embeds more." in viewer.inner_text()
    viewer.get_by_text("Close").click()
    versus = page.locator("[data-figure=versus]")
    assert (
        re.search(r"Only conv is right \d+ of \d+", versus.inner_text())
        and "conv: " in versus.locator("li").first.inner_text()
    )
    versus.get_by_text("Enlarge all").first.click()
    assert re.search(r"\d+ of \d+ images shown", viewer.inner_text())
    viewer.get_by_text("Close").click()
    versus.locator("summary").click()
    versus.locator("tbody tr").first.wait_for()
    alone = re.search(r"alone: (\d+) test images?; for drop alone: (\d+)", versus.inner_text()).groups()
    for column, total in zip((2, 3), alone, strict=True):
        cells = versus.locator(f"tbody td:nth-child({column})").all_inner_texts()
        assert sum(map(int, cells)) == int(total), "counted by class over all images"


def test_a_hundred_classes_are_shown_by_the_most_confused(visit, make, tmp_path: Path) -> None:
    classes = [f"class {place}" for place in range(100)]
    path = make(nets=("conv",), data=("birds",), classes=classes, images=3000, worse=0.3)
    page = visit(write(path, tmp_path / "hundred.html"))
    figure = page.locator("[data-figure=confusion]")
    assert figure.locator("svg g[data-part=cell] rect").count() == 20 * 20
    assert figure.locator(".confusions button").count() == 12
    figure.get_by_label("All", exact=True).check()
    assert figure.locator("svg g[data-part=cell] rect").count() == 100 * 100
    sizes = page.locator("[data-figure=balance]")
    assert sizes.locator("svg g[data-part=bar] rect").count() == 40
    assert "Numbers (100 rows)" in sizes.inner_text()
