"""The connection to a Ray cluster, and how many runs it trains at once."""

import logging
import math
import os
import signal
import threading
from typing import Any

from bakeoff.errors import BakeoffError, first_line
from bakeoff.execution.cluster import Cluster

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": "(?s).*",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
"""No usage statistics are sent, and Ray's messages do not appear in the output."""


def connect(cluster: Cluster) -> Any:
    """Connect to the cluster, unless this process is connected, and return Ray.

    Raises:
        BakeoffError: Ray is not installed, or there is no such cluster.
    """
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    try:
        import ray
    except ImportError as error:
        raise BakeoffError("--executor ray needs Ray: pip install 'bakeoff[ray]'") from error
    if ray.is_initialized():
        return ray
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(cluster.address or None, log_to_driver=False, logging_level=logging.CRITICAL, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        where = f"at {cluster.address}" if cluster.address else "on this machine"
        raise BakeoffError(
            f"no Ray cluster {where} ({first_line(error)}): run the command on one of its nodes, as after `ray start`"
        ) from error
    finally:
        if is_main:  # Ray answers SIGTERM by ending the process
            signal.signal(signal.SIGTERM, before)
    return ray


def count_slots(cluster: Cluster, cpus: int) -> int:
    """Return how many runs the cluster trains at once now; 0 if no node has what a run needs."""
    nodes = [node["Resources"] for node in connect(cluster).nodes() if node["Alive"]]
    needs = {"CPU": cpus, "GPU": cluster.gpus_per_run, "memory": cluster.memory_per_run}
    return sum(
        min(math.floor(node.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need) for node in nodes
    )
