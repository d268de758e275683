import math

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.spec.recipe import SGD, Constant, Cooldown, Cosine, OneCycle, Plateau, Recipe, Schedule, Steps, Stop
from bakeoff.spec.records import Epoch
from bakeoff.training.schedules import has_ended, learning_rate, rate_factor, selected_epoch
from generated import close

RECIPE = Recipe(
    name="r", epochs=10, batch_size=32, validation=0.1, select="last", normalize="unit", optimizer=SGD(lr=0.1)
)
CURVES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.9]), max_size=30)


def history(losses: list[float], accuracies: list[float] | None = None) -> list[Epoch]:
    """Epochs with these training and validation losses."""
    accuracies = accuracies or [0.5] * len(losses)
    return [
        Epoch(n, loss, accuracy, loss, accuracy, 0.1, 1.0, 0.1, 100.0, 1)
        for n, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), start=1)
    ]


def torch_rates(make, steps: int) -> list[float]:
    """The rates that one of torch's schedulers gives for so many steps, relative to 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def our_rates(schedule: Schedule, epochs: int, steps: int) -> list[float]:
    return [rate_factor(schedule, epochs, [], step / steps) for step in range(epochs * steps)]


class TestRates:
    def test_that_never_change(self):
        assert our_rates(Constant(), 2, 3) == [1.0] * 6

    def test_fall_in_the_last_epochs_only(self):
        rates = our_rates(Cooldown(share=0.5, warmup_epochs=1, final=0.2), 4, 2)
        assert rates == pytest.approx([0, 0.5, 1, 1, 1, 0.8, 0.6, 0.4])

    @given(st.integers(1, 200), st.integers(1, 200), st.floats(0.01, 1.0))
    def test_before_the_fall_do_not_depend_on_the_number_of_epochs(self, epochs, more, share):
        schedule = Cooldown(share=share, warmup_epochs=0.5)
        begin = schedule.begin(epochs)
        assert begin <= schedule.begin(epochs + more)
        for done in (0, 0.25, begin - 0.25, begin):
            if 0 <= done <= begin:
                short, long = (rate_factor(schedule, number, [], done) for number in (epochs, epochs + more))
                assert short == long

    def test_fall_when_an_epoch_has_finished(self):
        rates = our_rates(Steps((1, 3), 0.1), 4, 2)
        assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01])
        multistep = torch_rates(lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [5, 27, 40, 47], 0.1), 50)
        assert our_rates(Steps((5, 27, 40, 47), 0.1), 50, 1) == pytest.approx(multistep)

    @pytest.mark.parametrize("final", [0.0, 0.1])
    def test_on_a_cosine_are_torchs(self, final):
        theirs = torch_rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 60, eta_min=final), 60)
        assert our_rates(Cosine(final=final), 5, 12) == pytest.approx(theirs, abs=1e-6)

    def test_on_a_cosine_rise_linearly_first(self):
        rates = our_rates(Cosine(warmup_epochs=2), 10, 4)
        assert rates[:8] == pytest.approx([0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8])
        assert rates[8] == 1.0
        assert rates[8:] == sorted(rates[8:], reverse=True)
        assert rates[24] == pytest.approx(0.5)

    @pytest.mark.parametrize(("peak_at", "start", "end"), [(0.3, 25.0, 1e4), (0.1, 10.0, 100.0)])
    def test_on_one_cycle_are_torchs_but_for_a_step(self, peak_at, start, end):
        """torch reaches peak and end a step earlier; over a thousand steps, that is hardly visible."""
        theirs = torch_rates(
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o, 1.0, total_steps=1001, pct_start=peak_at, div_factor=start, final_div_factor=end / start
            ),
            1000,
        )
        ours = our_rates(OneCycle(peak_at, start, end), 10, 100)
        assert ours == pytest.approx(theirs, abs=0.016)
        assert ours[0] == pytest.approx(1 / start)
        assert max(ours) == ours[round(1000 * peak_at)] == pytest.approx(1)
        assert ours[-1] == pytest.approx(1 / end, abs=1e-4)

    def test_on_one_cycle_of_straight_lines(self):
        rates = our_rates(OneCycle(0.25, 5.0, 10.0, "linear"), 2, 8)
        assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
        assert rates[10] == pytest.approx(0.55)

    @pytest.mark.parametrize("peak_at", [0.0, 1.0])
    def test_on_one_cycle_may_only_fall_or_only_rise(self, peak_at):
        rates = our_rates(OneCycle(peak_at), 2, 10)
        assert rates == sorted(rates, reverse=peak_at == 0.0)

    @pytest.mark.parametrize("schedule", [Constant(), Steps((1, 2), 0.5), Cosine(0.5), OneCycle()])
    @given(epochs=st.integers(1, 9))
    def test_stay_within_bounds(self, schedule, epochs):
        assert all(0 <= rate <= 1 for rate in our_rates(schedule, epochs, 7))


class TestPlateau:
    @given(
        losses=CURVES,
        patience=st.integers(1, 4),
        threshold=st.sampled_from([0.0, 0.05, 0.1]),
        floor=st.sampled_from([0.0, 0.02]),
        monitor=st.sampled_from(["train_loss", "validation_loss", "train_accuracy", "validation_accuracy"]),
    )
    def test_cuts_as_torch_does_and_as_keras_documents(self, losses, patience, threshold, floor, monitor):
        """Keras cuts the rate after `patience` epochs without progress, torch after one more than its `patience`."""
        higher = monitor.endswith("accuracy")
        recipe = msgspec.structs.replace(RECIPE, schedule=Plateau(monitor, 0.5, patience, threshold, floor))
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            "max" if higher else "min",
            factor=0.5,
            patience=patience - 1,
            threshold=threshold,
            threshold_mode="abs",
            min_lr=floor,
            eps=0,
        )
        keras = KerasPlateau(0.1, 0.5, patience, threshold, floor, higher)
        for count, value in enumerate(losses, start=1):
            theirs.step(value)
            keras.on_epoch_end(value)
            ours = learning_rate(recipe, history(losses[:count], losses[:count]), float(count))
            assert close(ours, optimizer.param_groups[0]["lr"])
            assert close(ours, keras.rate)

    def test_by_hand(self):
        recipe = msgspec.structs.replace(RECIPE, schedule=Plateau("train_loss", 0.5, 3, threshold=1e-4))
        losses = [1.0, 0.9, 0.9, 0.89995, 0.9, 0.9, 0.9, 0.9, 0.5]
        rates = [learning_rate(recipe, history(losses[:n]), float(n)) for n in range(len(losses) + 1)]
        assert rates == pytest.approx([0.1] * 5 + [0.05] * 3 + [0.025] * 2)


class KerasPlateau:
    """The rule that Keras documents for ReduceLROnPlateau, without a cool-down."""

    def __init__(self, rate, factor, patience, min_delta, floor, higher):
        self.rate, self.factor, self.patience, self.floor = rate, factor, patience, floor
        self.is_better = (lambda a, b: a > b + min_delta) if higher else (lambda a, b: a < b - min_delta)
        self.best, self.wait = -math.inf if higher else math.inf, 0

    def on_epoch_end(self, value):
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
            return
        self.wait += 1
        if self.wait >= self.patience and self.rate > self.floor:
            self.rate, self.wait = max(self.rate * self.factor, self.floor), 0


class KerasStopping:
    """The rule that Keras documents for EarlyStopping."""

    def __init__(self, patience, min_delta, higher):
        self.patience, self.sign = patience, -1 if higher else 1
        self.min_delta, self.best, self.wait, self.stopped = min_delta, math.inf, 0, False

    def on_epoch_end(self, value):
        self.wait += 1
        if self.sign * value < self.best - self.min_delta:
            self.best, self.wait = self.sign * value, 0
        self.stopped = self.stopped or self.wait >= self.patience


class TestEnd:
    def test_comes_after_all_epochs(self):
        assert not has_ended(RECIPE, history([1.0] * 9))
        assert has_ended(RECIPE, history([1.0] * 10))
        assert not has_ended(RECIPE, [])

    @given(
        losses=CURVES,
        patience=st.integers(1, 5),
        threshold=st.sampled_from([0.0, 0.05, 0.1]),
        monitor=st.sampled_from(["train_loss", "validation_accuracy"]),
    )
    def test_comes_early_as_keras_documents(self, losses, patience, threshold, monitor):
        stop = Stop(monitor, patience, threshold)
        recipe = msgspec.structs.replace(RECIPE, epochs=100, stop=stop)
        keras = KerasStopping(patience, threshold, monitor.endswith("accuracy"))
        for count, value in enumerate(losses, start=1):
            keras.on_epoch_end(value)
            assert has_ended(recipe, history(losses[:count], losses[:count])) == keras.stopped
            if keras.stopped:
                break

    def test_follows_from_the_history_alone(self):
        recipe = msgspec.structs.replace(RECIPE, stop=Stop("validation_loss", 2))
        assert not has_ended(recipe, history([1.0, 2.0, 0.9, 2.0]))
        assert has_ended(recipe, history([1.0, 2.0, 0.9, 2.0, 0.9]))


class TestSelection:
    ACCURACIES = (0.5, 0.8, 0.7, 0.8, 0.6)
    LOSSES = (1.0, 0.5, 0.3, 0.6, 0.3)

    @pytest.mark.parametrize(
        ("select", "epoch"), [("last", 5), ("best-validation-accuracy", 2), ("best-validation-loss", 3)]
    )
    def test_takes_the_first_of_equals(self, select, epoch):
        recipe = msgspec.structs.replace(RECIPE, select=select)
        assert selected_epoch(recipe, history(list(self.LOSSES), list(self.ACCURACIES))) == epoch

    @pytest.mark.parametrize("losses", [[math.nan, 0.5, 0.4], [0.5, math.nan, 0.4], [math.inf, math.nan, 0.4]])
    def test_never_takes_what_is_not_a_number(self, losses):
        recipe = msgspec.structs.replace(RECIPE, select="best-validation-loss")
        assert selected_epoch(recipe, history(losses)) == 3

    @given(losses=CURVES.filter(bool))
    def test_changes_only_when_the_newest_epoch_is_the_best(self, losses):
        """So a copy of the weights, taken whenever the newest epoch is selected, is always the selected one."""
        recipe = msgspec.structs.replace(RECIPE, select="best-validation-loss")
        kept = 0
        for count in range(1, len(losses) + 1):
            selected = selected_epoch(recipe, history(losses[:count]))
            kept = count if selected == count else kept
            assert selected == kept
