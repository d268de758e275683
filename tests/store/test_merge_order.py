from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mergeable import RUNS, content, outcome
from stored import DATA, ENVIRONMENT, epoch

import tiny
from bakeoff.spec.records import Failure
from bakeoff.store.merge import merge

THEN = "2026-01-01T00:00:00+00:00"
DONE = st.tuples(st.just("done"), st.sampled_from([0.25, 0.5]), st.booleans())


OPEN = st.tuples(st.sampled_from(["waiting", "failed"]), st.integers(0, 2))


STORES = st.dictionaries(st.integers(0, 3), DONE | OPEN, max_size=4)


def fill(path: Path, runs: dict[int, tuple]) -> Path:
    with tiny.ClaimingStore(path, create=True) as store:
        store.add([RUNS[seed] for seed in runs], [DATA])
        for seed, (state, what, *more) in runs.items():
            run_id = RUNS[seed].id
            if state == "done":
                store.record_epoch(run_id, epoch(1, train_loss=what))
                store.finish(run_id, outcome(what), ENVIRONMENT | {"for": what})
                if more[0]:
                    store.add_measures(run_id, {"robustness": what / 2})
            else:
                for number in range(1, what + 1):
                    store.record_epoch(run_id, epoch(number))
                if state == "failed":
                    store.fail(run_id, Failure("error", f"at {what}"), ENVIRONMENT)
        store.release("me")
        store._db.execute("UPDATE runs SET added = :then, started = :then, finished = :then", {"then": THEN})
        store._db.execute("UPDATE failures SET at = :then", {"then": THEN})
    return path


@example(a={3: ("done", 0.25, False)}, b={3: ("done", 0.25, True)}, c={3: ("done", 0.5, False)})
@example(a={}, b={1: ("failed", 2)}, c={1: ("failed", 1)})
@given(a=STORES, b=STORES, c=STORES)
@settings(max_examples=12)
def test_order_and_repetition_change_no_result(tmp_path_factory, a, b, c):
    """Merging is commutative, associative and idempotent, and no number is lost or invented."""
    folder = tmp_path_factory.mktemp("any")
    one, two, three = (fill(folder / f"{name}.db", runs) for name, runs in zip("abc", (a, b, c), strict=True))

    def merged(name: str, *stores: Path) -> Path:
        merge(stores, folder / name)
        return folder / name

    everything = content(merged("abc.db", one, two, three))
    assert content(merged("cba.db", three, two, one)) == everything
    left = merged("left.db", merged("ab.db", one, two), three)
    right = merged("right.db", one, merged("bc.db", two, three))
    assert content(left) == content(right) == everything
    assert content(merged("twice.db", left, left, one)) == everything
    assert content(merged("same.db", one)) == content(one)
    assert everything.keys() == {RUNS[seed].id for seed in a | b | c}
    sources = [content(path) for path in (one, two, three)]
    for run_id, (state, epochs, measures, *rest) in everything.items():
        had = [source[run_id] for source in sources if run_id in source]
        assert state == max((one[0] for one in had), key=["waiting", "failed", "done"].index)
        assert any((state, epochs, *rest) == (one[0], one[1], *one[3:]) for one in had)
        for name, value in measures.items():
            assert any(one[1] == epochs and one[2].get(name) == value for one in had)
        for one in had:
            if one[:2] == (state, epochs):
                assert one[2].items() <= measures.items()
