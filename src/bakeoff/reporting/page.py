"""Build the page: template, style, scripts and numbers in one HTML file that opens from disk without a network."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from bakeoff.analysis.audit import audit_snapshot
from bakeoff.analysis.dial import read_responses
from bakeoff.analysis.published import RULE
from bakeoff.analysis.ranking import RankBy
from bakeoff.analysis.tendencies import find_tendencies
from bakeoff.analysis.untested import count_untested
from bakeoff.data.properties import LABELS, format_property
from bakeoff.errors import BakeoffError
from bakeoff.reporting.answer import AnswerBlock, write_answers
from bakeoff.reporting.contest import list_trainings
from bakeoff.reporting.contest_section import ContestSection, view_contests
from bakeoff.reporting.critical_difference import build_diagrams
from bakeoff.reporting.datasets import collect_datasets
from bakeoff.reporting.dial import RULE as EXPERIMENTS_RULE
from bakeoff.reporting.dial import ExperimentView, view_experiments
from bakeoff.reporting.explained import ExplainedFailures, explain_failures
from bakeoff.reporting.findings import NumberedFindings, number_findings
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.markup import make_environment
from bakeoff.reporting.model import ReportModel
from bakeoff.reporting.payload import build_payload, to_script
from bakeoff.reporting.provenance import collect_provenance
from bakeoff.reporting.published import PublishedStudy, compare_published
from bakeoff.reporting.row_formats import format_rows
from bakeoff.reporting.strips import lay_out_strips, make_overview
from bakeoff.reporting.tables import ALL_PARAMETERS
from bakeoff.spec.paths import store_argument, write_output
from bakeoff.store.store import Store
from bakeoff.text import formats

if TYPE_CHECKING:
    pass

HERE = Path(__file__).parent
COLOURS = 8
"""Colours of the style sheet; further networks are grey until they are chosen."""
STYLES = ("base.css", "answer.css", "tables.css", "figures.css", "sections.css", "narrow.css", "print.css")
"""Later ones win."""
LIBRARIES = ("charts.min.js",)
SCRIPTS = (
    "core.js",
    "state.js",
    "selection.js",
    "ticks.js",
    "table.js",
    "export.js",
    "figure.js",
    "zoom.js",
    "keys.js",
    "costs.js",
    "labels.js",
    "cost.js",
    "critical_difference.js",
    "standing.js",
    "target.js",
    "progress.js",
    "curves.js",
    "fit.js",
    "viewer.js",
    "classes.js",
    "confusion.js",
    "calibration.js",
    "gallery.js",
    "pairs.js",
    "runs.js",
    "datasets.js",
    "published.js",
    "dial.js",
    "contest.js",
    "live.js",
    "print.js",
    "start.js",
)
"""In order of dependency; each file of figures adds to `figures`."""


def build_page(
    store: str | Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
    rank_by: RankBy = "test",
    full_paths: bool = False,
    images: int | None = None,
    explain: bool = False,
) -> str:
    """Return the page of a store as HTML.

    Args:
        store: the SQLite file.
        title: page title; by default, what was compared on which data.
        pictures: show test images if the data set is on this machine.
        live: seconds between reloads of the page; None for a static page.
        rank_by: the accuracy that decides which network is best; see `ranking.RANK_BY`.
        full_paths: show absolute paths as they are, which tell who ran this and where; by default only their last part.
        images: test images to embed of each data set; by default as many as make a page of about a megabyte.
        explain: show where the best network of each table looked in test images that it got wrong.

    Raises:
        BakeoffError: there is no store at that path, or it holds no runs, or Captum is missing where it is needed.
    """
    model = load_page_model(store, rank_by)
    if not model.tables:
        raise BakeoffError(f"{store} holds no runs yet: `bakeoff run{store_argument(store)}` adds some")
    with Store(store) as opened:
        published, experiments = compare_published(opened, model.results), view_experiments(read_responses(opened))
        explained = explain_failures(model.tables, opened.files) if explain else []
    found = number_findings(audit_snapshot(model.snapshot), model.tables)
    contests = view_contests(Path(store))
    return render(
        model,
        found,
        published,
        experiments,
        contests,
        title=title,
        pictures=pictures,
        live=live,
        full_paths=full_paths,
        images=images,
        explained=explained,
    )


def write(
    store: str | Path,
    output: str | Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
    rank_by: RankBy = "test",
    full_paths: bool = False,
    images: int | None = None,
    explain: bool = False,
) -> Path:
    """Write the page of a store to `output` and return its path; arguments as for `build_page`.

    Raises:
        BakeoffError: there is no store at that path, it holds no runs, or `output` cannot be written.
    """
    built = build_page(
        store,
        title=title,
        pictures=pictures,
        live=live,
        rank_by=rank_by,
        full_paths=full_paths,
        images=images,
        explain=explain,
    )
    return save_page(built, Path(output))


def save_page(page: str, output: Path) -> Path:
    """Write text to a file, replacing an old one only when the new one is complete.

    Raises:
        BakeoffError: the file cannot be written.
    """
    write_output(output, page)
    return output


def render(
    model: ReportModel,
    found: NumberedFindings,
    published: Sequence[PublishedStudy] = (),
    experiments: Sequence[ExperimentView] = (),
    contests: Sequence[ContestSection] = (),
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
    full_paths: bool = False,
    images: int | None = None,
    explained: Sequence[ExplainedFailures] = (),
) -> str:
    """Render the template."""
    counts = {line.row.parameters_are for table in model.tables for line in table.lines}
    datasets, over_data = collect_datasets(model.tables, pictures=pictures, images=images), build_diagrams(model.tables)
    return (
        make_environment(full_paths=full_paths)
        .get_template("page.html")
        .render(
            title=title or headline(model),
            model=model,
            answers=[_add_warnings(answer, model, found) for answer in write_answers(model, contests)],
            findings=found,
            published=published,
            rule=RULE,
            experiments=experiments,
            experiments_rule=EXPERIMENTS_RULE,
            contests=contests,
            properties=find_tendencies(model.snapshot),
            property_labels=LABELS,
            format_property=format_property,
            colours={label: f"c{place}" for place, label in enumerate(model.nets[:COLOURS])},
            has_intervals=any(table.has_intervals for table in model.tables),
            validated_on=formats.listing(sorted({table.validated_on for table in model.tables})),
            all_parameters=ALL_PARAMETERS if "all" in counts else "",
            diagrams=over_data,
            strips={table.key: lay_out_strips(table) for table in model.tables},
            trainings=list_trainings([*model.contest, *model.tables]),
            overview=make_overview(model.tables),
            failures=[(t, line, r) for t in model.tables for line in t.lines for r in line.cell.results if r.failure],
            provenance=collect_provenance(model),
            datasets=datasets,
            explained=explained,
            live=live,
            untested={table.key: count_untested(table.results) for table in model.tables},
            has_results=any(table.measured for table in model.tables),
            has_epochs=any(result.epochs for result in model.results),
            newest=max((r.finished for r in model.results if r.finished), default=None),
            style=Markup("\n").join(_inline("styles", name) for name in STYLES),
            libraries=[_inline("vendor", name) for name in LIBRARIES],
            script=Markup("\n").join(_inline("js", name) for name in SCRIPTS),
            data=Markup(
                to_script(
                    build_payload(model, datasets, over_data, published)
                    | {
                        "experiments": [own.payload for own in experiments],
                        "contests": [own.payload for own in contests],
                    }
                    | {"ranking": _write_ranking(model, found)},
                    full_paths=full_paths,
                )
            ),
        )
    )


def _write_ranking(model: ReportModel, found: NumberedFindings) -> dict[str, list[str]]:
    """Return the rankings in each format that the page saves, as lines."""
    rows, findings = [line.row for table in model.tables for line in table.lines], [item.finding for item in found.all]
    return {form: format_rows(rows, findings, form).split("\n") for form in ("csv", "markdown", "latex")}


def _add_warnings(answer: AnswerBlock, model: ReportModel, found: NumberedFindings) -> AnswerBlock:
    """Put serious audit findings first among the cautions of an answer."""
    warnings = [caution for table in model.tables if table.key == answer.key for caution in found.warn_about(table)]
    return replace(answer, cautions=(*warnings, *answer.cautions))


def _inline(*parts: str) -> Markup:
    """Return a file for the page, own scripts and styles without indentation and lines of comment."""
    text = HERE.joinpath(*parts).read_text(encoding="utf-8")
    return Markup(text if parts[0] == "vendor" else re.sub(r"^\s+|^//.*\n", "", text, flags=re.M))


def headline(model: ReportModel) -> str:
    """Return a title: "4 networks on digits and mnist", "2 networks with 3 recipes on digits"."""
    data = list(dict.fromkeys(table.data for table in model.tables))
    nets = {line.cell.net for table in model.tables for line in table.lines}
    compared = {line.row.recipe for table in model.tables if table.compares_recipes for line in table.lines}
    recipes = f" with {formats.counted(len(compared), 'recipe')}" if compared else ""
    return f"{formats.counted(len(nets), 'network')}{recipes} on {formats.listing(data, 4)}"
