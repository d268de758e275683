import json

import pytest
from planned import WILD, study

from bakeoff.errors import BakeoffError
from bakeoff.execution.plan import plan
from bakeoff.studies.study import Exceptional


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
            ({"nets": ()}, "the study 'tiny' names no nets: add --nets"),
            ({"data": ()}, "names no data: add --data"),
            ({"nets": ("nin", "nin")}, "names the same nets twice: nin, nin"),
            ({"nets": ("lenet-afiv",)}, "unknown network 'lenet-afiv': did you mean lenet-afif"),
            ({"data": ("digit",)}, "unknown data set 'digit': did you mean digits"),
            ({"recipe": "quik"}, "unknown recipe 'quik': did you mean quick"),
            ({"set": {"epocs": 1}}, "unknown recipe field 'epocs': did you mean epochs"),
            ({"set": {"epochs": 0}}, "cannot set epochs=0"),
            ({"nets": ("conv",)}, "conv needs at least 18×18 pixels; these images are 8×8: add --scale 3"),
            ({"set": {"validation": "own"}}, "digits has no validation split of its own: add --set validation=0.1"),
            ({"set": {"images_per_class": 500}}, "500"),
            ({"set": {"validation": 5000}}, "both parts need at least one"),
            ({"data": ("folder:absent",)}, "absent"),
        ],
    )
    def test_say_what_is_wrong_before_anything_is_trained(self, changes, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(BakeoffError) as caught:
            plan(study(**changes))
        assert words in str(caught.value)

    def test_never_hold_a_run_twice(self):
        data_as = plan(study(data=("digits",), variants=(Exceptional(nets=("lenet-afif",)),))).runs
        assert len({run.id for run in data_as}) == len(data_as) == 2
