import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from stored import DATA, ME, OTHER, OUTCOME, RUN, SOMEBODY, end_process, epoch

from bakeoff.spec.records import Failure
from bakeoff.store.claims import STALE_SECONDS, is_alive, new_owner, working
from bakeoff.store.store import Store


@pytest.fixture
def living() -> Iterator[str]:
    with working() as owner:
        yield owner


class TestClaims:
    def test_are_for_one_at_a_time(self, store, living):
        with Store(store.path) as other:
            assert store.claim(RUN.id, living)
            assert store.claim(RUN.id, living)
            assert not other.claim(RUN.id, SOMEBODY)
            assert other.claim(OTHER.id, SOMEBODY)
            assert not store.claim(OTHER.id, living)
            store.release(SOMEBODY)
            assert not other.claim(RUN.id, SOMEBODY)
            store.release(living)
            assert other.claim(RUN.id, SOMEBODY)

    def test_of_runs_that_ended_or_are_unknown_fail(self, store):
        store.finish(RUN.id, OUTCOME, {})
        store.fail(OTHER.id, Failure("error", "x"), {})
        assert not store.claim(RUN.id, ME)
        assert not store.claim(OTHER.id, ME)
        assert not store.claim("unknown", ME)

    def test_of_finished_runs_are_for_further_measures(self, store):
        assert not store.claim(RUN.id, ME, finished=True)
        store.finish(RUN.id, OUTCOME, {})
        assert store.claim(RUN.id, ME, finished=True)
        assert not store.claim(RUN.id, SOMEBODY, finished=True)
        assert store.forget([RUN.id], SOMEBODY) == []
        store.release(ME)
        assert store.states([RUN.id]) == {RUN.id: "done"}
        assert store.claim(RUN.id, SOMEBODY, finished=True)

    def test_of_a_process_that_is_gone_are_free(self, store):
        assert store.claim(RUN.id, end_process())
        assert store.claim(RUN.id, ME)

    def test_of_this_process_are_free_when_their_work_has_ended(self, store):
        """In a notebook the process lives on."""
        with working() as owner:
            assert store.claim(RUN.id, owner)
            assert not store.claim(RUN.id, ME)
        assert store.claim(RUN.id, ME)

    def test_of_a_process_that_was_killed_and_not_yet_buried_are_free(self, store):
        """A zombie still has a process id."""
        code = "import time; from bakeoff.store.claims import new_owner; print(new_owner(), flush=True); time.sleep(99)"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        owner = process.stdout.readline().strip()
        assert store.claim(RUN.id, owner)
        assert not store.claim(RUN.id, ME)
        process.kill()
        deadline = time.monotonic() + 10
        while is_alive(owner) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert store.claim(RUN.id, ME)
        process.wait()
        process.stdout.close()

    def test_of_another_machine_hold_until_its_heart_has_stopped(self, store, monkeypatch):
        assert is_alive(SOMEBODY) is None
        assert store.claim(RUN.id, SOMEBODY)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS - 1)
        assert not store.claim(RUN.id, ME)
        assert store.beat(SOMEBODY) == {RUN.id}
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS + 1)
        assert not store.claim(RUN.id, ME)
        monkeypatch.setattr(time, "time", lambda: now + 2 * STALE_SECONDS + 1)
        assert store.claim(RUN.id, ME)
        assert store.beat(SOMEBODY) == set()

    def test_live_as_long_as_epochs_come(self, store, monkeypatch):
        assert store.claim(RUN.id, SOMEBODY)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + STALE_SECONDS + 1)
        store.record_epoch(RUN.id, epoch(1), SOMEBODY)
        assert not store.claim(RUN.id, ME)

    def test_of_a_process_id_used_again_are_free(self, store, living):
        name, *_ = living.rsplit(":", 2)
        parent = f"{name}:{os.getppid()}:{psutil.Process(os.getppid()).create_time():.0f}"
        assert is_alive(living)
        assert is_alive(parent)
        used_again = f"{name}:{os.getppid()}:{int(parent.rsplit(':')[-1]) - 100}"
        assert is_alive(used_again) is False
        assert store.claim(RUN.id, used_again)
        assert store.claim(RUN.id, living)

    def test_know_machines_with_colons_in_their_names(self, monkeypatch):
        monkeypatch.setattr(socket, "gethostname", lambda: "fe80::1")
        with working() as owner:
            assert is_alive(owner)

    @pytest.mark.parametrize("where", ["", "0123456789ab"])
    def test_of_a_container_with_the_same_name_are_judged_by_their_heart(self, store, monkeypatch, where):
        """Its processes are not visible from here, and their ids belong to other processes here."""
        monkeypatch.setattr("bakeoff.store.claims._processes", lambda: where)
        owner = new_owner().replace(f":{os.getpid()}:", ":1:")
        monkeypatch.undo()
        assert is_alive(owner) is None
        assert store.claim(RUN.id, owner)
        assert not store.claim(RUN.id, ME)

    def test_of_older_versions_are_judged_by_their_heart(self):
        assert is_alive(f"{socket.gethostname()}:{os.getpid()}:1700000000") is None

    def test_have_owners_that_are_never_the_same(self):
        assert len({new_owner() for _ in range(100)}) == 100

    @pytest.mark.parametrize("hours", [-5, 5])
    def test_of_the_dead_do_not_outlive_a_change_of_the_clock(self, store, monkeypatch, hours):
        assert store.claim(RUN.id, SOMEBODY)
        assert not store.claim(RUN.id, ME)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600 * hours)
        assert store.claim(RUN.id, ME)

    def test_have_tokens_that_only_grow(self, store):
        tokens = []
        for _ in range(3):
            for run in (RUN, OTHER):
                claim = store.claim(run.id, ME)
                assert (claim.run, claim.owner) == (run.id, ME)
                tokens.append(claim.token)
            store.forget([RUN.id], ME)
            store.add([RUN], [DATA])
            store.release(ME)
        assert tokens == sorted(set(tokens))
