import sqlite3

import msgspec
from made import seeds_of
from synthetic import RECIPE

from bakeoff.reporting.answer import write_answers
from bakeoff.reporting.answer_parts import AnswerBlock
from bakeoff.reporting.loading import load_page_model
from bakeoff.reporting.payload import build_payload
from bakeoff.stats.pareto import COSTS
from bakeoff.text.formats import THIN


def asked(path) -> list[AnswerBlock]:
    return write_answers(load_page_model(path))


def told(answer: AnswerBlock) -> str:
    return " ".join([answer.lead, *(f"{p.about}: {p.sentence}" for p in answer.points), *answer.cautions]).replace(
        THIN, " "
    )


def test_clear_lead_is_called_clear(make) -> None:
    (answer,) = asked(make(nets=("lenet-afif", "resnet20"), data=("digits",), noise=0.001, images=4000))
    assert answer.lead.startswith("**resnet20** ") and "significantly ahead of the other network" in answer.lead
    assert "lead over **lenet-afif** is significant" in told(answer)


def test_a_lead_within_the_noise_is_not_significant(make) -> None:
    (answer,) = asked(make(nets=("conv", "drop"), data=("digits",), noise=0.02))
    assert "is within the noise" in answer.lead
    assert "Over **conv**: " in told(answer).replace("drop", "conv") and ": open; " in told(answer)
    assert "ahead" not in answer.lead


def test_one_seed_says_that_nothing_is_sure(make) -> None:
    (answer,) = asked(make(seeds=1, data=("digits",)))
    assert "from a single seed" in answer.lead
    assert "(1 seed)" in told(answer) and "Its 95 % interval" not in told(answer)


def test_one_network_has_nothing_to_be_compared_with(make) -> None:
    (answer,) = asked(make(nets=("conv",), data=("digits",)))
    assert "no other result to compare it with" in answer.lead
    assert "95 % interval over 3 seeds" in told(answer)


def test_nothing_finished_and_everything_failed(make) -> None:
    (answer,) = asked(make(nets=("conv",), data=("digits",), waiting=3))
    assert answer.lead == "No network has finished on digits yet: 0 of 3 runs."
    (answer,) = asked(make(nets=("conv",), data=("digits",), failing=3))
    assert answer.lead == "No network has a result on digits: all 3 runs failed."


def test_partial_results_are_labelled(make) -> None:
    answer = asked(make(waiting=1, failing=1))[-1]
    assert "1 run failed" in told(answer)
    assert "Partial: 10 of 12 runs finished" in told(answer)
    assert "unequal numbers of seeds (2 to 3)" in told(answer)


def test_the_cheap_alternative_is_named_with_its_price(make) -> None:
    (answer,) = asked(make(nets=("conv", "resnet20"), data=("digits",), noise=0.001, images=4000))
    faster = next(point for point in answer.points if point.about == "Faster").sentence.replace(THIN, " ")
    assert faster.startswith("**conv** trains in 9.8 s instead of 95.2 s, 9.8 times as fast")
    assert "35 % of the parameters" in faster
    assert "points less" in faster


def test_what_is_worth_its_flops_is_said_with_its_probability(make) -> None:
    path = make(nets=("lenet-afif", "conv", "resnet20"), data=("digits",), noise=0.001, images=4000)
    (answer,) = asked(path)
    worth = next(point for point in answer.points if point.about == "FLOPs").sentence.replace(THIN, " ")
    assert worth.startswith("**lenet-afif** needs the fewest") and ": **conv** " in worth
    assert worth.endswith(" and **resnet20** over 99 % (from 3 seeds).")
    (table,) = load_page_model(path).tables
    assert table.chances is not None and table.chances.best["resnet20"] > 0.99
    assert [front.cost for front in table.chances.fronts] == list(COSTS)
    (sent,) = build_payload(load_page_model(path))["tables"]
    assert list(sent["chances"]) == ["best", "fronts", "seeds"], "the scripts of the page read it"
    assert load_page_model(make(nets=("conv",), data=("digits",))).tables[0].chances is None


def test_of_networks_that_cost_the_same_each_has_its_probability(make) -> None:
    (answer,) = asked(make(nets=("conv", "drop"), data=("digits",), images=4000, noise=0.001))
    worth = next(point for point in answer.points if point.about == "FLOPs").sentence
    assert worth.startswith("**drop** and **conv** need the fewest")
    assert worth.count(f"{THIN}%") == 2


def test_of_a_single_seed_it_is_said_what_the_probability_leaves_out(make) -> None:
    (answer,) = asked(make(seeds=1, data=("digits",)))
    assert "(over test images, not seeds)" in told(answer)


def test_without_a_shared_seed_nothing_is_worth_or_not(make) -> None:
    path = make(nets=("conv", "drop"), data=("digits",), seeds=2)
    with sqlite3.connect(path) as database:
        for net, seed in (("conv", 0), ("drop", 1)):
            database.execute("UPDATE runs SET state = 'waiting', seal = NULL WHERE net = ? AND seed = ?", (net, seed))
    (answer,) = asked(path)
    assert "FLOPs:" not in told(answer)


def test_seconds_of_different_machines_are_not_compared(make) -> None:
    path = make(data=("digits",))
    with sqlite3.connect(path) as base:
        base.execute('INSERT INTO environments VALUES (2, \'{"processor": "another"}\')')
        base.execute("UPDATE runs SET environment = 2 WHERE rowid = 1")
    assert "Time: Not comparable" in told(asked(path)[0])


def test_choosing_on_the_test_set_is_reported(make) -> None:
    recipe = msgspec.structs.replace(RECIPE, validation="test", select="best-validation-accuracy")
    (answer,) = asked(make(recipe=recipe, data=("digits",)))
    assert "test set" in answer.cautions[0]


def test_over_all_data_sets(make) -> None:
    general, *own = asked(make(data=("digits", "mnist", "svhn"), noise=0.001, images=2000))
    assert general.key is None and len(own) == 3
    assert general.lead.startswith("**resnet20** leads on all 3 data sets")
    assert "no pair can differ significantly at 5 %" in told(general)


def test_three_seeds_of_one_image_more_are_noise(tmp_path) -> None:
    """301, 301, 301 and 300, 300, 300 right of 359: t intervals of no width would not overlap."""
    path = seeds_of(tmp_path / "a.db", {"conv": [301] * 3, "drop": [300] * 3}, images=359)
    (answer,) = asked(path)
    assert "lead over **drop** is within the noise" in answer.lead and "significantly ahead" not in told(answer)
    (row, _) = load_page_model(path).tables[0].lines
    assert row.row.test_accuracy_low is None or row.row.test_accuracy_low < row.row.test_accuracy_high


def test_the_luck_of_the_chosen_is_reported(make) -> None:
    path = make(nets=("conv", "drop", "nin"), data=("digits",), noise=0.01)
    assert "Selection: Picking the best of 3" in told(asked(path)[0])
    (by_validation,) = write_answers(load_page_model(path, "validation"))
    assert "best mean validation accuracy of the reported epochs" in by_validation.lead
    assert "not biased by the selection" in told(by_validation)


def test_seconds_for_unequal_work_are_not_compared(make) -> None:
    path = make(nets=("conv", "resnet20"), data=("digits",), noise=0.001)
    with sqlite3.connect(path) as base:
        base.execute("UPDATE runs SET seal = NULL")
        base.execute("DELETE FROM epochs WHERE epoch > 2 AND run IN (SELECT id FROM runs WHERE net = 'conv')")
    assert "Time: Not comparable" in told(asked(path)[0]) and "as fast" not in told(asked(path)[0])


def test_bands_end_with_the_first_seed_that_ends(make) -> None:
    path = make(nets=("conv", "resnet20"), data=("digits",))
    with sqlite3.connect(path) as base:
        base.execute("UPDATE runs SET seal = NULL")
        base.execute(
            "DELETE FROM epochs WHERE epoch > 3 AND run IN (SELECT id FROM runs WHERE net = 'conv' AND seed = 1)"
        )
    (table,) = build_payload(load_page_model(path))["tables"]
    assert table["bands"] == {"conv": 3, "resnet20": RECIPE.epochs}
    assert {len(run["epochs"]["train_loss"]) for run in table["runs"]} == {3, RECIPE.epochs}, "single runs go on"
