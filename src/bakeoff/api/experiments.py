"""Experiments from Python: `dial`, what it returns, and `ablate`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.dial import Response
from bakeoff.api.options import run_options, study_options
from bakeoff.api.running import train_study
from bakeoff.console.wording import worded
from bakeoff.execution.options import Data, Network
from bakeoff.reporting.dial import RULE, DialRow, describe_response, list_points, tabulate_response
from bakeoff.reporting.text_table import to_markdown
from bakeoff.spec.recipe import Recipe
from bakeoff.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Experiments:
    """Response curves, one `Response` for each dial that was turned. Printed, they are tables in Markdown.

    Example:
        >>> settings = {"epochs": 1, "images_per_class": 20}
        >>> experiments = bakeoff.dial("digits", "contrast", nets="linear", levels=[1, 0.2], changes=settings, seeds=2)
        >>> len(experiments.responses)
        1
        >>> experiments.to_frame()["level"].unique().tolist()
        [1.0, 0.2]
        >>> len(experiments.sentences) > 0
        True
    """

    store: Path
    responses: tuple[Response, ...]

    @property
    def sentences(self) -> list[str]:
        """What the curves show, in sentences."""
        return [sentence for one in self.responses for sentence in describe_response(one)]

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per dial, network and level; accuracies are fractions of 1."""
        import pandas as pd

        columns = [field.name for field in fields(DialRow)]
        return pd.DataFrame([asdict(row) for row in list_points(self.responses)], columns=columns)

    def __str__(self) -> str:
        parts = [to_markdown([tabulate_response(one)], describe_response(one)) for one in self.responses]
        return "\n".join([*parts, RULE]) if parts else "No run has finished yet."

    def _repr_html_(self) -> str:
        from html import escape

        return "".join([self.to_frame().to_html(index=False), *(f"<p>{escape(text)}</p>" for text in self.sentences)])


@worded
def dial(
    data: Data,
    turn: Sequence[str] | str,
    *,
    steps: int = 5,
    levels: Sequence[float] | None = None,
    nets: Sequence[Network] | Network | None = None,
    groups: str | None = None,
    recipe: Sequence[str] | str | Recipe | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    changes: Mapping[str, Any] | None = None,
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
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
    robustness: bool = False,
    timing: str = "shared",
    track: Sequence[str] | str = (),
    quiet: bool = False,
) -> Experiments:
    """Change one thing about a data set step by step, train networks on each version, and return how they respond.

    Args:
        data: the data set, as for `run`.
        turn: what to change, one or several of: "colour", "contrast", "resolution", "clutter", "classes",
            "label-noise", "imbalance", "images-per-class", "upscale".
        steps: number of levels, starting from the unchanged images.
        levels: the levels themselves, in place of `steps`.
        nets: networks, as for `run`; those of the demonstration by default.
        groups: as for `run`.
        recipe: how to train: a name, several to compare, or a `Recipe`, which tables name by what differs from
            "quick".
        seeds: runs per network and level; 3 by default.
        first_seed: 0 by default.
        changes: changes to the recipe by field: {"epochs": 10}.
        store: the SQLite file for the results; made if it does not exist.
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
        retry_failed: train failed and damaged runs again.
        restart: discard what the store has of these runs and start over.
        fail_fast: stop at the first run that fails.
        robustness: also evaluate the finished runs on corrupted test images.
        timing: "exclusive" to measure latency and training speed again after all runs, one run at a time.
        track: experiment trackers, as for `run`.
        quiet: show no progress.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> experiments = bakeoff.dial(
        ...     "digits", "contrast", nets="linear,lenet-afif", levels=[1, 0.2], changes={"epochs": 1}
        ... )
        >>> experiments.to_frame()["level"].unique().tolist()
        [1.0, 0.2]
    """
    from bakeoff.analysis.dial import choose_dials, read_responses
    from bakeoff.console.progress import progress_bar

    wanted = study_options(locals())
    how = run_options("dial", locals())
    dials = (turn,) if isinstance(turn, str) else turn
    with progress_bar(quiet=quiet) as report:
        study = choose_dials(data, dials, wanted, steps=steps, levels=levels, progress=report)
    plan = train_study(study, how)
    with Store(how.store) as opened:
        return Experiments(how.store, tuple(read_responses(opened, plan.study)))


@worded
def ablate(
    net: Network,
    base: Network,
    data: Sequence[Data] | Data,
    *,
    data_as: Mapping[str, Data] | None = None,
    groups: str | None = None,
    recipe: str | Recipe | None = None,
    base_recipe: str | Recipe | None = None,
    changes: Mapping[str, Any] | None = None,
    seeds: int = 3,
    first_seed: int = 0,
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
    retry_failed: bool = False,
    restart: bool = False,
    fail_fast: bool = False,
    robustness: bool = False,
    timing: str = "shared",
    track: Sequence[str] | str = (),
    quiet: bool = False,
) -> "pd.DataFrame":
    """Return which of the changes between two networks and their recipes helped, one row per change and way.

    Each change is made alone, then left out alone, and compared over the same seeds; what the store lacks is trained.

    Args:
        net: the network with the changes, as for `run`.
        base: the network without them.
        data: data sets, as for `run`.
        data_as: data sets to use in place of others: {"cifar10": "folder:cifar10-jpeg"}.
        groups: as for `run`.
        recipe: the recipe of `net`, a name or a `Recipe`; by default that of the built-in study that has both networks,
            else "quick".
        base_recipe: the recipe of `base`; that of `net` by default.
        changes: changes to both recipes by field: {"epochs": 10}.
        seeds: runs per network and data set.
        first_seed: the first of them.
        store: the SQLite file for the results; made if it does not exist.
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
        retry_failed: train failed and damaged runs again.
        restart: discard what the store has of these runs and start over.
        fail_fast: stop at the first run that fails.
        robustness: also evaluate the finished runs on corrupted test images.
        timing: "exclusive" to measure latency and training speed again after all runs, one run at a time.
        track: experiment trackers, as for `run`.
        quiet: show no progress.

    Returns:
        Gains as fractions of 1 with their 95 % t intervals over the differences of runs with the same seed.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> settings = {"epochs": 1, "images_per_class": 5, "image.scale": 3}
        >>> gains = bakeoff.ablate(
        ...     "conv", "conv", "digits", base_recipe="clark2020", recipe="quick", changes=settings, seeds=1
        ... )
        >>> "normalisation" in set(gains["change"])
        True
    """
    import pandas as pd

    from bakeoff.analysis.ablation import Gain, choose_ablation, compute_gains
    from bakeoff.console.progress import progress_bar

    wanted = study_options(locals())
    how = run_options("ablate", locals())
    with progress_bar(quiet=quiet) as report:
        ablation = choose_ablation(net, base, base_recipe, wanted, progress=report)
    plan = train_study(ablation.study, how)
    with Store(how.store) as opened:
        found = compute_gains(ablation, opened.results([run.id for run in plan.runs]))
    return pd.DataFrame([asdict(gain) for gain in found], columns=[field.name for field in fields(Gain)])
