"""`Results`: the runs of a store or study, to work on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bakeoff.analysis.flaws import WORDS
from bakeoff.analysis.race import RaceResult
from bakeoff.analysis.ranking import RankBy, Row, rank
from bakeoff.analysis.untested import describe_untested, leave_out_untested
from bakeoff.api.flat import NAMES, flat_results, flat_unreadable
from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_network
from bakeoff.execution.options import Network
from bakeoff.spec.records import Result, Unreadable
from bakeoff.spec.run import Run
from bakeoff.store.store import Store
from bakeoff.text.formats import counted

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.analysis.audit import Finding
    from bakeoff.reporting.details import ConfusionCount

Place = TypeVar("Place", Row, "ConfusionCount")


@dataclass(frozen=True, repr=False)
class Results:
    """The runs of a study or store, ranked.

    Printed, they are the ranking in Markdown; a notebook shows it with the answer and the intervals.

    Example:
        >>> results = bakeoff.load()
        >>> results
        <Results of bakeoff.db: 12 of 12 runs finished>
        >>> results.best().net
        'resnet20'
        >>> results.rows[1].net, results.runs[0].seed
        ('conv', 0)
        >>> sorted({finding.severity for finding in results.findings})
        ['caution', 'note']
    """

    store: Path
    results: tuple[Result, ...]
    settled: tuple[RaceResult, ...] = ()
    """How the comparison of two networks ended, by data set; empty unless `until_settled` was asked for."""
    rank_by: RankBy = "test"
    """The accuracy that decides which network is best: of the test images, or of the validation images."""
    unreadable: tuple[Unreadable, ...] = ()
    """Runs of the store that are damaged, or were written by a newer version."""

    @property
    def rows(self) -> list[Row]:
        """The ranking: one row per data set, recipe and network."""
        return self._audited[0]

    @property
    def findings(self) -> "tuple[Finding, ...]":
        """What the audit finds in these runs, the most serious first; nothing if their store is gone."""
        return tuple(self._audited[1])

    @cached_property
    def _audited(self) -> "tuple[list[Row], list[Finding]]":
        from bakeoff.analysis.shared_ranks import rank_and_audit

        if not self.store.exists():
            return rank(self.results, self.rank_by, self.unreadable), []
        with Store(self.store) as opened:
            return rank_and_audit(opened, self.results, self.rank_by, self.unreadable)

    @property
    def runs(self) -> tuple[Run, ...]:
        """What was run: network, data set, recipe and seed of each result."""
        return tuple(result.run for result in self.results)

    def best(self, data: str | None = None, recipe: str | None = None) -> Row:
        """Return the row of the ranking with the highest mean accuracy, among all recipes that were compared.

        Networks whose number is unusable are not considered.

        How sure it is that this network is the best, `bakeoff.answer` says.

        Args:
            data: the data set as tables call it; needed if the results are of several.
            recipe: likewise.

        Raises:
            BakeoffError: no run has finished, there is no such data set or recipe, or several.

        Example:
            >>> best = bakeoff.load().best()
            >>> best.net, round(best.test_accuracy, 3)
            ('resnet20', 0.983)
        """
        row = self._table(self.rows, data, recipe)[0]
        if row.rank is None:
            raise BakeoffError(
                f"{row.net} on {row.data} {WORDS[row.flaw][0]}: train it longer or with other settings"
                if row.flaw
                else f"no run on {row.data} has finished yet"
            )
        return row

    def curves(self) -> "pd.DataFrame":
        """Return the learning curves: one row per run and epoch, accuracies as fractions of 1.

        Example:
            >>> len(bakeoff.load().curves())  # 12 runs of 8 epochs
            96
        """
        import pandas as pd

        from bakeoff.reporting.details import CurvePoint, list_epochs

        columns = [field.name for field in fields(CurvePoint)]
        return pd.DataFrame([asdict(point) for point in list_epochs(self.results)], columns=columns)

    def confusion(self, net: Network, data: str | None = None, recipe: str | None = None) -> "pd.DataFrame":
        """Return how many test images of each class (rows) a network took for which (columns), seeds together.

        Args:
            net: the network: its name in tables, or the class or function that was given.
            data: the data set as tables call it; needed if there are results of the network on several.
            recipe: likewise.

        Raises:
            BakeoffError: no run of the network has finished, there is no such data set or recipe, or several.

        Example:
            >>> int(bakeoff.load().confusion("conv").loc["3", "3"])  # images of 3 predicted as 3, by three seeds
            103
        """
        import pandas as pd

        from bakeoff.reporting.details import count_confusions

        name = net if isinstance(net, str) else known_network(net)
        with Store(self.store) as opened:
            found = self._table(count_confusions(opened, name, self.results), data, recipe)
        frame = pd.DataFrame([asdict(each) for each in found])
        classes = list(dict.fromkeys(frame["predicted"]))
        return frame.pivot(index="true", columns="predicted", values="images").reindex(classes, columns=classes)

    def predictions(self, run: "Run | Result | str") -> "pd.DataFrame":
        """Return what a finished run predicted, one row per test image, in the order of the data set.

        Args:
            run: one of `runs` or `results`, or its id.

        Returns:
            The columns `true` and `predicted` with the names of classes, and the probability of each class in a column
            "P(class)".

        Raises:
            BakeoffError: the run has not finished, or is not in the store.

        Example:
            >>> results = bakeoff.load()
            >>> predictions = results.predictions(results.runs[0])
            >>> int((predictions["true"] != predictions["predicted"]).sum())  # errors
            26
        """
        import pandas as pd

        run_id = run if isinstance(run, str) else run.id
        result = next((each for each in self.results if each.id == run_id), None)
        if result is None:
            raise BakeoffError(f"run {run_id} is not among these results: give one of .runs")
        with Store(self.store) as opened:
            predicted, probabilities = opened.predictions(run_id)
            record = opened.datasets()[result.run.data_hash]
        names = [str(name) for name in record.facts["classes"]]
        columns: dict[str, Any] = {
            "true": [names[i] for i in record.test_labels],
            "predicted": [names[i] for i in predicted],
        }
        columns |= {f"P({name})": probabilities[:, i].astype(float) for i, name in enumerate(names)}
        return pd.DataFrame(columns)

    @staticmethod
    def _table(rows: "Sequence[Place]", data: str | None, recipe: str | None) -> "list[Place]":
        """Return the rows of one data set and recipe.

        Raises:
            BakeoffError: there are none, or these are several.
        """
        found = [row for row in rows if data in (None, row.data) and recipe in (None, row.recipe, _table_of(row))]
        places = list(dict.fromkeys((row.data, _table_of(row)) for row in found or rows))
        if not places:
            raise BakeoffError("there are no runs yet")
        places_text = "; ".join(f"data={place[0]!r}, recipe={place[1]!r}" for place in places)
        if not found:
            raise BakeoffError(f"no results for data={data!r}, recipe={recipe!r}; choose from {places_text}")
        if len(places) > 1:
            raise BakeoffError(f"there are several tables, say which: {places_text}")
        return found

    def table(self) -> str:
        """Return the ranking as Markdown; accuracies that the audit has doubts about are marked, and it says why.

        Example:
            >>> print(bakeoff.load().table())
            ###...
            | rank | network |...
        """
        from bakeoff.reporting.tables import ranking_to_markdown

        rows, left_out = leave_out_untested(self.rows, self.results)
        told = [describe_untested(left_out, "see .rows")] if left_out else []
        return "\n".join([ranking_to_markdown(rows, self.findings), *told])

    def to_frame(self) -> "pd.DataFrame":
        """Return the ranking as a data frame, one row per data set, recipe and network.

        The column `findings` has the kinds of what the audit found, as the JSON of the command line.

        Example:
            >>> bakeoff.load().to_frame()[["net", "seeds"]].values.tolist()
            [['resnet20', 3], ['conv', 3], ['drop', 3], ['lenet-afif', 3]]
        """
        import pandas as pd

        from bakeoff.reporting.severity import add_findings

        return pd.DataFrame([asdict(row) for row in add_findings(self.rows, self.findings)])

    def runs_frame(self) -> "pd.DataFrame":
        """Return one row per run: its state, all its measures and, of runs that failed, why and where.

        Example:
            >>> runs = bakeoff.load().runs_frame()
            >>> runs["state"].value_counts().to_dict()
            {'done': 12}
            >>> {"seed", "test_accuracy", "train_seconds", "flops"} <= set(runs)
            True
        """
        import pandas as pd

        return pd.DataFrame([*flat_results(self.results), *map(flat_unreadable, self.unreadable)])

    def time_to(self, accuracy: float) -> "pd.DataFrame":
        """Return the training seconds of each run until its validation accuracy reached a fraction of 1.

        One row per run; the seconds are missing where it never did. They are exact to one epoch.

        Example:
            >>> bakeoff.load().time_to(0.95).groupby("net")["seconds"].count().to_dict()  # seeds that got there
            {'conv': 3, 'drop': 3, 'lenet-afif': 3, 'resnet20': 3}
        """
        import pandas as pd

        from bakeoff.measure.target import seconds_to_accuracy

        seconds = [seconds_to_accuracy(result.epochs, accuracy) for result in self.results]
        runs = pd.DataFrame(flat_results(self.results))
        return runs[NAMES].assign(seconds=pd.array(seconds, dtype="Float64"))

    def _repr_html_(self) -> str:
        from bakeoff.reporting.notebook import to_html

        return to_html(self.store, self.results, self.findings, self.rank_by)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        finished = sum(result.state == "done" for result in self.results)
        return f"<Results of {self.store}: {finished} of {counted(len(self.results), 'run')} finished>"


def _table_of(row: "Row | ConfusionCount") -> str:
    """Return the recipes of the ranking that a row is in, or its own recipe."""
    return row.table if isinstance(row, Row) else row.recipe
