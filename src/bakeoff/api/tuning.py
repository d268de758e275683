"""Tuning a recipe for one network and data set, from Python: `tune`, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.tune.answer import TunedRecipe
from bakeoff.analysis.tune.words import describe_tuning
from bakeoff.api.options import run_options, study_options
from bakeoff.console.tuning import TuneOptions, tune_recipe
from bakeoff.console.wording import worded
from bakeoff.execution.options import Data, Network
from bakeoff.spec.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Tuned:
    """The outcome of `tune`. Printed, it is the text of `bakeoff tune`.

    Example:
        >>> changes = {"epochs": 1, "optimizer.weight_decay": 0.05, "label_smoothing": 0, "augment.shift": 0.1}
        >>> changes |= {"augment.rotation": 0, "optimizer.lr": 0.003}  # so that the batch size is left to search
        >>> found = bakeoff.tune("linear", "digits", 60, changes=changes, store="t.db", quiet=True, workers=1)
        >>> len(found.to_frame())
        3
        >>> set(found.changes) <= {"batch_size"}  # for changes= of bakeoff.run
        True
    """

    answer: TunedRecipe
    """Everything, as in the JSON of the command."""

    @property
    def changes(self) -> dict[str, Any]:
        """What to change in the recipe, for `changes=` of `run`; empty if nothing better was found."""
        return dict(self.answer.found)

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per trial, the unchanged recipe first; accuracies are fractions of 1."""
        import pandas as pd

        rows = [asdict(trial) for trial in self.answer.trials]
        return pd.DataFrame([row | row.pop("values") for row in rows])

    def __str__(self) -> str:
        return "\n".join(describe_tuning(self.answer))


@worded
def tune(
    net: Network,
    data: Data,
    budget: str | float = "30m",
    *,
    search: Sequence[str] = (),
    output: str | Path | None = None,
    groups: str | None = None,
    recipe: str | Recipe | None = None,
    changes: Mapping[str, Any] | None = None,
    first_seed: int | None = None,
    store: str | Path = "bakeoff.db",
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    run_timeout: str | float | None = None,
    devices_per_run: int = 1,
    executor: str = "local",
    address: str | None = None,
    gpus_per_run: float | None = None,
    memory_per_run: str | None = None,
    checkpoints: str | None = None,
    pack: int | None = None,
    slurm: Mapping[str, str | int] | None = None,
    quiet: bool = False,
) -> Tuned:
    """Find better values for the fields of a recipe, for one network and data set; needs Optuna.

    Starts from the unchanged recipe. All choices are made on validation images; the test images are not read. The best
    trial is confirmed with seeds that were not used in the search. Repeat the call to continue, with a larger budget if
    you like.

    Args:
        net: the network, as for `run`.
        data: a name, the path of a folder or table of images, a pair of arrays (images, labels), or a `Dataset`.
        budget: time that the call may take: seconds, or a text such as "30m".
        search: values to try for fields, instead of the usual ones: ["optimizer.lr=1e-4..1e-1", "batch_size=32,64"].
        output: a file for the found recipe, for `recipe=`.
        groups: as for `run`.
        recipe: how to train: a name, a file, or a `Recipe`.
        changes: changes to the recipe by field, which are not searched: {"epochs": 10}.
        first_seed: the seed of the search; 0 by default.
        store: the SQLite file for the results; made if it does not exist.
        workers: processes that train at once; one per core by default.
        threads: threads per process; cores / workers by default.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: of training: "auto", "fp32", "tf32" or "bf16".
        compile: use torch.compile on the network.
        run_timeout: stop a run that takes longer and count it as failed: seconds, or a text such as "2h".
        devices_per_run: divide each batch of a run among so many GPUs, or processes on a CPU.
        executor: where to train: "local" for this machine, "ray" or "slurm".
        address: Ray cluster, "HOST:PORT"; by default that of this machine, or a new one.
        gpus_per_run: share of a GPU, or number of GPUs, that each run gets on a cluster.
        memory_per_run: memory that each run reserves on a node of a cluster: "2GB".
        checkpoints: where the nodes keep checkpoints: a shared folder, or "s3://BUCKET/FOLDER".
        pack: runs in each job of SLURM, one after the other.
        slurm: settings of SLURM's jobs: {"partition": "gpu", "timeout_min": 480}.
        quiet: show no progress.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> changes = {"epochs": 1, "optimizer.weight_decay": 0.05, "label_smoothing": 0, "augment.shift": 0.1}
        >>> changes |= {"augment.rotation": 0, "batch_size": 64}  # what is set is not searched
        >>> rates = ["optimizer.lr=0.003,0.03"]
        >>> found = bakeoff.tune("linear", "digits", 60, search=rates, changes=changes, store="t.db", quiet=True)
        >>> sorted(found.to_frame()["optimizer.lr"])
        [0.003, 0.03]
    """
    given = locals()
    options = TuneOptions(budget=budget, search=tuple(search), output=Path(output) if output is not None else None)
    found, is_interrupted = tune_recipe(study_options(given | {"nets": net}), options, run_options("tune", given))
    if is_interrupted:
        raise KeyboardInterrupt
    return Tuned(found)
