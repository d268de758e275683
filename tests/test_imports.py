"""The rules of the design: imports go one way, and nothing heavy is loaded before it is needed."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bakeoff
import tiny

ROOT = Path(bakeoff.__file__).parent

LAYERS = (
    "errors",
    "lookup",
    "text",
    "stats",
    "spec",
    "machine",
    "data nets",
    "studies",
    "store",
    "measure",
    "training",
    "execution",
    "analysis",
    "inference",
    "reporting",
    "serving",
    "tracking",
    "console",
    "api cli",
    "bakeoff __main__",
)
"""Packages and modules from the foundation up; each imports only itself and what stands above it in this list."""

LEVEL = {part: level for level, layer in enumerate(LAYERS) for part in layer.split()}

TORCH = {
    "machine.calibration",
    "machine.hardware",
    "machine.energy",
    "nets",
    "inference.attribution",
    "inference.calibration",
    "inference.choice",
    "inference.complete",
    "inference.explanation",
    "inference.export",
    "inference.graph",
    "inference.int8",
    "inference.onnx_file",
    "inference.model",
    "inference.neighbours",
    "training.bundle_values",
    "training.bundles",
    "training.checkpoints",
    "training.devices",
    "training.evaluate",
    "training.feature_files",
    "training.features",
    "training.logistic",
    "training.loop",
    "training.meters",
}
TORCH |= {
    "training.meters",
    "training.optimizers",
    "training.partition",
    "training.probe",
    "measure.cost",
    "measure.corruptions",
    "measure.robustness",
}
TORCH |= {"measure.determinism", "data.batches", "data.augment", "data.normalize", "data.resize"}
TORCH |= {"serving.responses", "serving.app"}
TORCH |= {"data.mixing", "data.operations", "data.policies", "training.average", "training.groups", "training.learner"}
"""Modules that may import torch when they are imported."""

ALLOWED_TO_NETS = {"errors", "lookup", "spec", "nets"}
"""Networks never see a data set."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module's name below `bakeoff` and its syntax tree."""
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__").replace("__init__", "bakeoff"), ast.parse(path.read_text())


def imported(tree: ast.AST) -> set[str]:
    """The full names that a module imports anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parts(tree: ast.AST) -> set[str]:
    """The parts of the package that a module imports."""
    return {name.split(".")[1] for name in imported(tree) if name.startswith("bakeoff.")}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT.parent)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_go_one_way(name, tree):
    part = name.split(".")[0]
    assert part in LEVEL, f"{part} is a new part: give it a place in LAYERS"
    back = {other for other in parts(tree) - {part} if LEVEL[other] >= LEVEL[part]}
    assert not back, f"bakeoff.{name} imports {', '.join(sorted(back))}"


def test_networks_never_see_a_data_set():
    for name, tree in modules():
        if name.split(".")[0] == "nets":
            assert parts(tree) <= ALLOWED_TO_NETS, name


def test_a_report_needs_no_torch_and_nothing_heavy():
    """Everything but training imports quickly: no torch, and none of the large libraries at import time."""
    light = [f"bakeoff.{name}" for name, _ in modules() if name not in ("bakeoff", "__main__")]
    light = [name for name in light if not any((name + ".").startswith(f"bakeoff.{heavy}.") for heavy in TORCH)]
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    heavy = {'torch', 'pandas', 'scipy', 'sklearn', 'pooch'} & set(sys.modules)\n"
        "    assert not heavy, f'{name} loads {heavy}'\n"
    )
    done = python(code, *light)
    assert done.returncode == 0, done.stderr[-500:]
    assert len(light) > 30


def loaded_by(*arguments: str) -> set[str]:
    """Which large libraries a command of the command line loads."""
    code = (
        "import sys\n"
        "from bakeoff.cli import main\n"
        "sys.argv = ['bakeoff', *sys.argv[1:]]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'pandas', 'scipy', 'sklearn', 'pooch', 'rich.progress', 'PIL'}\n"
        "print(*(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = python(code, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["results", "--help"]])
def test_help_loads_nothing_heavy(arguments):
    assert loaded_by(*arguments) <= {"rich.progress"}


def test_help_takes_less_than_four_tenths_of_a_second():
    """Of processor time, which the machine's other work does not change; the best of three."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'bakeoff', '--help'], stdout=subprocess.DEVNULL, check=True)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime)\n"
    )
    assert min(float(python(code).stdout) for _ in range(3)) < 0.4


COMMANDS = ["run", "pick digits", "reproduce afif2018", "ablate conv --from drop", "dial digits --turn colour"]


@pytest.mark.parametrize("command", COMMANDS)
def test_workers_start_before_the_command_imports_anything_heavy(command):
    """Loading torch takes them longer than the command takes to plan."""
    code = (
        "import sys\n"
        "from bakeoff.cli import main, training_options\n"
        "def warm_up():\n"
        "    print(*({'torch', 'numpy', 'bakeoff.execution.session'} & set(sys.modules)), 'starts')\n"
        "    raise SystemExit\n"
        "training_options.warm_up = warm_up\n"
        "sys.argv = ['bakeoff', *sys.argv[1:]]\n"
        "main()\n"
    )
    done = python(code, *command.split())
    assert done.stdout == "starts\n", done.stderr


def test_ranks_over_data_sets_need_no_scipy_stats():
    """Its import takes longer than the answer about a thousand runs."""
    code = (
        "import sys\n"
        "from bakeoff.stats.ranks import rank_over_data, wilcoxon_holm\n"
        "scores = {net: [place / 10 + seed / 7 % 0.1 for seed in range(6)] for place, net in enumerate('abcd')}\n"
        "assert rank_over_data(scores).p_value < 0.05 and min(wilcoxon_holm(scores).values()) < 0.2\n"
        "assert 'scipy.stats' not in sys.modules\n"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_the_ranking_of_a_store_needs_no_torch(tmp_path):
    path = tmp_path / "a.db"
    tiny.finished_store(path)
    assert "torch" not in loaded_by("results", "--store", str(path))
    assert "torch" not in loaded_by("report", "--store", str(path), "-o", str(tmp_path / "a.html"))


def test_no_pickle_is_ever_loaded():
    """Nothing else that comes from a file is executed, except the networks that a user names."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called, options = ast.unparse(node.func), {option.arg: option.value for option in node.keywords}
            assert called not in ("eval", "pickle.load", "pickle.loads", "joblib.load"), name
            is_constant = all(isinstance(argument, ast.Constant) for argument in node.args)
            assert called not in ("exec", "compile") or is_constant or name == "nets.sources", name
            if called == "torch.load":
                assert ast.unparse(options["weights_only"]) == "True", name
            assert "allow_pickle" not in options or ast.unparse(options["allow_pickle"]) == "False", name


def test_a_file_has_at_most_300_lines():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in ROOT.rglob("*.py")}
    assert {path: lines for path, lines in lengths.items() if lines > 300} == {}
