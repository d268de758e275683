"""Sends runs to a project of Weights & Biases, or to its files on this machine with WANDB_MODE=offline."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bakeoff.errors import first_line
from bakeoff.spec.paths import write_whole
from bakeoff.tracking.records import TrackedRun
from bakeoff.tracking.target import Unreachable

PAGE = "bakeoff-page"


class WandbTracker:
    """A project of Weights & Biases.

    Sent runs are also recorded in the folder `wandb`, since offline files cannot be queried.
    """

    def __init__(self, project: str) -> None:
        """Use PROJECT or ENTITY/PROJECT."""
        entity, _, self._project = project.rpartition("/")
        self._entity = entity or None
        self._folder = Path(os.environ.get("WANDB_DIR") or ".")
        self._notes = self._folder / "wandb" / f"bakeoff-{project.replace('/', '-')}.json"
        self._sent = self._read()

    def _read(self) -> dict[str, str]:
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(run): str(mark) for run, mark in notes.items()} if isinstance(notes, dict) else {}

    def marks(self) -> dict[str, str]:
        """Return the mark of each completely sent run, by its id."""
        return dict(self._sent)

    def send(self, run: TrackedRun) -> None:
        """Send a run, or update it."""
        with self._reaching():
            opened = self._open(run.id, name=run.name, group=run.data, config=dict(run.settings) | {"mark": run.mark})
            for epoch, curve in run.curves():
                opened.log({f"epoch/{name}": value for name, value in curve.items()}, step=epoch)
            opened.summary.update(dict(run.measures) | ({"failure": run.failure} if run.failure else {}))
            opened.finish(exit_code=0 if run.is_done else 1)
        self._note(run.id, run.mark)

    def send_page(self, page: Path) -> None:
        """Send the page as part of a run of its own."""
        import wandb

        with self._reaching():
            opened = self._open(PAGE, name="page", group=None, config={})
            opened.log({"page": wandb.Html(page.read_text(encoding="utf-8"), inject=False)})
            opened.finish()

    def _open(self, run_id: str, **about: Any) -> Any:
        import wandb

        quiet = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True, init_timeout=30)
        return wandb.init(
            entity=self._entity,
            project=self._project,
            dir=str(self._folder),
            id=run_id,
            resume="allow",
            settings=quiet,
            **about,
        )

    def _note(self, run_id: str, mark: str) -> None:
        self._sent[run_id] = mark
        write_whole(self._notes, json.dumps(self._sent))

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        import wandb

        try:
            yield
        except (wandb.Error, OSError) as error:
            raise Unreachable(
                f"Weights & Biases does not accept the results ({first_line(error)[:200]}): log in with `wandb login`, "
                "or set WANDB_MODE=offline, and repeat the command"
            ) from error
