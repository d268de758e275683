"""Synthetic stores: made-up runs with the shapes of real ones, for the page and its tables."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bakeoff.data import load_dataset
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.spec.recipe import SGD, OneCycle, Recipe
from bakeoff.spec.records import DataRecord, Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.spec.values import digest, to_dict
from tiny import ClaimingStore

NETS = {
    # accuracy at the end, parameters, FLOPs, images per second
    "lenet-afif": (0.921, 150_742, 1_200_000, 9_400.0),
    "conv": (0.958, 93_322, 5_700_000, 4_100.0),
    "drop": (0.962, 93_322, 5_700_000, 3_900.0),
    "resnet20": (0.984, 269_722, 81_600_000, 420.0),
    "nin": (0.951, 966_986, 44_000_000, 610.0),
    "vgg-afif": (0.979, 1_505_034, 102_000_000, 350.0),
}
ENVIRONMENT = {
    "bakeoff": "0.1.0",
    "python": "3.11.7",
    "torch": "2.13.0+cpu",
    "processor": "AMD EPYC 7763",
    "cores": 2,
    "device": "cpu",
    "precision": "fp32",
    "threads": 1,
}
RECIPE = Recipe(
    name="quick",
    epochs=8,
    batch_size=128,
    validation=0.1,
    select="last",
    normalize="unit",
    optimizer=SGD(lr=0.1, momentum=0.9),
    schedule=OneCycle(),
)


def make_store(
    path: Path,
    nets: Iterable[str] = ("lenet-afif", "conv", "drop", "resnet20"),
    data: Sequence[str] = ("digits", "mnist"),
    *,
    seeds: int = 3,
    recipe: Recipe = RECIPE,
    images: int = 400,
    classes: Sequence[str] = tuple("0123456789"),
    waiting: int = 0,
    failing: int = 0,
    noise: float = 0.004,
    worse: float = 0.0,
    real: bool = False,
    kinds: Mapping[str, tuple[float, int, int, float]] = NETS,
    collapsed: Collection[str] = (),
    step: float = 0.06,
    waited: float = 0.0,
    command: str = "",
) -> Path:
    """Fill a new store: the last `waiting` runs never start, the `failing` ones before them diverge.

    All accuracies are lower by `worse`, so that there are mistakes to show, and by `step` more on each further data
    set. The networks `collapsed` predict a single class. Runs waited for a CPU in the share `waited` of their time.

    With `real`, the data sets are those of these names on this machine, with their own classes and labels.
    """
    random = np.random.default_rng(0)
    found = {name: load_dataset(name, recipe.image) for name in data} if real else {}
    truth = {name: found[name].test.labels if real else random.integers(0, len(classes), images) for name in data}
    infos = {name: dataset.info for name, dataset in found.items()} or {
        name: DataInfo(
            name=name,
            shape=ImageShape(1, 28, 28),
            classes=tuple(classes),
            content_hash=digest(name),
            train_images=5000,
            validation_images=0,
            test_images=images,
            photographs=False,
        )
        for name in data
    }
    records = [
        DataRecord(i.content_hash, to_dict(i) | {"source": "made up", "licence": "CC0", "citation": ""}, truth[name])
        for name, i in infos.items()
    ]
    runs = [Run(net, d, infos[d].content_hash, recipe, seed) for seed in range(seeds) for d in data for net in nets]
    with ClaimingStore(path, create=True) as store:
        store.add(runs, records)
        store.record_study(
            f'name = "mine"\nnets = {list(nets)}\ndata = {list(data)}\nseeds = {seeds}\n',
            command
            or f"bakeoff run --nets {','.join(nets)} --data {','.join(data)} --recipe {recipe.name} --seeds {seeds}",
        )
        for number, run in enumerate(runs):
            if number >= len(runs) - waiting:
                continue
            final, parameters, flops, speed = kinds.get(run.net, (0.9, 1_000_000, 10_000_000, 1_000.0))
            final -= worse + step * data.index(run.data)
            final = float(np.clip(final + random.normal(0, noise), 0.05, 0.999))
            final = 1 / len(infos[run.data].classes) if run.net in collapsed else final
            fails = number >= len(runs) - waiting - failing
            for epoch in range(1, (3 if fails else recipe.epochs) + 1):
                store.record_epoch(run.id, _epoch(epoch, recipe.epochs, final, speed, random))
            if fails:
                message = "the loss became NaN in epoch 3 at step 57"
                store.fail(run.id, Failure("diverged", message, "Traceback: <none>", 3, 57), ENVIRONMENT)
                continue
            count = len(infos[run.data].classes)
            outcome = _outcome(
                run, truth[run.data], final, parameters, flops, speed, count, random, run.net in collapsed
            )
            if waited:
                seconds = outcome.measures["train_seconds"]
                outcome.measures.update(waiting_seconds=waited * seconds, other_processor_seconds=seconds)
            store.finish(run.id, outcome, ENVIRONMENT)
    return path


def _epoch(epoch: int, epochs: int, final: float, speed: float, random: np.random.Generator) -> Epoch:
    grown = 1 - np.exp(-4 * epoch / epochs)
    train = float(np.clip(0.1 + (final - 0.09) * grown + random.normal(0, 0.004), 0, 1))
    valid = float(np.clip(0.1 + (final - 0.11) * grown + random.normal(0, 0.008), 0, 1))
    seconds = 5000 / speed * random.uniform(0.97, 1.06)
    loss = float(2.4 * (1 - train) + 0.02)
    return Epoch(epoch, loss, train, float(2.6 * (1 - valid) + 0.03), valid, 0.1, seconds, 0.3, speed, 300 << 20)


def _outcome(
    run: Run, labels: np.ndarray, final: float, parameters: int, flops: int, speed: float, classes: int,
    random: np.random.Generator, collapsed: bool = False,
) -> Outcome:  # fmt: skip
    difficulty = np.linspace(0.3, 1.7, classes)[labels]
    wrong = random.random(len(labels)) < (1 - final) * difficulty
    predicted = np.where(wrong, (labels + random.choice([1, 3, 5], len(labels))) % classes, labels)
    predicted = np.zeros_like(labels) if collapsed else predicted
    scores = random.dirichlet(np.full(classes, 0.1), len(labels))
    scores[np.arange(len(labels)), predicted] += random.uniform(0.3, 6, len(labels))
    epochs = run.recipe.epochs
    return Outcome(
        epochs,
        predicted.astype(np.uint16),
        (scores / scores.sum(axis=1, keepdims=True)).astype(np.float16),
        {
            "test_accuracy": float((predicted == labels).mean()),
            "test_images": len(labels),
            "test_loss": float(2.4 * (predicted != labels).mean()),
            "parameters": parameters + 1000,
            "trainable_parameters": parameters,
            "latency_ms_median": flops / 1e7,
            "inference_images_per_second": 3 * speed,
            "activation_bytes_per_image": flops / 20,
            "flops": flops,
            "train_seconds": 5000 / speed * epochs,
            "evaluation_seconds": 0.3 * epochs,
            "images_per_second": speed,
            "peak_memory_bytes": 300 << 20,
            "reported_epoch": epochs,
        },
    )
