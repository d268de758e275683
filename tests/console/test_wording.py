"""Errors of the Python interface name its arguments, not the command line's options."""

import ast
import inspect
import re
from pathlib import Path

import pytest

import bakeoff
from bakeoff.cli import COMMANDS, cli
from bakeoff.console.wording import in_python
from bakeoff.errors import BakeoffError

SOURCES = [path for path in Path(bakeoff.__file__).parent.rglob("*.py") if "cli" not in path.parts]
OPTIONS = {option for name in COMMANDS for parameter in cli.get_command(None, name).params for option in parameter.opts}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("add --scale 3 to enlarge them", 'add changes={"image.scale": 3} to enlarge them'),
        ("e.g. --size 48x64", 'e.g. changes={"image.size": [48, 64]}'),
        ("train longer: --epochs.", 'train longer: changes={"epochs": …}.'),
        ("add --set validation=0.1", 'add changes={"validation": 0.1}'),
        ("say --set normalize=channel; then", 'say changes={"normalize": "channel"}; then'),
        ("or --set augment.flip=true.", 'or changes={"augment.flip": True}.'),
        ("--restart trains it anew", "restart=True trains it anew"),
        ("use fewer --workers or --seeds 5", "use fewer workers or seeds=5"),
        ("--first-seed and --data-as go", "first_seed and data_as go"),
        ("--set takes FIELD=VALUE", "changes takes FIELD=VALUE"),
        ("`bakeoff run --store a b.db` creates one", '`bakeoff.run(store="a b.db")` creates one'),
        ("`bakeoff run --nets conv --folds 5` does", '`bakeoff.run(nets="conv", folds=5)` does'),
        ("a 3--5 b - c", "a 3--5 b - c"),
    ],
)
def test_options_become_arguments(message, told):
    assert in_python(message) == told


def told_options() -> set[tuple[str, str]]:
    """(file, option) of every option that a sentence outside the command line names."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {(path.name, option) for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", node.value)}
    return found


def test_every_option_that_a_message_names_is_there():
    others = {"--help", "--data-binary", "--logdir"}  # of all commands, of curl and of TensorBoard
    assert not {option for file, option in told_options() if file != "processes.py"} - OPTIONS - others


def test_arguments_that_messages_name_are_those_of_run():
    arguments = {
        name
        for made in (bakeoff.run, bakeoff.pick, bakeoff.tune, bakeoff.compare, bakeoff.ablate, bakeoff.forget)
        for name in inspect.signature(made).parameters
    }
    said = {option: in_python(option) for _, option in told_options() if option in OPTIONS}
    others = {
        "--host",
        "--ensemble",
        "--overwrite",
        "--to",
        "--while",
        "--executor",
        "--slurm",
        "--pack",
        "--checkpoints",
        "--devices-per-run",
        "--gpus-per-run",
        "--memory-per-run",
        "--port",
        "--token",
        "--complete",
        "--figures",
        "--format",
        "--all",
        "--device",
        "--precision",
        "--watch",
        "--yes",
    }
    assert {re.match(r"\w+", text)[0] for option, text in said.items() if option not in others} <= arguments


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sise": 64}, "no argument 'sise': did you mean changes={\"image.size\": …}"),
        ({"net": "conv"}, "did you mean nets"),
        ({"epoch": 3}, 'did you mean changes={"epochs": …}'),
        ({"nets": []}, "add nets"),
        ({"nets": [3]}, "nets takes names, such as conv"),
        ({"nets": 3}, "nets takes names, such as conv"),
        ({"data": [3]}, "data takes names, such as mnist"),
        ({"nets": ["conv"], "data": "digits"}, 'add changes={"image.scale": 3} to enlarge them'),
        ({"study": "conv"}, 'conv is a network, not a study: nets=["conv"]'),
        ({"max_seeds": 3}, "max_seeds goes with until_settled"),
    ],
)
def test_errors_name_arguments(given, words, tmp_path):
    with pytest.raises(BakeoffError) as caught:
        bakeoff.run(**{"store": tmp_path / "a.db", "quiet": True} | given)
    assert words in str(caught.value) and "--" not in str(caught.value)


def test_a_notebook_shows_the_sentence_alone():
    assert BakeoffError("what to do")._render_traceback_() == ["BakeoffError: what to do"]
