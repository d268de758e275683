"""How good the answers of `bakeoff pick` are: against training every candidate to the end, and successive halving.

    python benchmarks/pick.py train folder:trashnet --store trashnet.db    # hours: every candidate, length and seed
    python benchmarks/pick.py replay folder:trashnet --store trashnet.db -o trashnet.json    # minutes: no training
    python benchmarks/pick.py report trashnet.json … --into docs/pick.md --figure docs/figures/pick-calibration.svg

With `--small`, ten small candidates on a part of the images take minutes instead of hours on a CPU.

`train` trains each candidate for each of its lengths with several seeds, so that any contest can be replayed from the
store; it resumes where it stopped. `replay` holds contests on a virtual clock, with some candidates left out and the
seeds in another order each time, and the same with pruners of Optuna on the same curves with the same budget:
successive halving without waiting (Li et al. 2020, ASHA, which ray.tune has as ASHAScheduler) and Hyperband (Li et al.
2018). What is expected of candidates beforehand comes from bakeoff's own results on other data sets. With one worker on
a CPU (`--workers 1`), costs are processor time, which depends little on what else the machine does; otherwise time.
`report` writes the table and the calibration plot. Options that change the candidates or their recipes must be the same
for `train` and `replay`.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from pick_curves import train
from pick_replays import replay_all
from pick_report import report, table_of


def replay(arguments: argparse.Namespace) -> None:
    results = replay_all(arguments)
    arguments.output.write_text(json.dumps(asdict(results), indent=1))
    print("\n".join(table_of([results])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("train", train), ("replay", replay)):
        command = commands.add_parser(name)
        command.set_defaults(function=function)
        command.add_argument("data")
        command.add_argument("--store", type=Path, required=True)
        command.add_argument("--small", action="store_true", help="ten cheap candidates on 900 images")
        command.add_argument("--nets", help="instead of the ladder")
        command.add_argument("--recipe", help="of these networks")
        command.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe")
        command.add_argument("--seeds", type=int, default=3)
        command.add_argument("--workers", type=int, default=2)
        if name == "replay":
            command.add_argument("--repetitions", type=int, default=20)
            command.add_argument("-o", "--output", type=Path, required=True, help="for the results, as JSON")
    command = commands.add_parser("report")
    command.set_defaults(function=report)
    command.add_argument("files", type=Path, nargs="+", help="what replay has written")
    command.add_argument("--into", type=Path, help="a Markdown file with a place for results")
    command.add_argument("--figure", type=Path, help="an SVG file for the calibration plot")
    arguments = parser.parse_args()
    arguments.function(arguments)


if __name__ == "__main__":
    main()
