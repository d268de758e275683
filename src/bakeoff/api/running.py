"""Training from Python: `run`, `reproduce`, and `estimate`, which says what that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.analysis.race import Race, choose_race, race_results
from bakeoff.api.options import run_options, study_options
from bakeoff.api.results import Results
from bakeoff.api.stores import comparison_frame
from bakeoff.console.wording import worded
from bakeoff.execution.options import Data, Network, RunOptions
from bakeoff.execution.plan import Plan
from bakeoff.execution.session import choose_study
from bakeoff.spec.recipe import Recipe
from bakeoff.store.store import Store
from bakeoff.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from bakeoff.console.estimate import Estimate


@worded
def run(
    study: str | Path | Study | None = None,
    *,
    nets: Sequence[Network] | Network | None = None,
    data: Sequence[Data] | Data | None = None,
    data_as: Mapping[str, Data] | None = None,
    groups: str | None = None,
    folds: int | None = None,
    recipe: Sequence[str] | str | Recipe | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    until_settled: Sequence[Network] | str | None = None,
    max_seeds: int | None = None,
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
) -> Results:
    """Train networks on data sets, as far as the store does not have them yet, and return the results.

    Without arguments this is a demonstration: four networks on handwritten digits, three seeds. Interrupt it any time;
    the same call resumes.

    Args:
        study: a built-in study, a .toml file or a `Study`; the other arguments change it.
        nets: networks, one or several: names, files such as "my_net.py", `nn.Module` classes, or functions. Classes and
            functions are called with the shape of one image (`.channels`, `.height`, `.width`) and the number of
            classes. "resnet20@modern" is trained by its own recipe.
        data: data sets, one or several: names, such as "mnist", "folder:my-photos" or "csv:labels.csv"; paths of such
            folders and files; pairs of arrays (images, labels), or `Dataset`s.
        data_as: data sets to use in place of the study's: {"cifar10": "folder:cifar10-jpeg"}.
        groups: keep images of one patient, video, … on one side of every split: the name of a column of a table, or a
            regular expression for file names, such as r"(?P<group>\\d+)_"; for arrays see `Dataset.from_arrays`.
        folds: divide all images into so many parts, and repeat the comparison with each as test images.
        recipe: how to train: a name, several to compare, or a `Recipe`, named by what differs from "quick" in tables.
        seeds: runs per network and data set; 3 by default.
        first_seed: 0 by default.
        until_settled: two networks that get more seeds until it is clear which is better; see `Results.settled`.
        max_seeds: upper limit on seeds for `until_settled`; 20 by default.
        changes: changes to the recipe by field: {"epochs": 10, "optimizer.lr": 0.01}.
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
        track: trackers that results are sent to in the background: "mlflow:URI", "tensorboard:DIR", "wandb:PROJECT".
        quiet: show no progress.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> results = bakeoff.run(nets="linear,lenet-afif", data="digits", changes={"epochs": 1}, store="small.db")
        >>> sorted(results.to_frame()["net"])
        ['lenet-afif', 'linear']
    """
    wanted = study_options(locals())
    how = run_options("run", locals())
    chosen = choose_study(study, wanted)
    race = choose_race(chosen, wanted)
    plan = train_study(chosen, how, race)
    with Store(how.store) as opened:
        results, unreadable = opened.read([run.id for run in plan.runs])
    settled = tuple(race_results(race, plan, how.store)) if race else ()
    return Results(how.store, tuple(results), settled, unreadable=tuple(unreadable))


@worded
def estimate(
    study: str | Path | Study | None = None,
    *,
    nets: Sequence[Network] | Network | None = None,
    data: Sequence[Data] | Data | None = None,
    data_as: Mapping[str, Data] | None = None,
    groups: str | None = None,
    recipe: Sequence[str] | str | Recipe | None = None,
    seeds: int | None = None,
    first_seed: int | None = None,
    until_settled: Sequence[Network] | str | None = None,
    max_seeds: int | None = None,
    changes: Mapping[str, Any] | None = None,
    store: str | Path = "bakeoff.db",
    workers: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,
    robustness: bool = False,
    quiet: bool = False,
) -> "Estimate":
    """Check everything that `run` would do with these arguments, and return about how long it would take.

    This is `bakeoff run --dry-run`: a few training steps of each network are timed here. Nothing is trained, written or
    downloaded. The arguments are those of `run`.

    Args:
        study: a built-in study, a .toml file or a `Study`; the other arguments change it.
        nets: networks, one or several: names, files such as "my_net.py", `nn.Module` classes, or functions. Classes and
            functions are called with the shape of one image (`.channels`, `.height`, `.width`) and the number of
            classes.
        data: data sets, one or several: names, such as "mnist", "folder:my-photos" or "csv:labels.csv"; paths of such
            folders and files; pairs of arrays (images, labels), or `Dataset`s.
        data_as: data sets to use in place of the study's: {"cifar10": "folder:cifar10-jpeg"}.
        groups: keep images of one patient, video, … on one side of every split: the name of a column of a table, or a
            regular expression for file names, such as r"(?P<group>\\d+)_"; for arrays see `Dataset.from_arrays`.
        recipe: how to train: a name, several to compare, or a `Recipe`, which tables name by what differs from
            "quick".
        seeds: runs per network and data set; 3 by default.
        first_seed: 0 by default.
        until_settled: two networks that get more seeds until it is clear which is better; see `Results.settled`.
        max_seeds: upper limit on seeds for `until_settled`; 20 by default.
        changes: changes to the recipe by field: {"epochs": 10, "optimizer.lr": 0.01}.
        store: the SQLite file for the results; made if it does not exist.
        workers: processes that train at once; one per core by default.
        threads: threads per process; cores / workers by default.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: of training: "auto", "fp32", "tf32" or "bf16".
        compile: use torch.compile on the networks.
        robustness: also evaluate the finished runs on corrupted test images.
        quiet: show no progress.

    Raises:
        BakeoffError: what was asked for cannot be done; the message says why.

    Example:
        >>> plan = bakeoff.estimate(nets="linear,lenet-afif", data="digits", seeds=5)
        >>> plan.to_frame()[["net", "runs"]].values.tolist()
        [['linear', 5], ['lenet-afif', 5]]
        >>> plan.seconds > 0
        True
    """
    from bakeoff.console.estimate import estimate_study
    from bakeoff.console.running import prepare_study

    wanted = study_options(locals())
    how = replace(run_options("estimate", locals()), dry_run=True)
    chosen = choose_study(study, wanted)
    return estimate_study(prepare_study(chosen, how, choose_race(chosen, wanted)), how)


@worded
def reproduce(
    study: str | Path | Study,
    *,
    nets: Sequence[Network] | Network | None = None,
    data: Sequence[Data] | Data | None = None,
    data_as: Mapping[str, Data] | None = None,
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
) -> "pd.DataFrame":
    """Run a published study, or part of it, and return what it published next to what was measured.

    Args:
        study: a built-in study, or a .toml file or `Study` with published numbers.
        nets: only these networks; those that the study does not have are trained with nothing to compare them to.
        data: only these data sets.
        data_as: data sets to use in place of the study's: {"cifar10": "folder:cifar10-jpeg"}.
        groups: as for `run`.
        recipe: how to train, in place of the study's own recipe; as for `run`.
        seeds: runs per network and data set.
        first_seed: 0 by default.
        changes: changes to the recipe by field: {"epochs": 2}.
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
        One row per published number, as `bakeoff.compare` gives.

    Raises:
        BakeoffError: what was asked for cannot be done, or the study has no published numbers.

    Example:
        >>> numbers = bakeoff.reproduce(
        ...     "afif2018", nets="lenet-afif", data="mnist", data_as={"mnist": "digits"}, seeds=1, changes={"epochs": 1}
        ... )
        >>> numbers["verdict"][0]  # of one seed, and of other images than the study's
        'one seed: cannot tell'
    """
    from bakeoff.analysis import published
    from bakeoff.execution.names import known_study

    original = study if isinstance(study, Study) else known_study(str(study))
    published.check_has_numbers(original)
    wanted = study_options(locals())
    how = run_options("reproduce", locals())
    plan = train_study(choose_study(original, wanted), how)
    with Store(how.store) as opened:
        return comparison_frame(published.compare_with_published(original, opened, [run.id for run in plan.runs]))


def train_study(study: Study, how: RunOptions, race: Race | None = None) -> Plan:
    """Train what the store lacks of a study, or of a race in it, and return the plan."""
    from bakeoff.console.running import prepare_study, train_prepared

    return train_prepared(prepare_study(study, how, race), how).plan
