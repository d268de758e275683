import os

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
