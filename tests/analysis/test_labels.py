"""Names of recipes in tables."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ranked import RECIPE, result

from bakeoff.analysis.cells import group_cells
from bakeoff.analysis.labels import with_epochs
from bakeoff.analysis.ranking import rank
from bakeoff.spec.recipe import L2, SGD, Augment, Cosine, Stop
from bakeoff.spec.run import PROTOCOL
from generated import RECIPES


class TestLabels:
    """One recipe has one table, whatever name it was given; two recipes never share one."""

    def test_do_not_depend_on_the_order_of_typing(self):
        changed = msgspec.structs.replace(RECIPE, epochs=4, batch_size=8)
        one = msgspec.structs.replace(changed, name="plain (epochs=4, batch_size=8)")
        other = msgspec.structs.replace(changed, name="plain (batch_size=8, epochs=4)")
        third = msgspec.structs.replace(other, optimizer=SGD(lr=0.2))  # a network that is treated in its own way
        rows = rank([result("a", recipe=one), result("b", recipe=other), result("c", recipe=third)])
        assert {row.recipe for row in rows} == {"plain (batch_size=8, epochs=4)"}

    def test_spell_sizes_as_now_whatever_older_versions_wrote(self):
        image = msgspec.structs.replace(RECIPE.image, size=(48, 64))
        old = msgspec.structs.replace(RECIPE, image=image, name="plain (epochs=3, image.size=[48, 64])")
        new = msgspec.structs.replace(old, name="plain (epochs=3, image.size=48x64)")
        [row] = rank([result("a", recipe=old), result("a", seed=1, recipe=new)])
        assert row.recipe == new.name

    def test_say_what_differs_where_a_network_met_two_recipes_of_one_name(self):
        longer = msgspec.structs.replace(RECIPE, epochs=9)
        gentle = msgspec.structs.replace(RECIPE, optimizer=SGD(lr=0.01))
        rows = rank([result("a"), result("a", recipe=longer), result("b", recipe=longer), result("c", recipe=gentle)])
        assert {(row.net, row.recipe) for row in rows} == {
            ("a", "plain (epochs=3)"),
            ("a", "plain (epochs=9)"),
            ("b", "plain (epochs=9)"),
            ("c", "plain (epochs=3)"),
        }

    @pytest.mark.parametrize("changes", [{"stop": Stop("train_loss", 3)}, {"l2": L2(1e-4, "weights")}])
    def test_say_what_differs_where_one_recipe_lacks_a_table(self, changes):
        rows = rank([result("a"), result("a", recipe=msgspec.structs.replace(RECIPE, **changes))])
        assert len({row.recipe for row in rows}) == 2
        assert all(f"{next(iter(changes))}." in row.recipe for row in rows)

    @pytest.mark.parametrize(
        ("changes", "shown"),
        [
            ({"augment": Augment(mixup=0.2)}, "augment.mixup=0.2"),
            ({"augment": Augment(resized_crop=(0.35, 1.0))}, "augment.resized_crop=[0.35, 1.0]"),
            ({"average": 0.999}, "average=0.999"),
            ({"clip_norm": 1.0}, "clip_norm=1.0"),
            ({"layer_decay": 0.75}, "layer_decay=0.75"),
            ({"freeze": "stem,blocks.0"}, "freeze=stem,blocks.0"),
            ({"head_schedule": Cosine(final=0.5)}, "head_schedule.final=0.5"),
        ],
    )
    def test_say_which_piece_of_modern_or_finetune_differs(self, changes, shown):
        rows = rank([result("a"), result("a", recipe=msgspec.structs.replace(RECIPE, **changes))])
        (changed,) = [row.recipe for row in rows if shown in row.recipe]
        assert changed.startswith("plain (")
        assert len({row.recipe for row in rows}) == 2

    @given(recipes=st.lists(RECIPES, max_size=6), called=st.sampled_from(["a", "a (epochs=3)", "a (with b)"]))
    def test_are_different_for_different_recipes_of_a_network(self, recipes, called):
        found = group_cells(result("a", recipe=msgspec.structs.replace(recipe, name=called)) for recipe in recipes)
        assert len({cell.recipe for cell in found}) == len({recipe.key for recipe in recipes})

    def test_state_the_number_of_epochs_that_a_recipe_has(self):
        """Older versions gave shorter trainings of a contest the name of the last one."""
        short = msgspec.structs.replace(RECIPE, epochs=2, name="plain (epochs=5, schedule=cooldown)")
        [row] = rank([result("a", recipe=short)])
        assert row.recipe == "plain (epochs=2, schedule=cooldown)"

    def test_are_never_longer_than_a_table_is_wide(self):
        changes = ", ".join(f"augment.field{number}=0.123" for number in range(9))
        names = [f"plain (epochs=3, schedule=cooldown) ({changes}{last})" for last in (1, 2)]
        gentle = msgspec.structs.replace(RECIPE, optimizer=SGD(lr=0.01))
        rows = rank(
            [
                result("a", recipe=msgspec.structs.replace(recipe, name=name))
                for recipe, name in zip((RECIPE, gentle), names, strict=True)
            ]
        )
        assert len({row.recipe for row in rows}) == 2
        assert all(row.recipe.startswith("plain (11 changes #") and len(row.recipe) < 40 for row in rows)

    def test_change_with_the_number_of_epochs(self):
        assert with_epochs(RECIPE, RECIPE.epochs) == RECIPE
        assert with_epochs(RECIPE, 2).name == "plain (epochs=2)"
        named = msgspec.structs.replace(RECIPE, name="tuned@873af4f2 (schedule=cooldown)")
        assert with_epochs(named, 2).name == "tuned@873af4f2 (epochs=2, schedule=cooldown)"
        assert with_epochs(named, 2).epochs == 2

    def test_tell_protocols_apart_where_there_are_several(self):
        new = result("a", accuracy=0.5)
        old = replace(new, run=msgspec.structs.replace(new.run, protocol=1))
        assert {cell.recipe for cell in group_cells([new])} == {cell.recipe for cell in group_cells([old])} == {"plain"}
        assert [cell.recipe for cell in group_cells([old, new])] == [
            "plain (protocol 1)",
            f"plain (protocol {PROTOCOL})",
        ]
