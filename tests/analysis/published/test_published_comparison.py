import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from bakeoff.analysis.published import PRINTED, PublishedComparison, compare_with_published, compared_study, judge
from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import make_record
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run
from bakeoff.stats.intervals import prediction_interval
from bakeoff.store.store import Store
from bakeoff.studies.recipes import recipe_for
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Exceptional, GridCell, Published
from bakeoff.studies.toml import write_study
from generated import close

DATA = tiny.dataset(test=50)
LABELS = DATA.test.labels
NETS = ("lenet-afif", "vgg-afif")


def study(*published: Published, **changes) -> Study:
    return Study(
        **{"name": "a", "nets": NETS, "data": ("tiny",), "recipe": "afif2018", "published": published} | changes
    )


@pytest.fixture
def store(tmp_path):
    with tiny.ClaimingStore(tmp_path / "a.db", create=True) as opened:
        yield opened


def fill(
    store: Store,
    correct: Sequence[int],
    net: str = "lenet-afif",
    data: str = "tiny",
    precision: str = "fp32",
    before: tuple[str, ...] = (),
    recipe: str = "afif2018",
    **changes,
) -> list[Run]:
    """Put a run per seed into the store, as if it had been trained, with this many of 50 test images right."""
    made = recipe_for(GridCell(net, "tiny", recipe, changes), DATA.info)
    content = replace(DATA, info=msgspec.structs.replace(DATA.info, name=data, content_hash=f"content of {data}"))
    runs = [Run(net, data, content.info.content_hash, made, seed) for seed in range(len(correct))]
    store.add(runs, [make_record(content)])
    for run, right in zip(runs, correct, strict=True):
        for number in range(1, run.recipe.epochs + 1):
            store.record_epoch(run.id, Epoch(number, 1 / number, 0.5, 0.25, 0.75, 0.1, 4.0, 1.0, 9.0, 1))
        predicted = np.where(np.arange(50) < right, LABELS, (LABELS + 1) % 3).astype(np.uint16)
        measures = {"test_accuracy": right / 50, "test_loss": 1.0, "test_objective": 1.5, "parameters": 150_742.0}
        measures |= {"train_seconds": 4.0 * run.recipe.epochs, "evaluation_seconds": 1.0 * run.recipe.epochs}
        environment = {"precision": precision} | ({"before": {"precision": list(before)}} if before else {})
        store.finish(run.id, Outcome(1, predicted, np.eye(3, dtype=np.float16)[predicted], measures), environment)
    return runs


def only(lines: list[PublishedComparison]) -> PublishedComparison:
    (line,) = lines
    return line


PAPER = Published(net="lenet-afif", data="tiny", test_accuracy=0.9)


class TestTheRule:
    @settings(deadline=None)
    @given(values=st.lists(st.floats(0, 1), min_size=2, max_size=8), printed=st.floats(0, 1))
    def test_is_the_prediction_interval_of_students_t(self, values, printed):
        from scipy import stats

        n, mean, sd = len(values), float(np.mean(values)), float(np.std(values, ddof=1))
        per_deviation = stats.t.ppf(0.975, n - 1) * math.sqrt(1 + 1 / n)
        # Numbers are compared as printed: seeds deviate by at least half a unit of the last digit.
        distance = abs(printed - mean) - per_deviation * max(sd, PRINTED) - PRINTED
        if abs(distance) > 1e-9:
            agrees = "agrees" if n > 2 else "two seeds: cannot tell"
            assert judge(PAPER, "test_accuracy", printed, values)[0] == (agrees if distance < 0 else "differs")
        low, high = prediction_interval(values) or (0.0, 0.0)
        assert close(high - low, 2 * per_deviation * sd, 1e-6)

    def test_lets_one_more_seed_agree_as_often_as_it_says(self):
        draws = np.random.default_rng(0).normal(0.9, 0.01, size=(3000, 4))
        verdicts = [judge(PAPER, "test_accuracy", float(own), list(map(float, seeds)))[0] for own, *seeds in draws]
        assert 0.94 < verdicts.count("agrees") / 3000 < 0.96

    def test_of_the_mean_would_be_too_strict(self):
        """The interval of the mean says where the mean lies; a published number is no mean."""
        values = [0.90, 0.91, 0.92]
        assert judge(PAPER, "test_accuracy", 0.88, values)[0] == "agrees"
        assert judge(PAPER, "test_accuracy", 0.85, values)[0] == "differs"

    def test_cannot_tell_from_one_seed(self):
        assert judge(PAPER, "test_accuracy", 0.9, [0.9])[0] == "one seed: cannot tell"
        assert prediction_interval([0.9]) is None

    def test_cannot_see_agreement_in_two_seeds(self):
        """Their interval is so wide that a number 15 standard deviations away lies within."""
        assert judge(PAPER, "test_accuracy", 0.90, [0.95, 0.955])[0] == "two seeds: cannot tell"
        assert judge(PAPER, "test_accuracy", 0.80, [0.95, 0.955])[0] == "differs"
        assert judge(PAPER, "test_accuracy", 0.90, [0.95, 0.955, 0.9525])[0] == "differs"

    def test_forgives_rounding_where_the_seeds_do_not_spread(self):
        """Collapsed to one class, every seed gives 1,744 of 26,032; printed was 0.067."""
        collapsed = [1744 / 26_032] * 3
        assert judge(PAPER, "test_accuracy", 0.067, collapsed)[0] == "agrees"
        assert judge(PAPER, "test_accuracy", 0.068, collapsed)[0] == "differs"

    def test_does_not_judge_accidents_whatever_comes_out(self):
        accident = msgspec.structs.replace(PAPER, not_reproducible="it collapsed")
        assert judge(accident, "test_accuracy", 0.9, [0.9, 0.9]) == ("not reproducible", "it collapsed")
        assert judge(accident, "test_accuracy", 0.9, [0.9]) == ("not reproducible", "it collapsed")
        assert judge(accident, "parameters", 5, [5.0])[0] == "agrees"
        assert judge(accident, "test_accuracy", 0.9, [])[0] == "not run"

    @pytest.mark.parametrize(
        ("counts", "verdict"), [([5.0, 5.0], "agrees"), ([5.0, 6.0], "differs"), ([6.0], "differs")]
    )
    def test_wants_parameters_equal(self, counts, verdict):
        assert judge(PAPER, "parameters", 5, counts)[0] == verdict

    def test_never_judges_seconds(self):
        assert judge(PAPER, "seconds", 5, [900.0])[0] == "for information"


class TestComparisons:
    def test_have_a_line_for_every_printed_number_in_order(self, store):
        fill(store, [40, 42, 44])
        printed = Published(
            net="lenet-afif",
            data="tiny",
            test_accuracy=0.9,
            test_loss=1.5,
            train_loss=0.1,
            validation_accuracy=0.7,
            class_accuracy={"a": 0.9, "c": 0.5},
            parameters=150_742,
            seconds=220,
            epoch_seconds=22,
        )
        lines = {(line.measure, line.of_class): line for line in compare_with_published(study(printed), store)}
        measured = {key: line.measured for key, line in lines.items()}
        hits = {label: np.mean([(LABELS[:right] == label).sum() for right in (40, 42, 44)]) for label in (0, 2)}
        assert measured == pytest.approx(
            {
                ("test_accuracy", ""): 0.84,
                ("test_loss", ""): 1.5,  # as Keras has it: with the penalties
                ("train_loss", ""): 0.1,  # of the last epoch
                ("validation_accuracy", ""): 0.75,
                ("parameters", ""): 150_742,
                ("seconds", ""): 50,
                ("epoch_seconds", ""): 5,
                ("class_accuracy", "a"): hits[0] / (LABELS == 0).sum(),
                ("class_accuracy", "c"): hits[2] / (LABELS == 2).sum(),
            }
        )
        assert list(lines)[-2:] == [("class_accuracy", "a"), ("class_accuracy", "c")]
        accuracy = lines["test_accuracy", ""]
        assert accuracy.difference == pytest.approx(-0.06)
        assert accuracy.sd == pytest.approx(0.04)
        assert accuracy.deviations == pytest.approx(-1.5)
        assert (accuracy.seeds, accuracy.verdict, accuracy.departures) == (3, "agrees", ())
        assert accuracy.low is not None and accuracy.low < 0.84 - 4.3 * 0.04
        seconds = lines["seconds", ""]
        assert (seconds.ratio, seconds.verdict, seconds.low) == (pytest.approx(4.4), "for information", None)

    def test_say_what_was_not_run(self, store):
        fill(store, [40])
        line = only(compare_with_published(study(msgspec.structs.replace(PAPER, net="vgg-afif")), store))
        assert (line.verdict, line.measured, line.difference, line.seeds) == ("not run", None, None, 0)

    def test_say_why_a_run_failed(self, store):
        recipe = recipe_for(GridCell("vgg-afif", "tiny", "afif2018", {}), DATA.info)
        run = Run("vgg-afif", "tiny", DATA.info.content_hash, recipe, 0)
        store.add([run], [make_record(DATA)])
        store.fail(run.id, Failure("diverged", "the loss became NaN"), {})
        line = only(compare_with_published(study(msgspec.structs.replace(PAPER, net="vgg-afif")), store))
        assert (line.verdict, line.reason) == ("not run", "failed: the loss became NaN")

    def test_need_something_published(self, store):
        with pytest.raises(BakeoffError, match="the study 'a' has no published numbers"):
            compare_with_published(study(), store)

    def test_look_at_the_given_runs_only(self, store):
        fill(store, [40, 42, 44])
        ids = [run.id for run in fill(store, [10, 20], epochs=3)]
        assert only(compare_with_published(study(PAPER), store)).seeds == 3
        changed = only(compare_with_published(study(PAPER), store, ids))
        assert (changed.seeds, changed.departures) == (2, ("epochs 3 instead of 10",))


class TestDepartures:
    def test_are_found_by_comparing_recipes(self, store):
        fill(store, [40, 42, 44], epochs=2, batch_size=64)
        line = only(compare_with_published(study(PAPER), store))
        assert line.departures == ("epochs 2 instead of 10", "batch_size 64 instead of 128")
        assert line.verdict == "agrees"

    @pytest.mark.parametrize("precision", ["bf16", "tf32"])
    def test_of_the_arithmetic_are_reported(self, store, precision):
        fill(store, [40, 42], precision=precision)
        assert only(compare_with_published(study(PAPER), store)).departures == (f"computed in {precision}",)

    def test_of_the_arithmetic_are_reported_of_earlier_sessions_too(self, store):
        fill(store, [40, 42], before=("bf16",))
        assert only(compare_with_published(study(PAPER), store)).departures == ("computed in bf16",)

    def test_as_few_as_there_are_are_shown(self, store):
        """Of several ways in which a cell was run, the one nearest to the study is compared."""
        fill(store, [10, 11, 12], epochs=2)
        fill(store, [40, 42])
        assert only(compare_with_published(study(PAPER), store)).departures == ()

    def test_of_runs_under_another_recipe_are_none(self, store):
        fill(store, [40, 42], recipe="quick")
        assert only(compare_with_published(study(PAPER), store)).verdict == "not run"

    def test_of_a_study_file_are_not_departures(self, store):
        fill(store, [40, 42], epochs=2)
        assert only(compare_with_published(study(PAPER, set={"epochs": 2}), store)).departures == ()

    def test_name_data_that_stood_in(self, store):
        fill(store, [40, 42], data="folder:/somewhere/tiny-jpeg")
        assert only(compare_with_published(study(PAPER), store)).verdict == "not run"
        told = ("data folder:tiny-jpeg instead of tiny",)
        stand_in = {"tiny": "folder:/somewhere/tiny-jpeg"}
        assert only(compare_with_published(study(PAPER, data_as=stand_in), store)).departures == told
        store.record_study(write_study(study(data_as=stand_in)), "a command")
        line = only(compare_with_published(study(PAPER), store))
        assert (line.data, line.data_used, line.departures) == ("tiny", "folder:tiny-jpeg", told)

    def test_are_smaller_for_the_studys_own_data(self, store):
        store.record_study(write_study(study(data_as={"tiny": "folder:b"})), "a command")
        fill(store, [10, 12], data="folder:b")
        fill(store, [40, 42])
        assert only(compare_with_published(study(PAPER), store)).departures == ()


class TestVariants:
    LONGER = msgspec.structs.replace(PAPER, set={"epochs": 30}, test_accuracy=0.8)
    STUDY = study(PAPER, LONGER, variants=(Exceptional(nets=("lenet-afif",), set={"epochs": 30}),))

    def test_are_compared_with_their_own_runs(self, store):
        fill(store, [45, 46])
        fill(store, [40, 41], epochs=30)
        own, longer = compare_with_published(self.STUDY, store)
        assert (own.variant, own.measured, own.departures) == ("", pytest.approx(0.91), ())
        assert (longer.variant, longer.measured, longer.departures) == ("epochs=30", pytest.approx(0.81), ())

    def test_do_not_share_runs(self, store):
        fill(store, [45, 46], epochs=2)
        own, longer = compare_with_published(self.STUDY, store)
        assert own.departures == ("epochs 2 instead of 10",)
        assert longer.verdict == "not run"

    def test_that_were_printed_twice_are_compared_twice(self, store):
        fill(store, [45, 46, 44])
        table, notebook = compare_with_published(
            study(PAPER, msgspec.structs.replace(PAPER, test_accuracy=0.5, note="a log")), store
        )
        assert (table.verdict, notebook.verdict, notebook.note) == ("agrees", "differs", "a log")


class TestTheStudyOfAStore:
    def test_is_the_last_with_published_numbers(self, store):
        for each in (study(PAPER), study(PAPER, name="b"), study(name="c")):
            store.record_study(write_study(each), f"bakeoff reproduce {each.name}")
        assert compared_study(None, store) == study(PAPER, name="b")

    def test_is_taken_from_the_package_where_it_is_built_in(self, store):
        """The runs may have other settings; they are compared with the study itself."""
        store.record_study(write_study(study(PAPER, name="afif2018", set={"epochs": 1})), "bakeoff reproduce afif2018")
        assert compared_study(None, store).set == {}
        assert compared_study("clark2020", store).name == "clark2020"

    def test_may_not_be_there(self, store):
        store.record_study(write_study(study()), "bakeoff run")
        with pytest.raises(BakeoffError, match=r"no study with published numbers was run into .*a\.db: name one"):
            compared_study(None, store)
        with pytest.raises(BakeoffError, match="unknown study 'afif'"):
            compared_study("afif", store)
