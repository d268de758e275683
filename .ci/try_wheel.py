"""Tries out an installed wheel, with the Python of the environment that it was installed into: `make dist`.

It must hold every file of the package, and the demonstration and a study must run from it, far from the sources.
"""

import os
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import bakeoff

SOURCES = Path(__file__).resolve().parents[1] / "src" / "bakeoff"
INSTALLED = Path(bakeoff.__file__).resolve().parent
COMMAND = Path(sys.executable).with_name("bakeoff")
SCRIPT = "import bakeoff; print(bakeoff.load('study.db').to_frame()[['net', 'test_accuracy']])"


def files(folder: Path) -> set[str]:
    """Return the files of a package, without what Python compiled."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if "__pycache__" not in name}


def run(*command: str | Path) -> str:
    """Run a command in this folder, show it, and return what it printed; end if it fails."""
    print("$", *command, flush=True)
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"it ended with exit code {done.returncode}")
    return done.stdout


def main() -> None:
    """Try everything; arguments are options of the demonstration, such as --epochs 1."""
    if INSTALLED == SOURCES:
        sys.exit("this is the source, not the wheel")
    if missing := sorted(files(SOURCES) - files(INSTALLED)):
        sys.exit(f"not in the wheel: {', '.join(missing)}")
    if "py.typed" not in files(INSTALLED):
        sys.exit("the wheel does not say that it has types")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        version = run(COMMAND, "--version")
        if run(sys.executable, "-m", "bakeoff", "--version") != version or metadata.version("bakeoff") not in version:
            sys.exit("bakeoff and python -m bakeoff differ, or name another version")
        run(COMMAND, "run", *sys.argv[1:])
        run(COMMAND, "answer")
        run(COMMAND, "report")
        run(COMMAND, "new", "study", "my-study")
        run(COMMAND, "run", "my-study.toml", "--store", "study.db", "--epochs", "1", "--seeds", "2")
        run(COMMAND, "new", "net", "my_net")
        run(COMMAND, "check", "my_net.py")
        run(sys.executable, "-c", SCRIPT)
    print(f"{version.strip()}: the wheel works")


if __name__ == "__main__":
    main()
