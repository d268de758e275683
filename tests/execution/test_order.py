import heapq

from hypothesis import given
from hypothesis import strategies as st

from bakeoff.execution.order import LOOK_AHEAD, Order
from bakeoff.spec.recipe import SGD, Recipe
from bakeoff.spec.records import Epoch
from bakeoff.spec.run import Run

RECIPE = Recipe(
    name="r", epochs=1, batch_size=8, validation="none", select="last", normalize="unit", optimizer=SGD(lr=0.1)
)


def runs(nets, seeds):
    return [Run(net, "digits", "0" * 64, RECIPE, seed) for seed in range(seeds) for net in nets]


def epoch(seconds):
    return Epoch(1, 1.0, 0.5, None, None, 0.1, seconds, 0.0, 1.0, 1)


def schedule(wanted, seconds, workers):
    """Return the runs in the order in which they start, and when the last one ends, on workers that never fail."""
    order, started, running, now = Order(wanted, workers), [], [], 0.0
    queue = iter(order)
    while True:
        while len(running) < workers and (run := next(queue, None)):
            started.append(run)
            heapq.heappush(running, (now + seconds[run.net], len(started), run))
        if not running:
            return started, now
        now, _, run = heapq.heappop(running)
        order.note(run, epoch(seconds[run.net]))


SECONDS = {"lenet-afif": 0.4, "conv": 1.1, "drop": 1.2, "resnet20": 9.0}
"""The networks of the demonstration, on one core."""


class TestOrder:
    def test_is_the_plan_s_for_one_worker(self):
        wanted = runs(SECONDS, 3)
        assert schedule(wanted, SECONDS, 1)[0] == wanted

    def test_leaves_no_worker_idle_for_long(self):
        """One after the other as planned, the last and longest run would start at 12.8 and end at 21.8 seconds."""
        _, end = schedule(runs(SECONDS, 3), SECONDS, 2)
        assert end < 19.5
        assert sum(SECONDS.values()) * 3 / 2 > 17.5

    def test_keeps_seeds_together(self):
        started, _ = schedule(runs(SECONDS, 10), SECONDS, 2)
        assert all(abs(run.seed - at // 4) <= 1 for at, run in enumerate(started[:30]))

    def test_starts_the_longest_of_a_seed_first(self):
        order = Order(runs(("a", "b", "c"), 9), 2)
        queue = iter(order)
        assert [next(queue).net for _ in range(3)] == ["a", "b", "c"]
        for net, seconds in {"a": 1.0, "b": 2.0, "c": 1.5}.items():
            order.note(Run(net, "digits", "0" * 64, RECIPE, 0), epoch(seconds))
        assert [next(queue).net for _ in range(3)] == ["b", "c", "a"]

    def test_tries_what_it_does_not_know_first(self):
        order = Order(runs(("a", "b"), 2), 2)
        queue = iter(order)
        first = next(queue)
        order.note(first, epoch(1.0))
        assert [next(queue).net for _ in range(3)] == ["b", "b", "a"]

    @given(
        st.dictionaries(st.text("abcdef", min_size=1), st.floats(0.1, 100), min_size=1, max_size=6),
        st.integers(1, 5),
        st.integers(1, 4),
    )
    def test_starts_each_run_once_and_never_takes_twice_as_long_as_possible(self, seconds, seeds, workers):
        wanted = runs(seconds, seeds)
        started, end = schedule(wanted, seconds, workers)
        assert sorted(run.id for run in started) == sorted(run.id for run in wanted)
        total = sum(seconds[run.net] for run in wanted)
        assert end <= 1.001 * (total / workers + max(seconds.values()))

    def test_does_not_search_a_whole_large_study(self):
        order = Order(runs([f"net{number}" for number in range(100)], 3), 2)
        order.note(Run("net99", "digits", "0" * 64, RECIPE, 0), epoch(1e6))
        assert order._choose() < LOOK_AHEAD * 2
