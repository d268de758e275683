"""Sends runs to an MLflow server: an experiment per data set, a run per run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bakeoff.errors import first_line
from bakeoff.spec.values import digest
from bakeoff.tracking.records import TrackedRun
from bakeoff.tracking.target import Unreachable

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

DEFAULT = "http://127.0.0.1:5000"
"""Where `mlflow server` listens unless it is told otherwise."""
RUN, MARK, PAGE_OF = "bakeoff.run", "bakeoff.mark", "bakeoff.page"
"""Tags: the id of a run; its mark, which is set last; the store that a page is about."""
EXPERIMENT = "bakeoff"
MOST_PARAMS, MOST_METRICS, LONGEST = 100, 1000, 6000
"""Limits of MLflow: settings and numbers in one request, characters of a setting."""
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "20", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""MLflow's defaults would wait for minutes for a server that is down."""


class MlflowTracker:
    """An MLflow server."""

    def __init__(self, uri: str, store: Path) -> None:
        """Open the server at `uri`, or where $MLFLOW_TRACKING_URI says, or on this machine."""
        for name, value in PATIENCE.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self._uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT
        self._client = MlflowClient(self._uri)
        self._store = store
        self._experiments: dict[str, str] = {}
        self._found: dict[str, list[MlflowRun]] = {}

    def marks(self) -> dict[str, str]:
        """Return the mark of each completely sent run, by its id."""
        with self._reaching():
            ours = self._client.search_experiments(filter_string=f"name LIKE '{EXPERIMENT}%'", max_results=1000)
            self._experiments = {experiment.name: experiment.experiment_id for experiment in ours}
            for run in self._search(f"tags.`{RUN}` LIKE '%'"):
                self._found.setdefault(run.data.tags[RUN], []).append(run)
        single = {run_id: runs[0].data.tags for run_id, runs in self._found.items() if len(runs) == 1}
        return {run_id: tags[MARK] for run_id, tags in single.items() if MARK in tags}

    def _search(self, wanted: str) -> "Iterator[MlflowRun]":
        token = None
        while self._experiments:
            ids = list(self._experiments.values())
            page = self._client.search_runs(ids, wanted, max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def send(self, run: TrackedRun) -> None:
        """Send a run, and replace what the server has of it."""
        from mlflow.entities import Metric, Param, RunTag

        with self._reaching():
            for old in self._found.pop(run.id, ()):
                self._client.delete_run(old.info.run_id)
            began, ended = int(1000 * run.began), int(1000 * run.ended)
            tags = {RUN: run.id, "bakeoff.failure": run.failure[:LONGEST]} if run.failure else {RUN: run.id}
            made = self._client.create_run(
                self._experiment(f"{EXPERIMENT}: {run.data}"), start_time=began, run_name=run.name, tags=tags
            ).info.run_id
            params = [Param(name, str(value)[:LONGEST]) for name, value in run.settings.items()]
            curves = [(epoch, name, value) for epoch, curve in run.curves() for name, value in curve.items()]
            metrics = [Metric(f"epoch/{name}", value, ended, epoch) for epoch, name, value in curves]
            metrics += [Metric(name, value, ended, 0) for name, value in run.measures.items()]
            for at in range(0, len(params), MOST_PARAMS):
                self._client.log_batch(made, params=params[at : at + MOST_PARAMS])
            for at in range(0, len(metrics), MOST_METRICS):
                self._client.log_batch(made, metrics=metrics[at : at + MOST_METRICS])
            self._client.set_terminated(made, "FINISHED" if run.is_done else "FAILED", ended)
            self._client.log_batch(made, tags=[RunTag(MARK, run.mark)])

    def send_page(self, page: Path) -> None:
        """Send the page as an artifact of a run of its own, the same one each time."""
        name = digest(str(self._store.resolve()))[:16]
        with self._reaching():
            home = self._experiment(EXPERIMENT)
            known = self._client.search_runs([home], f"tags.`{PAGE_OF}` = '{name}'")
            run: Any = (
                known[0]
                if known
                else self._client.create_run(home, run_name=f"page of {self._store.name}", tags={PAGE_OF: name})
            )
            self._client.log_artifact(run.info.run_id, str(page))
            self._client.set_terminated(run.info.run_id)

    def _experiment(self, name: str) -> str:
        """Return the id of an experiment, which is created if it does not exist."""
        if name not in self._experiments:
            found = self._client.get_experiment_by_name(name)
            self._experiments[name] = found.experiment_id if found else self._client.create_experiment(name)
        return self._experiments[name]

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        try:
            yield
        except (MlflowException, RequestException, OSError) as error:
            raise Unreachable(
                f"the MLflow server at {self._uri} does not accept the results ({first_line(error)[:200]}): start it, "
                f"then `bakeoff track {self._store} --to mlflow:{self._uri}` sends what is missing"
            ) from error
