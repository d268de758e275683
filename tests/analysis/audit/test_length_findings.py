import pytest
from made_up import curve, look, run

from bakeoff.spec.recipe import Constant, Cosine, OneCycle, Stop

SHORT = {"train_images": 259}
"""Of photographs: five steps an epoch."""


def three_epochs(**changes):
    """`quick` on 288 photographs of waste, as `conv` went through it."""
    history = curve([0.31, 0.38, 0.45], train=[0.29, 0.36, 0.43], train_loss=[1.39, 1.28, 1.21])
    return run(history=history, measures=SHORT, epochs=3, **{"schedule": OneCycle(), **changes})


class TestFewSteps:
    @pytest.mark.parametrize("schedule", [OneCycle(), Cosine(), Constant()])
    def test_are_told_whatever_the_schedule(self, schedule):
        [finding] = look("under-trained", three_epochs(schedule=schedule))
        numbers = finding.evidence[0]
        assert (numbers["steps"], numbers["epochs_to_try"]) == (15, 60)
        assert "3 epochs" in finding.message and "try 60 epochs" in finding.message

    def test_are_enough_where_they_have_taught_all(self):
        history = curve([0.8, 0.93, 0.98])
        assert not look("under-trained", run(history=history, measures=SHORT, epochs=3, schedule=OneCycle()))

    def test_are_no_matter_where_the_record_lacks_the_images(self):
        tested = three_epochs()
        del tested.result.measures["train_images"]
        assert not look("under-trained", tested)

    def test_come_before_an_accident(self):
        """A class that was never predicted is no reason for another seed then."""
        never = run().labels % 9
        for history, longer in ((three_epochs().result.epochs, True), (curve([0.8, 0.93, 0.98]), False)):
            one = run(history=history, measures=SHORT, epochs=3, schedule=OneCycle(), predicted=never)
            [finding] = look("dead-classes", one)
            assert ("--epochs 60" in finding.advice) == longer
            assert ("another seed" in finding.advice) != longer


def annealed(losses, known, **changes):
    history = curve([known] * len(losses), train=[known] * len(losses), train_loss=losses)
    return run(history=history, epochs=len(losses), **{"schedule": OneCycle(), **changes})


class TestSchedulesThatEndAtNothing:
    FALLING = [1.38, 1.3, 1.2, 1.12, 1.06, 1.0, 0.95, 0.9, 0.88]

    @pytest.mark.parametrize("schedule", [OneCycle(), Cosine()])
    def test_are_told_while_the_loss_falls_on_the_way(self, schedule):
        [finding] = look("under-trained", annealed(self.FALLING, 0.65, schedule=schedule))
        assert finding.evidence[0]["epochs_to_try"] == 18
        assert "18 epochs" in finding.message

    def test_are_distinguished_on_images_a_part_of_whose_labels_is_wrong(self):
        """LeNet on 1,000 digits, four labels in ten wrong, each curve in sixteen points.

        With twice the 32 epochs it got 4.8 points more right, with twice the 64 epochs 0.1.
        """
        at_32 = [2.28, 2.12, 2.12, 2.14, 2.07, 2.03, 1.96, 1.98, 1.92, 1.9, 1.86, 1.85, 1.84, 1.84, 1.82, 1.81]
        at_64 = [2.18, 2.09, 2.09, 2.07, 1.97, 1.9, 1.89, 1.84, 1.87, 1.79, 1.75, 1.79, 1.77, 1.75, 1.75, 1.74]
        assert look("under-trained", annealed(at_32, 0.54))
        assert not look("under-trained", annealed(at_64, 0.56))

    def test_are_done_where_nearly_all_images_are_known(self):
        assert not look("under-trained", annealed(self.FALLING, 0.93))

    def test_are_done_where_validation_images_are_known(self):
        """Dropout and augmentation make training images harder than they are."""
        history = curve([0.95] * 9, train=[0.7] * 9, train_loss=self.FALLING)
        assert not look("under-trained", run(history=history, epochs=9, schedule=OneCycle()))

    def test_are_done_where_only_the_last_rates_lower_the_loss(self):
        flat = [1.4, 1.2, 1.11, 1.1, 1.1, 1.1, 1.09, 1.0, 0.95]
        assert not look("under-trained", annealed(flat, 0.6))

    def test_are_done_where_nothing_falls(self):
        assert not look("under-trained", annealed([1.38] * 9, 0.3))

    def test_are_done_where_they_were_stopped(self):
        stopped = annealed(self.FALLING, 0.65, stop=Stop("train_loss", 1))
        longer = run(history=stopped.result.epochs, epochs=20, schedule=OneCycle(), stop=Stop("train_loss", 1))
        assert not look("under-trained", longer)
