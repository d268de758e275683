"""Build the page: template, style, scripts and numbers in one HTML file that opens from disk without a network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from bakeoff.analysis.audit import look_through
from bakeoff.analysis.dial import responses
from bakeoff.analysis.published import RULE
from bakeoff.analysis.ranking import RankBy
from bakeoff.analysis.tendencies import tendencies
from bakeoff.data.properties import LABELS, tell_property
from bakeoff.errors import BakeoffError
from bakeoff.reporting.answer import Answer, answers
from bakeoff.reporting.critical_difference import diagrams
from bakeoff.reporting.datasets import collect
from bakeoff.reporting.dial import RULE as EXPERIMENTS_RULE
from bakeoff.reporting.dial import Shown, shown
from bakeoff.reporting.findings import Doubts, doubts
from bakeoff.reporting.model import Facts, Line, Table, read
from bakeoff.reporting.payload import payload, to_script
from bakeoff.reporting.provenance import method
from bakeoff.reporting.published import PublishedStudy, compare_published
from bakeoff.reporting.tables import ALL_PARAMETERS
from bakeoff.spec.paths import write_whole
from bakeoff.store.store import Store
from bakeoff.text import formats
from bakeoff.text.safe import visible

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent
LIBRARIES = ("d3.min.js", "plot.umd.min.js")
SCRIPTS = (
    "core.js",
    "table.js",
    "figure.js",
    "cost.js",
    "critical.js",
    "target.js",
    "curves.js",
    "classes.js",
    "calibration.js",
    "gallery.js",
    "data.js",
    "published.js",
    "dial.js",
    "live.js",
    "start.js",
)
"""In the order in which they need one another; each file of figures adds to `figures`."""


def build(
    store: str | Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
    rank_by: RankBy = "test",
) -> str:
    """Return the page of a store as HTML.

    Args:
        store: the SQLite file.
        title: of the page; made from what was compared if None.
        pictures: show test images, where the data set is on this machine.
        live: seconds after which the page loads itself anew, None for a page that stays as it is.
        rank_by: the accuracy that decides which network is best; see `ranking.RANK_BY`.

    Raises:
        BakeoffError: there is no store at that path, or it holds no runs.
    """
    facts = read(store, rank_by)
    if not facts.tables:
        raise BakeoffError(f"{store} holds no runs yet: `bakeoff run --store {store}` makes some")
    with Store(store) as opened:
        published, experiments = compare_published(opened, facts.results), shown(responses(opened))
    found = doubts(look_through(facts.material), facts.tables)
    return render(facts, found, published, experiments, title=title, pictures=pictures, live=live)


def write(
    store: str | Path,
    output: str | Path,
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
    rank_by: RankBy = "test",
) -> Path:
    """Write the page of a store to `output` and return its path; arguments as for `build`.

    Raises:
        BakeoffError: there is no store at that path, it holds no runs, or `output` cannot be written.
    """
    return save(build(store, title=title, pictures=pictures, live=live, rank_by=rank_by), Path(output))


def save(page: str, output: Path) -> Path:
    """Write a text to a file. The old one stays until the new one is whole.

    Raises:
        BakeoffError: the file cannot be written.
    """
    try:
        write_whole(output, page)
    except OSError as error:
        raise BakeoffError(f"cannot write the report to {output}: {error.strerror or error}") from error
    return output


def environment() -> "jinja2.Environment":
    """Return what renders the templates: escaping on, formats of numbers and names at hand."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_seen,
    )
    made.filters |= {"bold": bold, "code": code, "sortable": sortable}
    made.globals |= {
        name: getattr(formats, name) for name in ("percent", "span", "duration", "count", "short", "counted")
    }
    return made


def render(
    facts: Facts,
    found: Doubts,
    published: Sequence[PublishedStudy] = (),
    experiments: Sequence[Shown] = (),
    *,
    title: str | None = None,
    pictures: bool = True,
    live: int | None = None,
) -> str:
    """Fill the template."""
    counted = {line.row.parameters_are for table in facts.tables for line in table.lines}
    collections, over_data = collect(facts.tables, pictures=pictures), diagrams(facts.tables)
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title or headline(facts),
            facts=facts,
            answers=[_doubted(answer, facts, found) for answer in answers(facts)],
            doubts=found,
            published=published,
            rule=RULE,
            experiments=experiments,
            experiments_rule=EXPERIMENTS_RULE,
            properties=tendencies(facts.material),
            property_labels=LABELS,
            tell_property=tell_property,
            all_parameters=ALL_PARAMETERS if "all" in counted else "",
            diagrams=over_data,
            strips={table.key: strips(table) for table in facts.tables},
            overview=overview(facts.tables),
            failures=[(t, line, r) for t in facts.tables for line in t.lines for r in line.cell.results if r.failure],
            method=method(facts),
            collections=collections,
            live=live,
            newest=max((r.finished for r in facts.results if r.finished), default=None),
            style=_inline("style.css"),
            libraries=[_inline("vendor", name) for name in LIBRARIES],
            script=Markup("\n").join(_inline("js", name) for name in SCRIPTS),
            data=Markup(
                to_script(
                    payload(facts, collections, over_data, published)
                    | {"experiments": [own.payload for own in experiments]}
                )
            ),
        )
    )


def _doubted(answer: Answer, facts: Facts, found: Doubts) -> Answer:
    """Put what the audit found serious first among an answer's cautions."""
    told = [caution for table in facts.tables if table.key == answer.key for caution in found.cautions(table)]
    return replace(answer, cautions=(*told, *answer.cautions))


def _seen(value: Any) -> Any:
    """Write out what is unseen in a text from a store; HTML of our own stays."""
    return value if not isinstance(value, str) or isinstance(value, Markup) else visible(value, keep="\n\t")


def _inline(*parts: str) -> Markup:
    return Markup(HERE.joinpath(*parts).read_text(encoding="utf-8"))


def bold(sentence: str) -> Markup:
    """Turn the **names** of a sentence into strong elements."""
    return _every_other(sentence.split("**"), "strong")


def code(sentence: str) -> Markup:
    """Turn the `commands` of a sentence into code elements."""
    return _every_other(sentence.split("`"), "code")


def _every_other(parts: Sequence[str], name: str) -> Markup:
    made = Markup(f"<{name}>{{}}</{name}>")
    seen = [visible(part) for part in parts]
    return Markup("").join(made.format(part) if number % 2 else escape(part) for number, part in enumerate(seen))


def sortable(text: str) -> str:
    """Return what a column of numbers is sorted by: "1,234" → "1234.0", and nothing for what is no number."""
    try:
        return str(float(text.replace(",", "").replace("−", "-")))
    except ValueError:
        return ""


def headline(facts: Facts) -> str:
    """Return a title: what was compared, on what."""
    data = list(dict.fromkeys(table.data for table in facts.tables))
    nets = {line.cell.net for table in facts.tables for line in table.lines}
    return f"{formats.counted(len(nets), 'network')} on {formats.listing(data, 4)}"


EDGE = 3.0
"""Percent of a strip's width left free at either end, so that no dot is cut."""


@dataclass(frozen=True)
class Strip:
    """Where a line's seeds, mean and interval lie on its table's axis, in percent of its width."""

    seeds: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    cut_low: bool
    """The interval reaches beyond the axis."""
    cut_high: bool


@dataclass(frozen=True)
class Strips:
    """The accuracy axis of one table and what lies on it."""

    start: float
    end: float
    by_label: dict[str, Strip]


def strips(table: Table) -> Strips | None:
    """Lay seeds and intervals of a table on one axis; None without a result.

    The axis covers all seeds and what it can of the intervals: those of two seeds are often so wide that nothing
    else would be told apart, and are cut at one span of the seeds beyond them.
    """
    seeds = [seed for line in table.ranked for seed in line.seeds]
    if not seeds:
        return None
    least, most = min(seeds), max(seeds)
    reach = max(most - least, 0.002)
    lows = [line.row.test_accuracy_low for line in table.ranked if line.row.test_accuracy_low is not None]
    highs = [line.row.test_accuracy_high for line in table.ranked if line.row.test_accuracy_high is not None]
    start = max(min([least, *lows]), least - reach, 0.0)
    end = min(max([most, *highs]), most + reach, 1.0)
    if start == end:  # all seeds of all networks are equal
        start, end = least - reach, most + reach
    return Strips(start, end, {line.label: _strip(line, start, end) for line in table.ranked})


def _strip(line: Line, start: float, end: float) -> Strip:
    def place(value: float) -> float:
        return round(EDGE + (100 - 2 * EDGE) * (value - start) / (end - start), 2)

    low, high = line.row.test_accuracy_low, line.row.test_accuracy_high
    return Strip(
        seeds=tuple(map(place, line.seeds)),
        mean=place(line.row.test_accuracy or 0.0),
        low=None if low is None else max(place(low), 0.0),
        high=None if high is None else min(place(high), 100.0),
        cut_low=low is not None and low < start,
        cut_high=high is not None and high > end,
    )


def overview(tables: Sequence[Table]) -> dict[str, Any] | None:
    """Networks by tables, for stores with several tables: the lines of each network, best mean rank first."""
    if len(tables) < 2:
        return None
    lines: dict[str, dict[str, Line]] = {}
    for table in tables:
        for line in table.lines:
            lines.setdefault(line.label, {})[table.key] = line

    def order(label: str) -> tuple[int, float]:
        ranks = [line.row.rank for line in lines[label].values() if line.row.rank is not None]
        return -len(ranks), sum(ranks) / len(ranks) if ranks else 0.0

    return {label: lines[label] for label in sorted(lines, key=order)}
