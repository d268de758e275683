"""`bakeoff store`: check, repair, compact and info."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from bakeoff.cli.endings import UNFINISHED
from bakeoff.cli.options import GivenPath, json_option
from bakeoff.console.terminal import echo_json, echo_lines
from bakeoff.text.formats import byte_size, counted

if TYPE_CHECKING:
    from bakeoff.store.info import Info
    from bakeoff.store.repair import Repaired

place = click.argument("path", metavar="[STORE]", default="bakeoff.db", type=GivenPath(path_type=Path, dir_okay=False))


@click.group()
def store() -> None:
    """Look after a store: the SQLite file with the results, and the folder beside it.

    \b
    [bold]Examples[/]
    bakeoff store info bakeoff.db
    bakeoff store check bakeoff.db
    bakeoff store repair bakeoff.db
    bakeoff store compact bakeoff.db
    """


@store.command()
@place
@json_option
def check(path: Path, as_json: bool) -> None:
    """Find what is damaged in a store, and what is left over. Changes nothing.

    The structure of the file, the checksum of each finished run, claims of commands that have ended, and the files
    beside the store are checked. The exit code is 1 if anything is damaged.
    """
    from bakeoff.store.check import check

    found = check(path)
    if as_json:
        echo_json(asdict(found) | {"damaged": found.is_damaged})
    else:
        lines = [f"{'✗' if problem.is_damage else '·'} {problem.message}" for problem in found.problems]
        summary = f"{found.store}: {found.readable:,} of {counted(found.runs, 'run')} can be read"
        advice = (
            f"; `bakeoff store repair {path}` saves what is readable" if found.is_damaged else ", nothing is damaged"
        )
        echo_lines([*lines, summary + advice])
    if found.is_damaged:
        raise Exit(UNFINISHED)


@store.command()
@place
@json_option
def repair(path: Path, as_json: bool) -> None:
    """Save what is readable of a damaged store, and say what is lost.

    A new file with every row that can be read takes the place of the store; the damaged file is kept beside it as
    STORE.damaged.backup. Runs whose results are lost wait to be trained again: repeat the command that trained them.
    If nothing is damaged, nothing is written. The exit code is 1 if anything is lost.
    """
    from bakeoff.store.repair import repair

    done = repair(path)
    if as_json:
        echo_json(asdict(done))
    else:
        echo_lines(_describe_repaired(done))
    if done.lost or done.lost_datasets:
        raise Exit(UNFINISHED)


def _describe_repaired(done: "Repaired") -> list[str]:
    if not done.backup:
        return [f"{done.store}: nothing to repair, {counted(done.intact, 'run')} can be read"]
    what = {
        "result": "its result is lost; it waits to be trained again",
        "everything": "everything about it is lost but its id",
        "machine": "what it was trained on is lost; its numbers are there",
    }
    lines = [f"{lost.label}: {what[lost.lost]}" for lost in done.lost]
    if done.lost_datasets:
        number = counted(len(done.lost_datasets), "data set")
        lines.append(f"the records of {number} are lost: repeat the command that trained the runs, and they come back")
    return [*lines, f"{done.store}: {counted(done.intact, 'run')} intact; the damaged file is {done.backup}"]


@store.command()
@place
@click.option("--checkpoints", is_flag=True, help="Also delete checkpoints from which only longer runs could resume.")
@click.option(
    "--trainings",
    is_flag=True,
    help="Also delete checkpoints with which [bold]pick[/] and [bold]tune[/] could continue: what is continued later, "
    "or evaluated, is trained again.",
)
@json_option
def compact(path: Path, checkpoints: bool, trainings: bool, as_json: bool) -> None:
    """Free the space that a store no longer needs.

    The SQLite file is rewritten without gaps. Checkpoints of finished runs, and of trainings that [bold]pick[/] and
    [bold]tune[/] would not continue, drafts of commands that have ended, and files of runs and networks that are no
    longer in the store are deleted. Weights of runs in the store, and files that bakeoff did not write, stay.
    """
    from bakeoff.analysis.pick.settled import settled_trainings
    from bakeoff.execution.compact import compact
    from bakeoff.store.store import Store

    with Store(path) as opened:
        settled = settled_trainings(path, opened.results())
    done = compact(path, checkpoints=checkpoints, trainings=trainings, settled=settled)
    if as_json:
        echo_json(asdict(done) | {"freed_bytes": done.freed})
        return
    freed = f"{byte_size(max(0, done.freed))} freed" if done.freed > 0 else "nothing to free"
    if done.deleted:
        freed += f", {byte_size(done.deleted_bytes)} of it by deleting {counted(len(done.deleted), 'file')}"
    lines = [f"{done.store}: {freed}"]
    if done.held_bytes:
        held = byte_size(done.held_bytes)
        lines.append(f"{held} let `bakeoff pick` and `tune` continue: --trainings deletes these, too")
    echo_lines(lines)


@store.command()
@place
@json_option
def info(path: Path, as_json: bool) -> None:
    """Say what is in a store, how large it is, and where its files are."""
    from bakeoff.store.info import info

    found = info(path)
    if as_json:
        echo_json(asdict(found))
    else:
        echo_lines(_describe(found))


def _describe(found: "Info") -> list[str]:
    counts = found.states | {"waiting": found.states.get("waiting", 0) - found.untested}
    known = [f"{number:,} {state}" for state, number in counts.items() if number]
    known += [f"{found.untested:,} trained in contests or tuning, not tested"] if found.untested else []
    states = ", ".join(known) or "none"
    sizes = ", ".join(f"{byte_size(size)} of {NAMES[kind]}" for kind, size in found.file_bytes.items()) or "empty"
    older = "" if found.version == found.current_version else f", this bakeoff writes {found.current_version}"
    protocols = ", ".join(f"{number}" for number in sorted(found.protocols)) or "–"
    lines = [
        f"store      {found.store}: {byte_size(found.bytes)}, format {found.version}{older}, protocol {protocols}",
        f"runs       {states}; {counted(found.networks, 'network')}, {counted(found.studies, 'study', 'studies')}",
        *(
            f"data       {one.name}: {counted(one.runs, 'run')}, {counted(one.test_images, 'test image')}"
            for one in found.data
        ),
        f"files      {found.files}: {sizes}",
        *(f"backup     {backup}" for backup in found.backups),
    ]
    if found.network_file_system:
        lines.append(f"on         a network file system ({found.network_file_system}): use a store on a local disk")
    return lines


NAMES = {
    "checkpoint": "checkpoints",
    "trunk": "checkpoints for longer runs",
    "held": "checkpoints to continue pick and tune with (bakeoff store compact --trainings deletes them)",
    "weights": "weights",
    "draft": "drafts",
    "network": "networks of yours",
    "contest": "contests",
    "leftover": "leftovers (bakeoff store compact)",
    "unknown": "other files",
}
"""Kind of a file → what it is, in words."""
