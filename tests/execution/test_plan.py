import json

import pytest
import torch
from planned import WILD, study

from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import plan
from bakeoff.nets import PRETRAINED, build
from bakeoff.nets.weights import Weights
from bakeoff.spec.data import ImageShape
from bakeoff.studies.tables import Exceptional


class TestPlans:
    def test_put_seeds_outermost(self):
        runs = plan(study(nets=("lenet-afif", "nin"), seeds=2, first_seed=5)).runs
        assert [(run.net, run.seed) for run in runs] == [
            ("lenet-afif", 5),
            ("nin", 5),
            ("lenet-afif", 6),
            ("nin", 6),
        ]
        assert len({run.id for run in runs}) == 4

    def test_hold_what_the_store_keeps_of_the_data(self):
        (record,) = plan(study()).records()
        assert record.facts["name"] == "digits"
        assert len(record.test_labels) == record.facts["test_images"] > 300
        assert record.facts["licence"]
        json.dumps(record.facts)

    def test_treat_cells_in_their_own_way(self):
        runs = plan(study(nets=("lenet-afif", "nin"), seeds=1, cells=(WILD,))).runs
        assert [run.recipe.optimizer.lr for run in runs] == [3e-3, 1e30]
        assert runs[0].recipe.epochs == runs[1].recipe.epochs == 2

    def test_of_a_longer_study_contain_those_of_a_shorter(self):
        short, long = plan(study()), plan(study(nets=("nin", "lenet-afif"), seeds=3))
        assert {run.id for run in short.runs} < {run.id for run in long.runs}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"nets": ()}, "--nets"),
            ({"data": ()}, "--data"),
            ({"nets": ("nin", "nin")}, "twice: nin"),
            ({"nets": ("lenet-afiv",)}, "'lenet-afiv': did you mean lenet-afif"),
            ({"data": ("digit",)}, "'digit': did you mean digits"),
            ({"recipe": "quik"}, "'quik': did you mean quick"),
            ({"set": {"epocs": 1}}, "'epocs': did you mean epochs"),
            ({"set": {"epochs": 0}}, "epochs=0"),
            ({"nets": ("conv",)}, "--scale 3"),
            ({"set": {"validation": "own"}}, "--set validation=0.1"),
            ({"set": {"normalize": "weights"}}, "add --set normalize=channel"),
            ({"set": {"images_per_class": 500}}, "500"),
            ({"set": {"validation": 5000}}, "5000"),
            ({"data": ("folder:absent",)}, "absent"),
        ],
    )
    def test_say_what_is_wrong_before_anything_is_trained(self, changes, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(BakeoffError) as caught:
            plan(study(**changes))
        assert words in str(caught.value)

    def test_say_which_weights_runs_start_from(self, monkeypatch):
        torch.manual_seed(0)
        entries = build("nin", ImageShape(1, 32, 32), 5).state_dict()
        weights = Weights("made", "ab" * 32, "a test", lambda: entries, channels=1)
        monkeypatch.setitem(PRETRAINED, "nin:made", weights)
        pretrained, scratch = plan(study(nets=("nin:made", "nin"), seeds=1)).runs
        assert (pretrained.net, pretrained.weights, scratch.weights) == ("nin:made", "ab" * 32, "")

    def test_refuse_weights_that_do_not_fit(self, monkeypatch):
        weights = Weights("made", "ab" * 32, "a test", dict)
        monkeypatch.setitem(PRETRAINED, "nin:empty", weights)
        with pytest.raises(BakeoffError, match=r"the weights do not fit nin:empty: .* entries are missing"):
            plan(study(nets=("nin:empty",), seeds=1))

    def test_never_hold_a_run_twice(self):
        data_as = plan(study(data=("digits",), variants=(Exceptional(nets=("lenet-afif",)),))).runs
        assert len({run.id for run in data_as}) == len(data_as) == 2


def test_cells_with_their_own_recipes_are_ranked_with_the_others():
    nets = {"nets": ("lenet-afif", "nin")}
    assert not plan(study(**nets, cells=(WILD,))).compared
    own = Exceptional(nets=("nin",), recipe="afif2018", set={"image.scale": 4})
    also = Exceptional(nets=("nin",), recipe="modern", set={"batch_size": 64})
    made = plan(study(**nets, cells=(own,), variants=(also,)))
    (table,) = made.compared
    assert {use.recipe_key for use in table} == {run.recipe.key for run in made.runs}
