"""Where runs are trained other than in processes of this machine, and the resources of each. No Ray, no submitit."""

from typing import Literal, TypeAlias, get_args

from bakeoff.spec.values import Value

Engine: TypeAlias = Literal["inline", "ray", "slurm"]
"""`inline` trains one run after another in this process, for tests and benchmarks."""
EXECUTORS = ("local", *(engine for engine in get_args(Engine) if engine != "inline"))
"""What --executor can be."""


class Cluster(Value, frozen=True):
    """An executor other than the pool of local processes, with its settings."""

    executor: Engine
    address: str = ""
    """HOST:PORT of a Ray cluster; empty for the one of this machine, which is started if there is none."""
    gpus_per_run: float = 0.0
    """A share of a GPU, or a number of GPUs."""
    memory_per_run: int = 0
    """Bytes that a run reserves; 0 reserves nothing."""
    checkpoints: str = ""
    """URL of the folder where workers keep checkpoints and fetch images; empty sends them through the driver."""
    most: int = 0
    """Maximum number of concurrent runs; 0 for as many as fit on the nodes."""
    pack: int = 1
    """Runs in each element of a SLURM job array."""
    settings: tuple[tuple[str, str], ...] = ()
    """Further settings of the scheduler, such as ("partition", "gpu")."""
