import re
from typing import get_args

import msgspec
import pytest
from hypothesis import given

from bakeoff.data.grade import DIALS, IN_THE_RECIPE
from bakeoff.errors import BakeoffError
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.plan import plan
from bakeoff.execution.session import choose_study
from bakeoff.studies.study import Study
from bakeoff.studies.tables import DialName, Exceptional, GridCell, Turn
from generated import values

STUDY = Study(
    name="a",
    nets=("conv", "drop"),
    data=("digits", "mnist"),
    recipe="quick",
    set={"epochs": 1},
    cells=(
        Exceptional(nets=("drop",), data=("mnist",), leave_out=True),
        Exceptional(nets=("conv",), set={"l2": "none"}),
    ),
    variants=(
        Exceptional(data=("mnist",), set={"image.scale": 3}),
        Exceptional(nets=("nin",), data=("digits",), recipe="clark2020", set={"epochs": 2}, label="longer"),
    ),
)


class TestTheGrid:
    def test_is_all_cells_but_those_left_out_and_each_data_sets_variants_after_it(self):
        own, drop = {"epochs": 1, "l2": "none"}, {"epochs": 1}
        assert STUDY.grid() == [
            GridCell("conv", "digits", "quick", own),
            GridCell("drop", "digits", "quick", drop),
            GridCell("nin", "digits", "clark2020", drop, {"epochs": 2}, "longer"),
            GridCell("conv", "mnist", "quick", own),
            GridCell("conv", "mnist", "quick", own, {"image.scale": 3}),
            GridCell("drop", "mnist", "quick", drop, {"image.scale": 3}),
        ]

    def test_lets_what_tells_a_variant_win(self):
        assert STUDY.grid()[2].all_changes == {"epochs": 2}

    @given(study=values(Study))
    def test_never_names_what_the_study_does_not(self, study):
        nets = {*study.nets, *(net for more in (*study.variants, *study.dials) for net in more.nets)}
        for cell in study.grid():
            assert cell.net in nets
            assert cell.data.partition("~")[0] in study.data


TURNED = Study(
    name="b",
    nets=("conv", "drop"),
    data=("digits", "mnist"),
    cells=(Exceptional(leave_out=True),),
    data_as={"mnist": "folder:x"},
    dials=(
        Turn(turn="contrast", data="mnist", levels=(1, 0.5), nets=("conv",), set={"epochs": 3}),
        Turn(turn="upscale", data="digits", levels=(1, 2), set={"epochs": 1}),
    ),
)


class TestExperiments:
    def test_are_cells_of_graded_data_or_of_changed_recipes(self):
        assert TURNED.grid() == [
            *(
                GridCell(net, "digits", "quick", {"epochs": 1}, {"image.scale": n})
                for n in (1, 2)
                for net in TURNED.nets
            ),
            GridCell("conv", "mnist", "quick", {"epochs": 3}),
            GridCell("conv", "mnist~contrast=0.5", "quick", {"epochs": 3}),
        ]

    def test_use_what_stands_in_for_their_data(self):
        assert [TURNED.used(cell.data) for cell in TURNED.grid()][-2:] == ["folder:x", "folder:x~contrast=0.5"]
        assert TURNED.used("digits") == "digits"

    def test_are_narrowed_by_networks_and_data_and_changed_as_all_cells(self):
        assert {cell.net for cell in TURNED.with_nets(("drop",)).grid()} == {"drop"}
        assert {cell.data for cell in choose_study(TURNED, StudyOptions(data=["digits"])).grid()} == {"digits"}
        assert {cell.all_changes["epochs"] for cell in TURNED.with_changes({"epochs": 7}).grid()} == {7}

    def test_turn_every_dial_there_is(self):
        assert set(get_args(DialName)) == DIALS.keys() | IN_THE_RECIPE.keys()

    def test_with_levels_out_of_range_are_refused(self):
        from bakeoff.execution.plan import plan

        study = Study(
            name="c", nets=("conv",), data=("digits",), dials=(Turn(turn="colour", data="digits", levels=(2,)),)
        )
        with pytest.raises(BakeoffError, match="colour expects a number from 0 to 1"):
            plan(study)


class TestOtherNetworks:
    def test_keep_the_variants_that_are_theirs(self):
        assert [cell.net for cell in STUDY.with_nets(("drop",)).grid()] == ["drop", "drop"]
        assert [cell.label for cell in STUDY.with_nets(("nin",)).grid()] == ["", "longer", "", ""]

    def test_may_leave_nothing(self):
        from bakeoff.execution.plan import plan

        study = choose_study(STUDY, StudyOptions(nets=["drop"], data=["mnist"]))
        assert [cell.variant for cell in study.grid()] == [{"image.scale": 3}]
        with pytest.raises(BakeoffError, match="excludes these networks on mnist"):
            plan(Study(name="b", nets=("conv",), data=("mnist",), cells=(Exceptional(leave_out=True),)))


class TestChanges:
    def test_from_outside_win_over_every_cell(self):
        changed = STUDY.with_changes({"epochs": 7})
        assert {cell.all_changes["epochs"] for cell in changed.grid()} == {7}
        assert changed.grid()[0].changes == {"epochs": 7, "l2": "none"}
        assert STUDY.with_changes({}) is STUDY

    def test_that_make_a_variant_the_same_as_its_cell_plan_it_once(self):
        from bakeoff.execution.plan import plan

        study = Study(name="a", nets=("conv",), data=("digits",), variants=(Exceptional(set={"image.scale": 5}),))
        assert len(plan(study.with_changes({"image.scale": 4})).runs) == study.seeds


class TestStandIns:
    def test_of_data_sets_that_are_no_longer_there_are_dropped(self):
        study = Study(name="a", nets=("conv",), data=("digits", "mnist"), data_as={"mnist": "kmnist"})
        assert choose_study(study, StudyOptions(data=["digits"])).data_as == {}
        assert choose_study(study, StudyOptions(data_as={"digits": "mnist"})).data_as == {
            "mnist": "kmnist",
            "digits": "mnist",
        }

    def test_for_what_the_study_has_not_are_refused(self):
        from bakeoff.execution.plan import plan

        with pytest.raises(BakeoffError, match=r"unknown data set of the study 'a' 'mnits': did you mean mnist\?"):
            plan(Study(name="a", nets=("conv",), data=("mnist",), data_as={"mnits": "digits"}))


def test_several_recipes_train_every_network_by_each():
    study = Study(
        name="a",
        nets=("conv", "nin"),
        data=("digits",),
        recipe=("quick", "clark2020"),
        cells=(Exceptional(nets=("nin",), recipe="afif2018"),),
        variants=(Exceptional(nets=("conv",), set={"epochs": 2}),),
    )
    assert [(cell.net, cell.recipe, cell.variant) for cell in study.grid()] == [
        ("conv", "quick", {}),
        ("nin", "afif2018", {}),
        ("conv", "quick", {"epochs": 2}),
        ("conv", "clark2020", {}),
        ("conv", "clark2020", {"epochs": 2}),
    ]


def test_an_experiment_is_one_for_each_recipe_unless_it_names_its_own():
    own = Turn(turn="contrast", data="digits", levels=(1.0, 0.5), recipe="afif2018")
    study = Study(
        name="a",
        nets=("conv",),
        data=("digits",),
        recipe=("quick", "clark2020"),
        dials=(msgspec.structs.replace(own, recipe=None), own),
    )
    assert [turn.recipe for turn in study.turns()] == ["quick", "clark2020", "afif2018"]


def test_networks_name_the_recipe_that_trains_them():
    def cells(*nets: str, **options) -> list[tuple[str, str]]:
        study = choose_study(None, StudyOptions(nets=list(nets), data=["digits"], **options))
        return [(cell.net, cell.recipe) for cell in study.grid()]

    assert cells("conv@quick", "NiN@Modern") == [("conv", "quick"), ("nin", "modern")]
    assert cells("conv", "nin@modern", recipe="clark2020") == [("conv", "clark2020"), ("nin", "modern")]
    assert cells("conv@quick", "conv@modern") == [("conv", "quick"), ("conv", "modern")]
    assert cells("conv", "conv@modern", recipe="quick") == [("conv", "quick"), ("conv", "modern")]
    assert cells("conv@modern", "nin", recipe="quick,clark2020") == [
        ("conv", "modern"),
        ("nin", "quick"),
        ("nin", "clark2020"),
    ]


@pytest.mark.parametrize(
    ("nets", "words"),
    [
        ("conv@quik", "recipe 'quik': did you mean quick"),
        ("konv@quick", "'konv': did you mean conv"),
        ("conv@quick,conv@quick", "twice: conv"),
        ("conv,conv", "twice: conv"),
    ],
)
def test_networks_with_recipes_that_do_not_exist(nets, words):
    with pytest.raises(BakeoffError, match=re.escape(words)):
        plan(choose_study(None, StudyOptions(nets=nets, data=["digits"], changes={"image.scale": 4})))
