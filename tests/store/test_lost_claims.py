import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import DATA, ENVIRONMENT, ME, OUTCOME, RUN, SOMEBODY, epoch

from bakeoff.errors import BakeoffError
from bakeoff.spec.records import Failure
from bakeoff.store.claims import STALE_SECONDS, Claim, ClaimLost
from bakeoff.store.store import Store


class TestLostClaims:
    """An owner that has lost a run, or never had it, writes nothing about it."""

    WRITES = {
        "an epoch": lambda store, claim: store.record_epoch(claim, epoch(2)),
        "a result": lambda store, claim: store.finish(claim, OUTCOME, ENVIRONMENT),
        "a failure": lambda store, claim: store.fail(claim, Failure("error", "x"), ENVIRONMENT),
        "measures": lambda store, claim: store.add_measures(claim, {"robustness": 0.5}),
    }

    @pytest.mark.parametrize("write", WRITES)
    @pytest.mark.parametrize("state", ["stolen", "finished by another", "failed by another", "given back", "renewed"])
    def test_are_refused(self, tmp_path, write, state):
        with Store(tmp_path / "b.db", create=True) as store:
            store.add([RUN], [DATA])
            first = store.claim(RUN.id, SOMEBODY)
            store.record_epoch(first, epoch(1))
            store._db.execute("UPDATE runs SET heartbeat = 0")
            lost = [first, Claim(RUN.id, ME, first.token)]
            if state == "renewed":  # the same command, but not the same attempt
                assert store.claim(RUN.id, SOMEBODY)
            else:
                second = store.claim(RUN.id, ME)
                lost += [second] if state != "stolen" else []
            if state == "finished by another":
                store.finish(second, OUTCOME, ENVIRONMENT)
            if state == "failed by another":
                store.fail(second, Failure("error", "y"), ENVIRONMENT)
            if state == "given back":
                store.release(ME)
            before = "\n".join(store._db.iterdump())
            for claim in lost:
                with pytest.raises(ClaimLost, match="another command took over"):
                    self.WRITES[write](store, claim)
            assert "\n".join(store._db.iterdump()) == before
            store.results()

    def test_publish_no_files(self, tmp_path):
        """Checkpoints and weights are moved into place within the transaction."""
        moved = []
        with Store(tmp_path / "b.db", create=True) as store:
            store.add([RUN], [DATA])
            claim = store.claim(RUN.id, SOMEBODY)
            store._db.execute("UPDATE runs SET heartbeat = 0")
            assert store.claim(RUN.id, ME)
            for late in (
                lambda: store.record_epoch(claim, epoch(1), lambda: moved.append("checkpoint")),
                lambda: store.finish(claim, OUTCOME, ENVIRONMENT, lambda: moved.append("weights")),
            ):
                with pytest.raises(ClaimLost):
                    late()
        assert moved == []

    @pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
    def test_are_refused_to_a_process_that_was_stopped_meanwhile(self, tmp_path):
        """It writes epochs as fast as it can, is stopped, loses the run, and continues."""
        path = tmp_path / "b.db"
        with Store(path, create=True) as store:
            store.add([RUN], [DATA])
            writer = subprocess.Popen([sys.executable, "-c", WRITER, path, RUN.id], stdout=subprocess.PIPE, text=True)
            assert writer.stdout.readline() == "writing\n"
            writer.send_signal(signal.SIGSTOP)
            while not can_write(store):  # it was stopped within a transaction, which keeps everybody out
                writer.send_signal(signal.SIGCONT)
                time.sleep(0.01)
                writer.send_signal(signal.SIGSTOP)
            assert store.results()[0].epochs
            store._db.execute("UPDATE runs SET heartbeat = heartbeat - ?", (STALE_SECONDS + 1,))
            claim = store.claim(RUN.id, ME)
            store.record_epoch(claim, epoch(1, train_loss=0.25))
            before = "\n".join(store._db.iterdump())
            writer.send_signal(signal.SIGCONT)
            assert writer.communicate(timeout=60)[0] == "lost\n"
            assert "\n".join(store._db.iterdump()) == before
            store.finish(claim, OUTCOME, ENVIRONMENT)
            assert [e.train_loss for e in store.results()[0].epochs] == [0.25]


WRITER = """
import sys
sys.path[:0] = {path!r}
from stored import SOMEBODY, epoch
from bakeoff.store.claims import ClaimLost
from bakeoff.store.store import Store
with Store(sys.argv[1]) as store:
    claim = store.claim(sys.argv[2], SOMEBODY)
    store.record_epoch(claim, epoch(1))
    print("writing", flush=True)
    for number in range(2, 10**9):
        try:
            store.record_epoch(claim, epoch(number))
        except ClaimLost:
            print("lost", flush=True)
            break
""".replace("{path!r}", repr(sys.path))


def can_write(store: Store) -> bool:
    """Whether no other process is in the middle of a transaction."""
    store._db.execute("PRAGMA busy_timeout = 0")
    try:
        with store.transaction():
            return True
    except BakeoffError:
        return False
    finally:
        store._db.execute("PRAGMA busy_timeout = 60000")


def write(store: Store, step: str, claim: Claim) -> None:
    """Write something that carries the token of the claim."""
    mark = float(claim.token)
    if step == "epoch":
        store.record_epoch(claim, epoch(1, train_loss=mark))
    elif step == "finish":
        store.finish(claim, replace(OUTCOME, measures={"mark": mark}), {})
    else:
        store.fail(claim, Failure("error", str(mark)), {})


STEPS = st.sampled_from(["claim", "epoch", "finish", "fail", "release", "expire", "beat", "retry"])


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), STEPS), max_size=60))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_the_latest_claim_writes(tmp_path_factory, steps):
    """Three commands in any order: whatever is written carries the token of the command that holds the claim."""
    with Store(tmp_path_factory.mktemp("any") / "a.db", create=True) as store:
        store.add([RUN], [DATA])
        holder, held, claims, latest = None, False, {}, 0
        for who, step in steps:
            owner, claim = f"{who}.example:1:1", claims.get(who)
            is_mine = claim is not None and claim == holder and held
            before = "\n".join(store._db.iterdump())
            if step == "claim":
                if taken := store.claim(RUN.id, owner):
                    assert taken.token > latest
                    holder, held, latest, claims[who] = taken, True, taken.token, taken
            elif step == "expire":
                store._db.execute("UPDATE runs SET heartbeat = 0")
            elif step == "retry":
                store.retry([RUN.id])
            elif step == "release":
                store.release(owner)
                held = held and holder.owner != owner
            elif step == "beat":
                assert (RUN.id in store.beat(owner)) == (held and holder.owner == owner)
            elif claim:
                if is_mine:
                    write(store, step, claim)
                    held = step == "epoch"
                else:
                    with pytest.raises(ClaimLost):
                        write(store, step, claim)
                    assert "\n".join(store._db.iterdump()) == before
