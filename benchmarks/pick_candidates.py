"""The candidates of benchmarks/pick.py, and what training them takes."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from bakeoff.analysis.pick.candidates import CandidateLimits, Lineup, candidate_grid, choose_lineup
from bakeoff.analysis.pick.contest import Candidate, TrainingStep
from bakeoff.analysis.pick.prior import CandidateOrder, built_in_results, expect, put_in_order
from bakeoff.console.progress import progress_bar
from bakeoff.data import Dataset, load_dataset
from bakeoff.data.properties import properties
from bakeoff.execution import session
from bakeoff.execution.options import RunOptions, StudyOptions
from bakeoff.spec.overrides import parse_assignment
from bakeoff.spec.recipe import Image
from bakeoff.spec.values import to_dict

SCRATCH = {"image.size": 32, "epochs": 16, "batch_size": 25, "validation": 400}
PROBE = {"image.size": 64, "validation": 400}
FINETUNE = PROBE | {"epochs": 8}
SMALL = (
    ("linear", "quick", SCRATCH),
    ("lenet5", "quick", SCRATCH),
    ("lenet-afif", "quick", SCRATCH),
    ("conv", "quick", SCRATCH),
    ("drop", "quick", SCRATCH),
    ("squeezenet-1.1", "quick", SCRATCH),
    ("resnet20", "quick", SCRATCH),
    ("efficientnet-lite0:imagenet", "probe", PROBE),
    ("efficientnet-lite1:imagenet", "probe", PROBE),
    ("efficientnet-lite2:imagenet", "probe", PROBE),
    ("efficientnet-lite0:imagenet", "finetune", FINETUNE),
)
"""(network, recipe, changes): what of the ladder a CPU trains in minutes, and a little more of the same kind."""
TRAIN_IMAGES = 900
"""Of a data set, for the small candidates; 400 of them are validation images."""
TEST_IMAGES = 2000
"""At most."""
START_SECONDS = 0.2
"""Processor seconds that a training takes besides its epochs, by the shortest ones."""
SIDE = 64
"""Of images of a folder, in pixels, before the recipe's own resizing."""


def lineup_of(arguments: argparse.Namespace) -> Lineup:
    """Return the candidates: the small ones on a part of the images, or what `bakeoff pick` tries."""
    machine = session.choose_machine(RunOptions(command="benchmark"))
    if arguments.small:
        data = part_of(arguments.data)
        grid = [
            StudyOptions(data=[data], nets=[net], recipe=recipe, seeds=1, changes=changes)
            for net, recipe, changes in SMALL
        ]
    else:
        nets = arguments.nets.split(",") if arguments.nets else None
        recipes = arguments.recipe.split(",") if arguments.recipe else None
        changes = dict(parse_assignment(text) for text in arguments.set)
        grid = candidate_grid(StudyOptions(data=[arguments.data], nets=nets, recipe=recipes, changes=changes))
    with progress_bar() as report:
        return choose_lineup(grid, CandidateLimits(), machine, report)


def in_order(lineup: Lineup, name: str) -> Lineup:
    """Return the candidates with what bakeoff's own results on other data sets than this make expect of them."""
    others = [each for each in built_in_results() if each.data != name]
    own = to_dict(properties(lineup.plan.data[lineup.entries[0].run.data_hash]), full=True)
    return put_in_order(lineup, CandidateOrder(expect(others, own), ""))


def part_of(name: str) -> Dataset:
    """Return a part of a data set, always the same."""
    whole = load_dataset(name, Image(size=(SIDE, SIDE), fit="crop") if name.startswith("folder:") else Image())
    train, test = (
        _draw(images.images, images.labels, count)
        for images, count in ((whole.train, TRAIN_IMAGES), (whole.test, TEST_IMAGES))
    )
    return Dataset.from_arrays(
        train,
        test=test,
        classes=whole.info.classes,
        name=Path(name.removeprefix("folder:")).name,
        photographs=whole.info.photographs,
    )


def _draw(images: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most so many images with the shares of the classes that all have, and their labels."""
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(len(labels))[:count])
    return np.asarray(images[chosen]), np.asarray(labels[chosen])


def steps_of(candidate: Candidate, number: int, seeds: int) -> list[TrainingStep]:
    """Return all trainings of a candidate."""
    return [TrainingStep(number, epochs, seed) for seed in range(seeds) for epochs in candidate.rungs]


@dataclass
class CpuMeter:
    """Seconds that the processors spent in the processes of this one, whatever else the machine did meanwhile."""

    path: Path
    """A JSON file: id of a run → its seconds."""
    _before: float = 0.0

    def read(self) -> dict[str, float]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def note(self, run_id: str) -> None:
        """Note what was spent since the run before."""
        now = sum(sum(each.cpu_times()[:2]) for each in psutil.Process().children(recursive=True))
        self.path.write_text(json.dumps(self.read() | {run_id: now - self._before}))
        self._before = now


def epoch_seconds(lineup: Lineup, spent: Mapping[str, float], seeds: int) -> dict[int, float]:
    """Return the processor seconds of an epoch of each candidate, by its number: the median over seeds.

    Of a probe the largest: whichever seed came first computed the features for all.
    """
    found = {}
    for number, entry in enumerate(lineup.entries):
        candidate, each = entry.candidate, []
        rungs = candidate.rungs
        epochs = rungs[0] + sum(longer - candidate.shared(shorter) for shorter, longer in pairwise(rungs))
        for seed in range(seeds):
            total = sum(spent[entry.run_of(TrainingStep(number, rung, seed)).id] for rung in rungs)
            each.append(max(0.0, total - len(rungs) * START_SECONDS) / epochs)
        found[number] = max(each) if candidate.again < 1 else median(each)
    return found
