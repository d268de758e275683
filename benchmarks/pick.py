"""How good the answers of `bakeoff pick` are: against training every candidate to the end, and successive halving.

    python benchmarks/pick.py train folder:trashnet --store trashnet.db    # hours: every candidate, length and seed
    python benchmarks/pick.py replay folder:trashnet --store trashnet.db -o trashnet.json    # minutes: no training
    python benchmarks/pick.py report trashnet.json … --into docs/pick.md --figure docs/figures/pick-calibration.svg

With `--small`, ten small candidates on a part of the images take minutes instead of hours on a CPU.

`train` trains each candidate for each of its lengths with several seeds, so that any contest can be replayed from the
store; it resumes where it stopped. `replay` holds contests on a virtual clock, with some candidates left out and the
seeds in another order each time, and the same with pruners of Optuna on the same curves with the same budget:
successive halving without waiting (Li et al. 2020, ASHA, which ray.tune has as ASHAScheduler) and Hyperband (Li et al.
2018). What is expected of candidates beforehand comes from bakeoff's own results on other data sets. With one worker on
a CPU (`--workers 1`), costs are processor time, which depends little on what else the machine does; otherwise time.
`report` writes the table and the calibration plot. Options that change the candidates or their recipes must be the same
for `train` and `replay`.
"""

import argparse
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from pick_candidates import START_SECONDS, CpuMeter, epoch_seconds, in_order, lineup_of, steps_of

from bakeoff.analysis.pick.candidates import Lineup
from bakeoff.analysis.pick.contest import MARGIN, Candidate, ContestState, StepResult, TrainingStep, estimate_beliefs
from bakeoff.analysis.pick.replay import replay
from bakeoff.execution import session
from bakeoff.execution.execute import Event, execute, execute_queue
from bakeoff.execution.options import RunOptions
from bakeoff.spec.run import derive_seed
from bakeoff.stats.proportions import wilson
from bakeoff.store.store import Store

SHARES = (0.1, 0.25, 0.5)
"""Budgets, as shares of what training every candidate to the end with all seeds costs."""
LEFT_OUT = 0.2
"""Share of the candidates that a repetition leaves out, at random, so that repetitions differ."""
BINS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of stated probabilities."""
METHODS = {
    "all": "all to the end",
    "pick": "`bakeoff pick`",
    "halving": "successive halving (Optuna)",
    "hyperband": "Hyperband (Optuna)",
}
Known = Mapping[TrainingStep, StepResult]
ResultOf = Callable[[TrainingStep], StepResult]


@dataclass(frozen=True)
class Repetition:
    """How one method ended one time."""

    method: str
    share: float
    """Budget, as a share of the exhaustive cost."""
    spent: float
    """Share of the exhaustive cost that was spent."""
    regret: float
    """The best test accuracy minus that of the pick, both trained to the end, means over seeds."""
    regret_validation: float
    """The same of validation accuracy: minus that of what training everything to the end would choose."""
    stated: float | None = None
    """Probability of being the best of those tried, as `pick` states it."""
    is_best_tried: bool | None = None
    """Whether it is, by the test images."""
    is_best_tried_validation: bool | None = None
    """Whether it is, by the validation images of all seeds."""


@dataclass(frozen=True)
class DataResults:
    """All repetitions on one data set."""

    data: str
    settings: str
    seeds: int
    seconds: float
    """The exhaustive cost."""
    accuracies: dict[str, float]
    """Candidate → mean test accuracy over the seeds."""
    test_images: int
    validation_images: int
    repetitions: list[Repetition]


def train(arguments: argparse.Namespace) -> None:
    """Train every length of every candidate, each from the shorter one's checkpoint; then evaluate the full ones."""
    lineup = lineup_of(arguments)
    steps = [
        step
        for number, entry in enumerate(lineup.entries)
        for step in steps_of(entry.candidate, number, arguments.seeds)
    ]
    runs = {lineup.run_of(step).id: step for step in sorted(steps, key=_balanced)}
    how = RunOptions(command="benchmark", store=arguments.store, workers=arguments.workers, threads=1)
    placement = session.choose_placement(replace(lineup.plan, runs=tuple(map(lineup.run_of, runs.values()))), how)
    with Store(arguments.store, create=True) as store:
        known = {result.id for result in store.results(runs) if len(result.epochs) == result.run.recipe.epochs}
        queue = [lineup.run_of(step) for run_id, step in runs.items() if run_id not in known]
        held, meter = msgspec.structs.replace(placement, hold_test=True), CpuMeter(meter_path(arguments.store))
        for done, event in enumerate(_ended(execute_queue(iter(queue), lineup.plan, store, held)), 1):
            if placement.workers == 1 and placement.device == "cpu":
                meter.note(event.run.id)
            print(f"{done} of {len(queue)} trained: {event.run.net}, {event.run.recipe.epochs} epochs", flush=True)
        full = [step for step in steps if step.epochs == lineup.entries[step.candidate].candidate.full_epochs]
        finished = replace(lineup.plan, runs=tuple(map(lineup.run_of, full)))
        for done, event in enumerate(_ended(execute(finished, store, placement)), 1):
            print(f"{done} of {len(full)} evaluated: {event.run.net} {event.kind}", flush=True)


def meter_path(store: Path) -> Path:
    return store.with_suffix(".seconds.json")


def _balanced(step: TrainingStep) -> tuple[int, int, int]:
    return step.seed, step.candidate, step.epochs


def _ended(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if event.kind in ("trained", "done", "failed"))


@dataclass(frozen=True)
class Curves:
    """Everything that a data set's candidates show, and what it costs."""

    candidates: tuple[Candidate, ...]
    known: Known
    seconds: dict[int, float]
    """Number of a candidate → seconds of an epoch."""
    tested: np.ndarray
    """(candidates,): mean test accuracy over the seeds."""
    validated: np.ndarray
    """(candidates,): the same on validation images."""
    test_images: int
    guessing: float
    """The error of always naming the most common class."""

    def choose(self, numbers: Sequence[int]) -> "Curves":
        """Return the curves of some of the candidates, numbered anew."""
        place = {number: new for new, number in enumerate(numbers)}
        return Curves(
            tuple(self.candidates[number] for number in numbers),
            {
                replace(step, candidate=place[step.candidate]): replace(
                    result, step=replace(step, candidate=place[step.candidate])
                )
                for step, result in self.known.items()
                if step.candidate in place
            },
            {place[number]: seconds for number, seconds in self.seconds.items() if number in place},
            self.tested[list(numbers)],
            self.validated[list(numbers)],
            self.test_images,
            self.guessing,
        )

    def regrets(self, pick: int) -> tuple[float, float]:
        """Return by how much the pick is worse than the best, on test images and on validation images."""
        tested, validated = (float(each.max() - each[pick]) for each in (self.tested, self.validated))
        return tested, validated

    def cost(self, seeds: int) -> float:
        """Return the seconds of training every candidate to the end with all seeds."""
        state = ContestState(self.candidates, measured_seconds=self.seconds)
        spent = 0.0
        for number, candidate in enumerate(self.candidates):
            for seed in range(seeds):
                step = TrainingStep(number, candidate.full_epochs, seed)
                spent += state.seconds(step)
                state = state.learned(StepResult(step, 1.0, 1))
        return spent


def read(lineup: Lineup, path: Path, seeds: int) -> Curves:
    with Store(path) as store:
        results = {result.id: result for result in store.results()}
    known: dict[TrainingStep, StepResult] = {}
    on_clock: dict[int, list[float]] = {}
    tested, validated = np.zeros((2, len(lineup.entries), seeds))
    images = 0
    for number, entry in enumerate(lineup.entries):
        for step in steps_of(entry.candidate, number, seeds):
            result = results[lineup.run_of(step).id]
            known[step] = StepResult(step, 1 - result.epochs[-1].validation_accuracy, lineup.validation_images(number))
            if step.epochs == entry.candidate.full_epochs:
                tested[number, step.seed] = result.measures["test_accuracy"]
                validated[number, step.seed] = result.epochs[-1].validation_accuracy
                images = int(result.measures["test_images"])
                each = [epoch.train_seconds + epoch.evaluation_seconds for epoch in result.epochs]
                on_clock.setdefault(number, []).append(float(np.median(each)))
    if spent := CpuMeter(meter_path(path)).read():
        candidates = tuple(replace(entry.candidate, start_seconds=START_SECONDS) for entry in lineup.entries)
        seconds = epoch_seconds(lineup, spent, seeds)
    else:
        candidates = tuple(entry.candidate for entry in lineup.entries)
        seconds = {number: float(np.median(each)) for number, each in on_clock.items()}
    return Curves(candidates, known, seconds, tested.mean(1), validated.mean(1), images, lineup.guessing)


def shuffled(known: Known, seeds: int, random: np.random.Generator) -> ResultOf:
    """Return what trainings show if each candidate's seeds had come in another order."""
    order = {candidate: random.permutation(seeds) for candidate in sorted({step.candidate for step in known})}

    def result_of(step: TrainingStep) -> StepResult:
        own = TrainingStep(step.candidate, step.epochs, int(order[step.candidate][step.seed]))
        return replace(known[own], step=step)

    return result_of


def hold(curves: Curves, result_of: ResultOf, share: float, seeds: int, workers: int) -> Repetition:
    """Hold a contest; what its trainings take is known to it only afterwards, as in a real one."""
    cost, state = curves.cost(seeds), ContestState(curves.candidates, guessing=curves.guessing)
    ended = replay(state, result_of, share * cost / workers, workers, measured=curves.seconds)
    beliefs = estimate_beliefs(ended.state)
    pick = beliefs.leader if beliefs.leader is not None else 0
    tried = ended.state.tried or [pick]
    return Repetition(
        "pick",
        share,
        ended.worker_seconds / cost,
        *curves.regrets(pick),
        float(beliefs.best[pick]),
        bool(curves.tested[pick] == curves.tested[tried].max()),
        bool(curves.validated[pick] == curves.validated[tried].max()),
    )


def prune(
    method: str, curves: Curves, result_of: ResultOf, share: float, seeds: int, random: np.random.Generator
) -> Repetition:
    """Train candidates in a random order under a pruner of Optuna, and pick the best of those trained the longest."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if method == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=8, reduction_factor=2)
    else:
        pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=2)
    name = f"replay {random.integers(1 << 30)}"  # from the name Hyperband draws the bracket of each trial
    study = optuna.create_study(study_name=name, pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    cost = curves.cost(seeds)
    state, spent = ContestState(curves.candidates, measured_seconds=curves.seconds), 0.0
    reached: dict[int, tuple[int, float]] = {}
    for number in map(int, random.permutation(len(curves.candidates))):
        trial, rungs = study.ask(), curves.candidates[number].rungs
        for rung, epochs in enumerate(rungs):
            step = TrainingStep(number, epochs, 0)
            if spent + state.seconds(step) > share * cost:
                break
            spent += state.seconds(step)
            trained = result_of(step)
            state = replace(state, trained=(*state.trained, trained))
            # Candidates whose training is complete sooner, such as a probe, have used all of their resource.
            resource = 8 if epochs == rungs[-1] else 2**rung
            reached[number] = (-resource, trained.error)
            trial.report(trained.error, resource)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, reached[number][1])
    pick = min(reached, key=lambda number: reached[number]) if reached else 0
    return Repetition(method, share, spent / cost, *curves.regrets(pick))


def replay_all(arguments: argparse.Namespace) -> None:
    name = Path(arguments.data.removeprefix("folder:")).name
    kind = "folder:" if arguments.data.startswith("folder:") else ""
    lineup = in_order(lineup_of(arguments), kind + name)
    curves, seeds = read(lineup, arguments.store, arguments.seeds), arguments.seeds
    count = len(curves.candidates)
    found: list[Repetition] = []
    for number in range(arguments.repetitions):
        random = np.random.default_rng(derive_seed(number, "replay", lineup.data))
        taking_part = sorted(map(int, random.permutation(count)[: count - math.floor(LEFT_OUT * count)]))
        some = curves.choose(taking_part)
        result_of = shuffled(some.known, seeds, random)
        found.append(Repetition("all", 1.0, 1.0, *some.regrets(int(some.validated.argmax()))))
        for share in SHARES:
            found.append(hold(some, result_of, share, seeds, arguments.workers))
            found += [prune(method, some, result_of, share, seeds, random) for method in ("halving", "hyperband")]
    settings = " ".join(
        ["--small"] * arguments.small
        + [f"--nets {arguments.nets}"] * bool(arguments.nets)
        + [f"--recipe {arguments.recipe}"] * bool(arguments.recipe)
        + [f"--set {text}" for text in arguments.set]
    )
    names = [candidate.name for candidate in curves.candidates]
    results = DataResults(
        name,
        settings,
        seeds,
        curves.cost(seeds),
        {names[n]: float(curves.tested[n]) for n in np.argsort(-curves.tested)},
        curves.test_images,
        lineup.validation_images(0),
        found,
    )
    arguments.output.write_text(json.dumps(asdict(results), indent=1))
    print("\n".join(table_of([results])))


def table_of(every: Sequence[DataResults]) -> list[str]:
    """Return how often each method found the best or an equivalent, as lines of Markdown."""
    lines = [
        "| data | method | budget | spent | as all to the end | best by test images | regret, points |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for each in every:
        for method in METHODS:
            for share in sorted({one.share for one in each.repetitions if one.method == method}):
                own = [one for one in each.repetitions if (one.method, one.share) == (method, share)]
                lines.append(
                    f"| {each.data} | {METHODS[method]} | {share:.0%} | {np.mean([one.spent for one in own]):.1%} | "
                    f"{np.mean([one.regret_validation <= MARGIN for one in own]):.0%} | "
                    f"{np.mean([one.regret <= MARGIN for one in own]):.0%} | "
                    f"{100 * np.mean([one.regret for one in own]):.2f} |"
                )
    return lines


@dataclass(frozen=True)
class CalibrationBin:
    """The answers that stated about the same probability."""

    low: float
    high: float
    answers: int
    stated: float
    """On average."""
    right: int
    right_validation: int


def calibration(every: Sequence[DataResults]) -> list[CalibrationBin]:
    picks = [one for each in every for one in each.repetitions if one.stated is not None]
    found = []
    for low, high in pairwise(BINS):
        inside = [one for one in picks if low <= one.stated < high or (high == 1 == one.stated)]
        if inside:
            right = sum(bool(one.is_best_tried) for one in inside)
            validated = sum(bool(one.is_best_tried_validation) for one in inside)
            stated = float(np.mean([one.stated for one in inside]))
            found.append(CalibrationBin(low, high, len(inside), stated, right, validated))
    return found


def report(arguments: argparse.Namespace) -> None:
    """Write tables and plot."""
    every = [msgspec.json.decode(path.read_bytes(), type=DataResults) for path in arguments.files]
    lines = ["| data | candidates | seeds | all to the end | validation images | test images | settings |"]
    lines += ["|---|--:|--:|--:|--:|--:|---|"]
    lines += [
        f"| {each.data} | {len(each.accuracies)} | {each.seeds} | {each.seconds:,.0f} s | {each.validation_images:,} | "
        f"{each.test_images:,} | {f'`{each.settings}`' if each.settings else 'the ladder'} |"
        for each in every
    ]
    lines += ["", "Test accuracy of the candidates, all to the end, mean over the seeds:", ""]
    for each in every:
        shown = ", ".join(f"{name} {100 * accuracy:.2f}" for name, accuracy in each.accuracies.items())
        lines.append(f"- {each.data}: {shown}")
    lines += ["", *table_of(every), ""]
    lines += ["| stated | answers | on average | right by test images | right by validation images |"]
    lines += ["|---|--:|--:|--:|--:|"]
    for each in calibration(every):
        shares = [f"{n / each.answers:.0%} [{_interval(n, each.answers)}]" for n in (each.right, each.right_validation)]
        lines.append(
            f"| {each.low:.0%} to {each.high:.0%} | {each.answers} | {each.stated:.0%} | {shares[0]} | {shares[1]} |"
        )
    text = "\n".join(lines)
    if arguments.into:
        page = arguments.into.read_text(encoding="utf-8")
        marked = re.compile(r"(<!-- results: .*? -->\n).*?(<!-- end of results -->)", re.DOTALL)
        if not marked.search(page):
            raise SystemExit(
                f"{arguments.into} has no place for results: <!-- results: … --> and <!-- end of results -->"
            )
        arguments.into.write_text(marked.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page), encoding="utf-8")
    else:
        print(text)
    if arguments.figure:
        draw(calibration(every), arguments.figure)


def _interval(right: int, answers: int) -> str:
    low, high = wilson(right, answers)
    return f"{low:.0%}, {high:.0%}"


def draw(bins: Sequence[CalibrationBin], path: Path) -> None:
    """Draw stated probabilities against how often they were right, with 95 % Wilson intervals."""
    import matplotlib

    from bakeoff.reporting.figures.charts import COLOURS, STYLE, UNDATED

    with matplotlib.rc_context(STYLE):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.2, 3.8))
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#66635c", linewidth=0.8, linestyle="--")
        for label, colour, shift, right in (
            ("by test images", COLOURS[0], -0.006, [each.right for each in bins]),
            ("by validation images of all seeds", COLOURS[1], 0.006, [each.right_validation for each in bins]),
        ):
            shares = np.array([n / each.answers for n, each in zip(right, bins, strict=True)])
            ends = np.array([wilson(n, each.answers) for n, each in zip(right, bins, strict=True)])
            errors = np.abs(ends.T - shares)
            stated = [each.stated + shift for each in bins]
            axes.errorbar(stated, shares, errors, fmt="o", color=colour, markersize=4, linewidth=1, label=label)
        axes.set(xlabel="stated probability of being the best", ylabel="share that is", xlim=(0, 1.02), ylim=(0, 1.02))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1))
        figure.savefig(path, metadata=UNDATED["svg"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("train", train), ("replay", replay_all)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("data")
        command.add_argument("--store", type=Path, required=True)
        command.add_argument("--small", action="store_true", help="ten cheap candidates on 900 images")
        command.add_argument("--nets", help="instead of the ladder")
        command.add_argument("--recipe", help="of these networks")
        command.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe")
        command.add_argument("--seeds", type=int, default=3)
        command.add_argument("--workers", type=int, default=2)
        if name == "replay":
            command.add_argument("--repetitions", type=int, default=20)
            command.add_argument("-o", "--output", type=Path, required=True, help="for the results, as JSON")
    command = commands.add_parser("report")
    command.set_defaults(function=report)
    command.add_argument("files", type=Path, nargs="+", help="what replay has written")
    command.add_argument("--into", type=Path, help="a Markdown file with a place for results")
    command.add_argument("--figure", type=Path, help="an SVG file for the calibration plot")
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
