"""Reading stores: `load`, `answer`, `audit`, `compare`, `report`; `merge`; and `forget`, which removes runs."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bakeoff.analysis.ranking import RankBy
from bakeoff.api.results import Results
from bakeoff.console.answers import Answer
from bakeoff.console.wording import worded
from bakeoff.reporting.exports import Format
from bakeoff.store.store import Store
from bakeoff.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.analysis.published import PublishedComparison
    from bakeoff.store.merge import Merged


@worded
def load(store: str | Path = "bakeoff.db", *, rank_by: RankBy = "test") -> Results:
    """Return all results of a store, ranked by mean test accuracy or, on request, validation accuracy.

    Raises:
        BakeoffError: there is no such store.

    Example:
        >>> results = bakeoff.load("bakeoff.db")
        >>> results.to_frame()[["net", "test_accuracy"]].round(4)
                  net  test_accuracy
        0    resnet20         0.9825
        1        conv         0.9564
        2        drop         0.9450
        3  lenet-afif         0.9346
    """
    with Store(store) as opened:
        results, unreadable = opened.read()
    return Results(Path(store), tuple(results), rank_by=rank_by, unreadable=tuple(unreadable))


@worded
def answer(store: str | Path = "bakeoff.db", *, rank_by: RankBy = "test") -> Answer:
    """Return which network is best for each data set and in general, how sure that is, and what it costs.

    Printed, the answer is the text of `bakeoff answer`; `.to_frame()` has the comparisons behind it.

    Args:
        store: the SQLite file with the results.
        rank_by: whose accuracy decides which network is best: "test" or "validation".

    Raises:
        BakeoffError: there is no such store, or a network has no validation accuracy to rank by.

    Example:
        >>> answer = bakeoff.answer()
        >>> print(answer)
        digits, recipe quick (epochs=8, image.scale=4): resnet20 has the best mean, 98.3...
        >>> answer.to_frame()["is_better"].tolist()  # than conv, drop and lenet-afif
        [False, False, False]
    """
    from bakeoff.console import answers

    with Store(store) as opened:
        return answers.answer_store(opened, rank_by)


@worded
def audit(store: str | Path = "bakeoff.db", *, study: str | Path | Study | None = None) -> "pd.DataFrame":
    """Return which numbers of a store cannot be trusted and why, one row per finding, the most serious first.

    Args:
        store: the SQLite file with the results.
        study: audit what this study published instead: its name, a .toml file or a `Study`.

    Returns:
        The columns `severity` ("serious", "caution" or "note"), `kind`, `message`, `advice`, what the finding is about
        (`data`, `recipe`, `nets`, `runs`) and its `evidence` in numbers.

    Raises:
        BakeoffError: there is no such store or study, or the study has no published numbers.

    Example:
        >>> findings = bakeoff.audit()
        >>> findings[findings["severity"] == "caution"]["kind"].tolist()
        ['within-noise']
    """
    import pandas as pd

    from bakeoff.analysis.audit import Finding
    from bakeoff.analysis.audit import audit as audit_runs

    if study is None:
        with Store(store) as opened:
            findings = audit_runs(opened)
    else:
        from bakeoff.analysis.audit.printed import audit_printed, printed_networks
        from bakeoff.execution.names import known_study
        from bakeoff.nets.summary import summaries

        published = study if isinstance(study, Study) else known_study(str(study))
        findings = audit_printed(published, summaries(printed_networks(published)))
    first = ["severity", "kind", "message", "advice"]
    columns = [*first, *(field.name for field in fields(Finding) if field.name not in first)]
    return pd.DataFrame([asdict(finding) for finding in findings], columns=columns)


@worded
def compare(store: str | Path = "bakeoff.db", study: str | Path | Study | None = None) -> "pd.DataFrame":
    """Return what a study published next to what a store's runs measured, one row per number.

    By default, `study` is the last one with published numbers that was run into the store.

    Raises:
        BakeoffError: there is no such store or study, or the study has no published numbers.

    Example:
        >>> numbers = bakeoff.compare("afif2018-lenet5.db", "afif2018")
        >>> numbers[["net", "data", "measure", "published", "measured", "verdict"]].round(4).head(1)
                  net   data        measure  published  measured verdict
        0  lenet-afif  mnist  test_accuracy     0.9834    0.9801  agrees
    """
    from bakeoff.analysis.published import compare_with_published, compared_study

    with Store(store) as opened:
        chosen = study if isinstance(study, Study) else compared_study(None if study is None else str(study), opened)
        return comparison_frame(compare_with_published(chosen, opened))


@worded
def report(
    store: str | Path = "bakeoff.db",
    output: str | Path | None = None,
    *,
    format: Format = "html",
    title: str | None = None,
    pictures: bool = True,
    images: int | None = None,
    explain: bool = False,
    figures: str | Path | None = None,
    rank_by: RankBy = "test",
    marks: bool = True,
) -> Path:
    """Write a store's results to a file and return its path: the page, or the ranking for a paper or a spreadsheet.

    Args:
        store: the SQLite file with the results.
        output: the file to write; report.html, or report with the ending of the format, by default.
        format: "html" for the page, "markdown", "latex", "csv" or "parquet" for the ranking.
        title: title of the page.
        pictures: show test images on the page, if the data set is on this machine.
        images: test images to embed of each data set; by default as many as make a page of about a megabyte.
        explain: show on the page where the best network of each table looked in images that it got wrong.
        figures: a folder for the main charts, as PNG, SVG and PDF; by default they are not drawn.
        rank_by: whose accuracy decides which network is best: "test" or "validation".
        marks: mark numbers that have audit findings, in Markdown and LaTeX.

    Raises:
        BakeoffError: there is no such store or format, or a file cannot be written.

    Example:
        >>> bakeoff.report(title="Digits").name
        'report.html'
        >>> bakeoff.report(format="latex", output="table.tex", marks=False).name
        'table.tex'
    """
    from bakeoff.reporting.exports import write_report

    path = write_report(
        Path(store),
        None if output is None else Path(output),
        format,
        title=title,
        pictures=pictures,
        images=images,
        explain=explain,
        rank_by=rank_by,
        marks=marks,
    )
    if figures is not None:
        from bakeoff.reporting.figures.charts import draw_figures

        draw_figures(Path(store), Path(figures), rank_by=rank_by)
    return path


@worded
def forget(
    store: str | Path = "bakeoff.db",
    *,
    nets: Sequence[str] | str = (),
    data: Sequence[str] | str = (),
    recipe: Sequence[str] | str = (),
    state: Sequence[str] | str = (),
    dry_run: bool = False,
) -> "pd.DataFrame":
    """Remove runs from a store, with their checkpoints and weights, and return them, one row per run.

    `forget(state="damaged")` is `bakeoff forget --state damaged --yes`. A run is removed if it matches every argument
    that is given. Runs that another command is training stay, and are not among the rows.

    Args:
        store: the SQLite file with the results.
        nets: networks.
        data: data sets.
        recipe: recipes, as tables call them.
        state: "waiting", "running", "done", "failed", "damaged" or "newer".
        dry_run: remove nothing.

    Raises:
        BakeoffError: there is no such store, it has nothing of that name, or nothing is given.

    Example:
        >>> bakeoff.forget(nets="drop", dry_run=True)["seed"].tolist()
        [0, 1, 2]
    """
    import pandas as pd

    from bakeoff.execution import forget

    given_by_name = {"nets": nets, "data": data, "recipes": recipe, "states": state}
    wanted = {name: (given,) if isinstance(given, str) else tuple(given) for name, given in given_by_name.items()}
    with Store(store) as opened:
        runs = forget.choose(opened, **wanted)
        gone = runs if dry_run else forget.forget(opened, runs)[0]
    columns = [field.name for field in fields(forget.StoredRun)]
    return pd.DataFrame([asdict(run) for run in gone], columns=columns)


@worded
def merge(stores: Sequence[str | Path] | str | Path, output: str | Path, *, overwrite: bool = False) -> "Merged":
    """Put several stores together in a new one, such as those of several machines; they stay as they are.

    Runs, data sets, studies, checkpoints and weights are carried over. A run that several stores have is kept once,
    whatever its training cost. If its results differ, the one that was finished first is kept, and `.conflicts` of the
    returned `Merged` says what differs; `.left_out` lists the damaged runs that no store has intact.

    Args:
        stores: the SQLite files; a single one is copied, also while it is in use.
        output: the new store, which appears when it is complete.
        overwrite: replace the new store if it exists; it may be one of those merged.

    Raises:
        BakeoffError: a store does not exist or is not one, the new one exists, or it cannot be written.

    Example:
        >>> merged = bakeoff.merge(["bakeoff.db"], "all.db", overwrite=True)
        >>> merged.runs, merged.conflicts
        (12, [])
    """
    from bakeoff.store.merge import merge

    paths = [stores] if isinstance(stores, str | Path) else stores
    return merge([Path(path) for path in paths], Path(output), overwrite=overwrite)


def comparison_frame(lines: "Sequence[PublishedComparison]") -> "pd.DataFrame":
    """Return published and measured numbers as a data frame, one row per number."""
    import pandas as pd

    from bakeoff.analysis.published import PublishedComparison

    return pd.DataFrame([asdict(line) for line in lines], columns=[field.name for field in fields(PublishedComparison)])
