import os
import subprocess
import sys

import pytest

from bakeoff.machine.processes import SPINS, context


def spins_of_a_process() -> str:
    ours, theirs = context().Pipe()
    process = context().Process(target=tell_spins, args=(theirs,))
    process.start()
    process.join()
    return ours.recv()


def tell_spins(connection) -> None:
    connection.send(os.environ["GOMP_SPINCOUNT"])


def test_threads_of_processes_do_not_spin_for_long(monkeypatch):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    context()
    assert os.environ["GOMP_SPINCOUNT"] == SPINS
    assert spins_of_a_process() == SPINS


@pytest.mark.parametrize("wanted", ["0", "300000"])
def test_what_the_user_wants_of_them_stays(monkeypatch, wanted):
    monkeypatch.setenv("GOMP_SPINCOUNT", wanted)
    context()
    assert os.environ["GOMP_SPINCOUNT"] == wanted


def test_a_command_that_fails_does_not_wait_until_torch_is_loaded():
    """The fork server would keep the pipe open that the command writes to."""
    code = (
        "import atexit, os\n"
        "from multiprocessing import forkserver\n"
        "def tell():\n"
        "    print('signal', os.waitpid(forkserver._forkserver._forkserver_pid, 0)[1])\n"
        "atexit.register(tell)\n"  # called after those that are registered later
        "from bakeoff.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "run", "--recipe", "nonsense"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "signal 15\n"), done.stderr
