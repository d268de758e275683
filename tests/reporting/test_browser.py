"""The page in Chromium, from disk, with the network off. Skipped with a reason where there is no browser."""

import re
from pathlib import Path

from pages import FORTY

from bakeoff.reporting import write


def test_every_figure_is_drawn(visit) -> None:
    page = visit()
    drawn = page.eval_on_selector_all("svg[data-drawn]", "all => all.map(svg => svg.dataset.drawn)")
    assert drawn == [
        "critical",
        "standing",
        "pairs",
        "cost",
        "target",
        "progress",
        "curves",
        "fit",
        "classes",
        "confusion",
        "calibration",
        "balance",
    ]
    assert page.locator("[data-figure=quality] tbody tr").count() == 4
    assert re.findall(r".{9}\d ?%", page.inner_text("body")) == [], "a narrow no-break space before each %"
    assert "images of digits on this machine differ" in page.inner_text("[data-figure=examples]")
    assert page.locator("[data-figure=cost] svg text", has_text="resnet20").count() >= 1


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
    for choice in ("Loss", "Time", "Single runs", "Close-up"):
        figure.get_by_label(choice, exact=True).check()
    for chip in figure.locator(".chip").all()[1:]:
        chip.click()
    assert figure.locator(".chip[aria-pressed=true]").count() == 1
    assert figure.locator("svg [data-part=line] path").count() == 2 * 3
    assert "Time of training" in figure.locator("svg").text_content()
    figure.locator(".chip").first.click()
    assert "Choose a network above" in figure.inner_text()


def test_a_network_that_is_pointed_at_stands_out_everywhere(visit) -> None:
    page = visit()
    row = page.locator("table[data-table=t1] tr[data-net=conv]")
    row.hover()
    assert page.locator("[data-net].hot").count() > 8
    assert set(page.eval_on_selector_all(".hot", "all => all.map(one => one.dataset.net)")) == {"conv"}
    opacity = "e => getComputedStyle(e).opacity"
    assert page.locator("[data-figure=cost] svg [data-net=drop]").first.evaluate(opacity) == "0.22"
    mark = page.locator("[data-figure=cost] svg [data-net=drop][tabindex]")
    assert "drop, 9" in mark.get_attribute("aria-label")
    page.mouse.move(0, 0)
    page.locator("[data-figure=cost] svg [tabindex]").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.documentElement.dataset.hot") in ("conv", "drop", "resnet20", "lenet-afif")


def test_the_selection_is_shared_by_charts_and_tables_and_in_the_address(visit, make, tmp_path: Path) -> None:
    path = write(make(nets=list(FORTY), kinds=FORTY, data=("digits",), seeds=2), tmp_path / "forty.html")
    page = visit(path)
    chips = page.locator("[data-figure=curves] .chip[aria-pressed=true]")
    assert chips.count() == 6
    last = page.locator("table[data-table=t1] tbody tr").last
    last.locator(".pick").click()
    label = last.get_attribute("data-net")
    assert chips.count() == 7 and label in chips.all_inner_texts()
    assert page.locator(f"[data-figure=curves] svg g[data-part=line] [data-net='{label}']").first.is_visible()
    assert "nets=" in page.url and label in page.url
    page.locator("[data-figure=cost]").get_by_label("FLOPs", exact=True).check()
    assert "cost.cost=flops" in page.url
    again = visit(path, query=f"#cost&cost.cost=flops&nets={label}")
    assert again.locator("[data-figure=curves] .chip[aria-pressed=true]").all_inner_texts() == [label]
    assert again.locator("[data-figure=cost]").get_by_label("FLOPs", exact=True).is_checked()


def test_a_collapsed_network_ruins_no_scale(visit, make, tmp_path: Path) -> None:
    path = write(make(nets=("conv", "drop", "nin"), data=("digits",), collapsed=("nin",)), tmp_path / "nin.html")
    page = visit(path)
    figure = page.locator("[data-figure=cost]")
    assert figure.locator("svg [data-net=nin]").count() == 0
    figure.get_by_label("with 1 unusable network").check()
    assert figure.locator("svg [data-net=nin]").count() > 0
    assert page.locator("[data-figure=fit]").get_by_label("with 1 unusable network").is_checked()
    assert "predicts a single class" in page.locator("tr.unusable").inner_text()


def test_ticks_are_round(visit) -> None:
    page = visit()
    ticks = "([limits, options, say]) => roundTicks(limits, options).map(format[say])"
    seconds = page.evaluate(ticks, [[0, 7000], {"kind": "seconds"}, "clock"])
    assert [text.replace("\u202f", " ") for text in seconds] == ["0 s", "30 min", "60 min", "90 min"]
    sizes = page.evaluate(ticks, [[2e5, 5e9], {"kind": "bytes", "log": True, "most": 6}, "bytes"])
    assert all(float(text.split("\u202f")[0]) in [2**n for n in range(11)] for text in sizes)
    counts = page.evaluate(ticks, [[6e4, 5e7], {"log": True, "most": 8}, "short"])
    assert [text.replace("\u202f", " ") for text in counts] == ["100 k", "300 k", "1 M", "3 M", "10 M", "30 M"]
    rates = page.evaluate(
        "roundTicks([300, 12000], {log: true}).map(COSTS.find((c) => c.name === 'images_per_second').tick)"
    )
    assert rates[-1] == "10\u202fk"
    assert page.evaluate("[86400, 172800, 90, 0.5].map(format.clock)") == [
        f"{text}\u202f{unit}" for text, unit in [(24, "h"), (2, "days"), (90, "s"), (0.5, "s")]
    ]
    assert page.evaluate("format.decimal(-0.5) + format.percent(-0.01, 1)") == "−0.5−1.0\u202f%"


def test_zooming_by_box_wheel_and_keys(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=cost]")
    marks = figure.locator("svg [tabindex]")
    figure.locator("svg").evaluate("svg => svg.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = marks.first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    label = marks.first.get_attribute("data-net")
    page.mouse.move(x - 25, y - 25)
    page.mouse.down()
    page.mouse.move(x + 25, y + 25, steps=3)
    page.mouse.up()
    assert marks.count() < 4 and label in marks.evaluate_all("all => all.map(one => one.dataset.net)")
    figure.get_by_label("Show the whole chart").click()
    assert marks.count() == 4 and figure.get_by_label("Show the whole chart").is_disabled()
    assert page.evaluate("document.activeElement.dataset.zoom") == "in"
    mark = figure.locator(f"svg [tabindex][data-net={label}]")
    mark.focus()
    for _ in range(6):
        page.keyboard.press("+")
    assert page.evaluate("document.activeElement.dataset.net") == label, "the mark keeps the focus and stays"
    assert marks.count() == 1
    page.keyboard.press("0")
    assert marks.count() == 4
    page.mouse.move(x, y)
    before = page.evaluate("scrollY")
    page.keyboard.down("Control")
    for _ in range(8):
        page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("document.querySelectorAll('[data-figure=cost] svg [tabindex]').length === 1")
    assert page.evaluate("scrollY") == before
    figure.get_by_label("Error, log", exact=True).check()
    assert marks.count() == 4, "another axis shows all"
    figure.get_by_label("All", exact=True).check()
    assert figure.locator("svg svg").count() == 2 and marks.count() == 8


def test_views_are_parts_of_the_whole(visit) -> None:
    page = visit()
    assert page.evaluate("zoomView(WHOLE_VIEW, 0.5, [0, 1])") == [0, 0.5, 0.5, 1]
    assert page.evaluate("zoomView([0.2, 0.4, 0, 0.1], 100)") == [0, 1, 0, 1]
    assert page.evaluate("moveView([0, 0.5, 0.5, 1], -1, 0.5)") == [0, 0.5, 0.5, 1]
    assert page.evaluate("boxView(WHOLE_VIEW, [0.75, 0.5], [0.25, 2])") == [0.25, 0.75, 0.5, 1]
    assert page.evaluate("partOf([1, 10000], true, 0.25, 0.5)") == [10, 100]
    assert page.evaluate("partOf([0, 8], false, 0.25, 0.5)") == [2, 4]


def test_marks_are_read_by_keyboard(visit, with_pictures: Path) -> None:
    page = visit(with_pictures)
    charts = page.locator("svg[data-drawn]")
    assert (
        charts.evaluate_all("all => all.filter(one => !one.matches('[tabindex]') && !one.querySelector('[tabindex]'))")
        == []
    )
    figure = page.locator("[data-figure=fit]")
    said = figure.locator(".said")
    figure.locator("svg").focus()
    assert "4 values" in said.inner_text()
    page.keyboard.press("ArrowRight")
    assert said.inner_text().startswith("resnet20, Training accuracy")
    page.keyboard.press("End")
    assert (
        said.inner_text().startswith("lenet-afif")
        and page.evaluate("document.documentElement.dataset.hot") == "lenet-afif"
    )
    page.locator("[data-figure=confusion] select").select_option("lenet-afif")
    page.locator("[data-figure=confusion] svg[data-drawn]").focus()
    page.keyboard.press("Home")
    true, taken = page.locator("[data-figure=confusion] .said").inner_text().split(", ")[:2]
    page.keyboard.press("Enter")
    assert page.locator("dialog h3").inner_text() == f"{true} predicted as {taken} by lenet-afif"


def test_the_best_so_far_against_time(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=progress]")
    figure.get_by_label("Training time of all runs").check()
    figure.locator("summary").click()
    figure.locator("tbody tr").first.wait_for()
    cells = figure.locator("tbody td:nth-child(5)").all_inner_texts()
    accuracies = [float(text.split("\u202f")[0]) for text in cells]
    assert accuracies == sorted(accuracies) and len(accuracies) > 3
    best = page.evaluate("d3.max(DATA.tables[0].runs, (run) => d3.max(run.epochs.validation_accuracy))")
    assert accuracies[-1] == round(100 * best, 1)
    assert (
        figure.locator("tbody td:first-child").last.inner_text()
        in page.locator("[data-figure=progress] p").inner_text()
    )


def test_a_live_page_reloads_and_keeps_choices(visit, make, tmp_path: Path) -> None:
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
    assert page.evaluate("document.body.dataset.old") and page.inner_text("#pause") == "Resume"


def test_the_diagram_of_critical_differences(visit, of_a_study: Path, report: Path) -> None:
    figure = visit(of_a_study).locator("[data-figure=critical]")
    assert "critical difference" in figure.locator("svg").text_content()
    assert figure.locator("svg circle").count() == 3
    figure.get_by_label("Wilcoxon–Holm").check()
    assert "critical difference" not in figure.locator("svg").text_content()
    few = visit(report).locator("[data-figure=critical]")
    assert "no pair" in few.inner_text() and few.locator("fieldset").count() == 0


def test_what_figures_lack_for_one_reason_is_said_once(visit) -> None:
    page = visit()
    assert page.locator(".chart .message:visible", has_text="on this machine differ").count() == 1


def test_networks_without_usable_numbers_are_not_compared(visit, page_of) -> None:
    page = visit(page_of("unusable"))
    assert "no two networks with usable numbers" in page.inner_text("[data-figure=pairs]")
    assert "no usable number" in page.inner_text("[data-figure=versus]")
    frame = page.locator("[data-figure=versus] svg").first.bounding_box()
    bars = [bar.bounding_box() for bar in page.locator("[data-figure=versus] svg rect").all()]
    assert not [bar for bar in bars if bar and bar["width"] > frame["width"] / 2], "a difference of zero has no bar"
    menus = page.locator("figure .controls select").all()
    assert menus and all(menu.locator("option").count() for menu in menus)


def test_a_single_epoch_and_a_single_cost_are_drawn(visit, page_of) -> None:
    page = visit(page_of("folds"))
    assert page.locator("[data-figure=curves] g[data-part=dot] circle").count() == 6
    ticks = page.locator("[data-figure=cost] g[data-part='x-axis tick label'] text").all_text_contents()
    assert ticks == ["1\u202fk"]
