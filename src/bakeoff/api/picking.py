"""Finding the best network within a budget of time, from Python: `pick`, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.pick.answer import Pick
from bakeoff.analysis.pick.candidates import CandidateLimits
from bakeoff.analysis.pick.standing import PickedNetwork
from bakeoff.analysis.pick.words import describe_pick
from bakeoff.api.options import run_options, study_options
from bakeoff.console.picking import PickOptions, hold_contest
from bakeoff.console.wording import worded
from bakeoff.errors import BakeoffError
from bakeoff.execution.options import Data, Network
from bakeoff.spec.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn


@dataclass(frozen=True)
class Picked:
    """The answer of `pick`. Printed, it is the text of `bakeoff pick`.

    Example:
        >>> best = bakeoff.pick("digits", nets="linear,lenet-afif", budget="15s", store="pick.db")
        >>> best.to_frame()["net"][0] == best.winner.net
        True
        >>> max(best.probabilities, key=best.probabilities.get) == best.winner.name
        True
        >>> type(best.model).__name__  # the trained winner, a torch module
        'Sequential'
    """

    answer: Pick
    """Everything, as in the JSON of the command."""
    page: Path | None = None
    """The page; None if nothing was trained."""

    @property
    def winner(self) -> PickedNetwork | None:
        """The network that is most probably the best; None if no training ended within the budget."""
        return self.answer.winner

    @property
    def probabilities(self) -> dict[str, float]:
        """Candidate → the probability that it is the best of those tried, if all were trained to the end."""
        return {one.name: one.best for one in self.answer.standings if one.epochs}

    @property
    def model(self) -> "nn.Module":
        """The trained winner on the CPU, for evaluation: from (N, C, H, W) normalised images to (N, classes) logits.

        Raises:
            BakeoffError: the contest ended before its winner was evaluated.
        """
        from bakeoff.training.bundles import read_bundle

        if self.answer.weights is None:
            raise BakeoffError("there is no trained winner yet: call bakeoff.pick again with a larger budget")
        return read_bundle(self.answer.weights).net

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per candidate, the winner first; accuracies and probabilities are fractions of 1."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.answer.standings])

    def __str__(self) -> str:
        return "\n".join(describe_pick(self.answer))

    def _repr_html_(self) -> str:
        from html import escape

        columns = ["name", "state", "epochs", "seeds", "validation_accuracy", "best", "test_accuracy"]
        return f"<pre>{escape(str(self))}</pre>{self.to_frame()[columns].to_html(index=False)}"


@worded
def pick(
    data: Data,
    budget: str | float = "20m",
    *,
    nets: Sequence[Network] | Network | None = None,
    groups: str | None = None,
    recipe: Sequence[str] | str | Recipe | None = None,
    changes: Mapping[str, Any] | None = None,
    first_seed: int | None = None,
    max_params: float | None = None,
    max_latency: float | None = None,
    max_size: float | None = None,
    target: float | None = None,
    margin: float = 0.005,
    learn_from: Sequence[str | Path] | str | Path = (),
    tune: bool = False,
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
    track: Sequence[str] | str = (),
    quiet: bool = False,
) -> Picked:
    """Find the best network for some images within a budget of time.

    Candidates are trained in stages; those with almost no chance of becoming the best are dropped. All choices are made
    on validation images; the test images are evaluated once, for the answer. Repeat the call to continue, with a larger
    budget if you like.

    Args:
        data: a name, the path of a folder or table of images, a pair of arrays (images, labels), or a `Dataset`.
        budget: time that the call may take: seconds, or a text such as "20m".
        nets: networks, as for `run`; by default a ladder from a linear model to the pretrained networks installed.
        groups: as for `run`.
        recipe: how to train: a name, several, or a `Recipe`.
        changes: changes to the recipe by field: {"epochs": 10}.
        first_seed: 0 by default.
        max_params: upper limit on parameters.
        max_latency: upper limit on the milliseconds for one image on this machine.
        max_size: upper limit on the size of the weights in bytes.
        target: stop at this validation accuracy, a fraction.
        margin: accuracies that differ by less are equivalent, a fraction.
        learn_from: other stores whose results on similar images decide what is tried first.
        tune: tune the recipe of the winner in two fifths of the budget; needs Optuna.
        store: the SQLite file for the results; made if it does not exist. The page is written beside it.
        workers: processes that train at once; one per core by default.
        threads: threads per process; cores / workers by default.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: of training: "auto", "fp32", "tf32" or "bf16".
        compile: use torch.compile on the networks.
        run_timeout: stop a run that takes longer and count it as failed: seconds, or a text such as "2h".
        devices_per_run: divide each batch of a run among so many GPUs, or processes on a CPU.
        executor: where to train: "local" for this machine, "ray" or "slurm".
        address: Ray cluster, "HOST:PORT"; by default that of this machine, or a new one.
        gpus_per_run: share of a GPU, or number of GPUs, that each run gets on a cluster.
        memory_per_run: memory that each run reserves on a node of a cluster: "2GB".
        checkpoints: where the nodes keep checkpoints: a shared folder, or "s3://BUCKET/FOLDER".
        pack: runs in each job of SLURM, one after the other.
        slurm: settings of SLURM's jobs: {"partition": "gpu", "timeout_min": 480}.
        track: experiment trackers, as for `run`.
        quiet: show no progress.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> best = bakeoff.pick("digits", nets="linear,lenet-afif", budget="15s", store="pick.db")
        >>> best.winner.net in best.probabilities
        True
    """
    given = locals()
    limits = CandidateLimits(parameters=max_params, latency_ms=max_latency, size_bytes=max_size)
    others = (learn_from,) if isinstance(learn_from, str | Path) else tuple(learn_from)
    options = PickOptions(budget=budget, limits=limits, margin=margin, target=target, learn_from=others, tune=tune)
    outcome = hold_contest(study_options(given), options, run_options("pick", given))
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    return Picked(outcome.pick, outcome.page)
