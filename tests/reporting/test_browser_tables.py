"""Tables of the page in Chromium: sorting, filtering, saving and copying."""

from itertools import combinations, permutations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bakeoff.reporting import write
from bakeoff.reporting.leads import describe_numbers
from bakeoff.reporting.loading import load_page_model


def networks(page: Any, table: str = "t1") -> list[str]:
    return page.locator(f"table[data-table={table}] tbody tr:visible th").all_inner_texts()


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


def test_downloads(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=cost]")
    texts = {}
    for kind in ("CSV", "SVG", "PNG"):
        with page.expect_download() as started:
            figure.get_by_text(kind, exact=True).click()
        assert started.value.suggested_filename == f"cost_digits_train_seconds.{kind.lower()}"
        texts[kind] = Path(started.value.path()).read_bytes()
    header, first, *_ = texts["CSV"].decode().splitlines()
    assert header == "data,recipe,network,train_seconds,accuracy,low,high,seeds,front,probability"
    assert first.startswith("digits,quick,resnet20,")
    assert 0 <= float(first.split(",")[-1]) <= 1
    assert b"var(--" not in texts["SVG"].replace(b'"var(--', b"") and texts["SVG"].startswith(b"<svg")
    assert texts["PNG"].startswith(b"\x89PNG")
    drawing = ElementTree.fromstring(texts["SVG"])
    words = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert words[0] == "Accuracy against cost: digits"
    assert {"resnet20", "lenet-afif", "conv", "drop"} <= set(words[-4:])


def test_published_numbers(visit, of_a_study: Path) -> None:
    page = visit(of_a_study)
    table = page.locator("#published table.sorted").first
    before = table.locator("tbody td:nth-child(3)").all_inner_texts()
    table.get_by_text("published", exact=True).click()
    assert table.locator("tbody td:nth-child(3)").all_inner_texts() == sorted(before, key=float)
    figure = page.locator("[data-figure=published]")
    assert figure.locator("svg [data-part=dot] path, svg [data-part=dot] circle").count() == 2 * len(before)
    figure.get_by_label("Differences", exact=True).check()
    assert "+" in figure.locator("svg").text_content()
    figure.locator("select").select_option(index=1)
    with page.expect_download() as started:
        figure.get_by_text("CSV", exact=True).click()
    assert Path(started.value.path()).read_text().startswith("data,network,published,measured,sd,seeds,difference")


def test_a_mark_leads_to_its_finding(visit) -> None:
    page = visit()
    mark = page.locator("table[data-table=t1] .severities .mark.is-caution").last
    link, text = mark.locator("a"), mark.locator("[role=tooltip]")
    address = link.get_attribute("href")
    assert not text.is_visible()
    link.focus()
    assert text.is_visible() and text.get_attribute("id") == link.get_attribute("aria-describedby")
    assert text.locator("span").first.inner_text() in page.locator(address).text_content()
    page.keyboard.press("Enter")
    page.wait_for_function(f"location.hash === '{address}'")
    assert page.locator(address).is_visible()
    page.locator(f"{address} .affected a").first.click()
    page.wait_for_function("location.hash.startsWith('#t')")
    page.locator("table[data-table=t1] button[data-sort=audit]").click()
    assert page.locator("table[data-table=t1] th[aria-sort=ascending]").inner_text() == "Audit"


def test_the_ranking_is_saved_and_headings_have_links(visit) -> None:
    page = visit()
    with page.expect_download() as started:
        page.get_by_label("Save the ranking as LaTeX").click()
    assert started.value.suggested_filename == "ranking.tex"
    assert "\\begin{tabular}" in Path(started.value.path()).read_text()
    page.locator("#table-t2 h3 .anchor").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#table-t2"


def test_the_order_of_a_table_is_in_the_address(visit, report: Path) -> None:
    page = visit()
    page.locator("table[data-table=t1] button[data-sort=parameters]").click()
    page.locator("table[data-table=t1] button[data-sort=parameters]").click()
    again = visit(report, query=page.evaluate("location.hash"))
    assert networks(again) == networks(page) and networks(again)[0] == "resnet20"


def test_the_table_of_all_runs(visit) -> None:
    page = visit()
    figure = page.locator("[data-figure=runs]")
    assert figure.locator("tbody tr").count() == 12 and figure.locator("tbody svg").count() >= 10
    page.select_option("#scope", "t2")
    figure.get_by_label("Not finished").check()
    states = figure.locator("tbody td:nth-child(3)").all_inner_texts()
    assert states and set(states) <= {"failed", "waiting"}
    with page.expect_download() as started:
        figure.get_by_text("CSV", exact=True).click()
    assert "curve" not in Path(started.value.path()).read_text().splitlines()[0]


def test_what_is_copied_from_a_table_are_rows(visit) -> None:
    page = visit()
    copied = page.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector("table[data-table=t1] tbody"));
        const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true });
        document.dispatchEvent(event);
        return event.clipboardData.getData("text/plain");
    }""")
    rows = [line.split("\t") for line in copied.splitlines()]
    assert len(rows) == 4 and len({len(row) for row in rows}) == 1 and rows[0][1] == "resnet20"


def test_pairs_are_written_as_in_the_answer_and_only_significant_ones_are_bold(visit, make, tmp_path: Path) -> None:
    path = make(nets=("lenet-afif", "conv", "resnet20"), data=("digits",), noise=0.001, images=2000)
    page = visit(write(path, tmp_path / "pairs.html", pictures=False))
    figure = page.locator("[data-figure=versus]")
    table = load_page_model(path).tables[0]
    for first, second in combinations(table.ranked, 2):
        for one, other in ((first, second), (second, first)):
            figure.locator("select").first.select_option(one.label)
            figure.locator("select").last.select_option(other.label)
            assert describe_numbers(table.lead(one, other)) in figure.locator("p").first.inner_text()
    bold = page.locator("[data-figure=pairs] svg g[font-weight='700'] text").all_inner_texts()
    pairs = permutations([line for line in table.ranked if line.right], 2)
    expected = sum(table.lead(one, other).is_significant for one, other in pairs)
    assert len(bold) == expected > 0
