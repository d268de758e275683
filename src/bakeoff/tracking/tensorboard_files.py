"""Writes runs as TensorBoard's event files: a folder per run."""

import json
import re
import shutil
from pathlib import Path

from bakeoff.errors import BakeoffError
from bakeoff.spec.paths import write_output, write_whole
from bakeoff.tracking.records import TrackedRun

MARK = "bakeoff.json"
"""File in the folder of a run with its id and mark, written last."""


class TensorboardTracker:
    """A folder that TensorBoard is pointed at: `tensorboard --logdir DIR`."""

    def __init__(self, folder: Path) -> None:
        """Use this folder, which is created if it does not exist."""
        self._folder = folder
        self._places: dict[str, Path] = {}

    def marks(self) -> dict[str, str]:
        """Return the mark of each completely written run, by its id."""
        found = {}
        for path in self._folder.glob(f"*/*/{MARK}"):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                found[str(content["run"])] = str(content["mark"])
                self._places[str(content["run"])] = path.parent
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def send(self, run: TrackedRun) -> None:
        """Write the files of a run, and replace earlier ones."""
        from torch.utils.tensorboard import SummaryWriter

        place = self._folder / _as_file_name(run.data) / f"{_as_file_name(run.name)} {run.id}"
        try:
            for old in {place, self._places.get(run.id, place)}:
                shutil.rmtree(old, ignore_errors=True)
            with SummaryWriter(str(place)) as writer:
                for epoch, curve in run.curves():
                    for name, value in curve.items():
                        writer.add_scalar(f"epoch/{name}", value, epoch, walltime=run.ended)
                for name, value in run.measures.items():
                    writer.add_scalar(f"result/{name}", value, 0, walltime=run.ended)
                settings = "\n".join(f"    {name} = {value}" for name, value in run.settings.items())
                writer.add_text("settings", settings, walltime=run.ended)
                if run.failure:
                    writer.add_text("failure", run.failure, walltime=run.ended)
            write_whole(place / MARK, json.dumps({"run": run.id, "mark": run.mark}))
        except OSError as error:
            raise BakeoffError(f"cannot write {place}: {error.strerror or error}") from error

    def send_page(self, page: Path) -> None:
        """Put the page into the folder."""
        write_output(self._folder / page.name, page.read_bytes())


def _as_file_name(text: str) -> str:
    """Return an untrusted name as part of a path: it cannot lead to another folder."""
    return re.sub(r"[^\w.,=@+ -]", "_", text).strip(". ")[:100] or "_"
