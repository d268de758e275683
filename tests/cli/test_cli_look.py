import csv
import io
import json
import re

import msgspec
import numpy as np
import pytest
from PIL import Image

import tiny
from bakeoff.cli import COMMANDS, cli
from bakeoff.execution.plan import make_record
from bakeoff.spec.records import Failure
from bakeoff.store.store import Store

SEEN = ("help", "classes", "form")
"""Options whose names the help shows in another form."""


@pytest.mark.parametrize("command", COMMANDS)
class TestHelp:
    def test_exists_for_every_command_and_option(self, command, bakeoff):
        said = bakeoff(command, "--help")
        assert said.code == 0
        assert "Usage: bakeoff" in said.out
        loaded = cli.get_command(None, command)
        assert loaded.help
        assert len(loaded.help.split()) > 3
        for parameter in loaded.params:
            if parameter.param_type_name == "option" and not parameter.hidden and parameter.name not in SEEN:
                assert parameter.help, f"{command} --{parameter.name} is undocumented"
                assert parameter.opts[-1] in said.out

    def test_is_grouped(self, command):
        import rich_click

        grouped = {name for group in rich_click.rich_click.COMMAND_GROUPS["bakeoff"] for name in group["commands"]}
        assert command in grouped


@pytest.mark.parametrize("command", ["run", "show", "data", "reproduce", "compare", "ablate", "studies"])
def test_help_of_commands_with_arguments_has_examples(command, bakeoff):
    said = bakeoff(command, "--help")
    assert f"bakeoff {command} " in said.out.split("Usage", 1)[1].split("\n", 1)[1]


def test_without_a_command_there_is_help(bakeoff):
    said = bakeoff()
    assert "bakeoff run --nets lenet-afif,resnet20 --data mnist" in said.out + said.err
    assert bakeoff("--version").out.startswith("bakeoff, version ")


class TestLists:
    @pytest.mark.parametrize(
        ("command", "key", "some"),
        [
            ("nets", "net", {"lenet-afif", "conv", "drop", "resnet20"}),
            ("datasets", "name", {"digits", "mnist", "cifar10", "svhn"}),
            ("recipes", "recipe", {"quick", "afif2018", "clark2020"}),
            ("studies", "study", {"demo", "dials", "afif2018", "srivastava2020", "clark2020", "skoularikis2021"}),
        ],
    )
    def test_come_as_tables_and_as_json(self, command, key, some, bakeoff):
        rows = json.loads(bakeoff(command, "--json").out)
        assert some <= {row[key] for row in rows}
        assert len({tuple(row) for row in rows}) == 1
        said = bakeoff(command)
        assert said.code == 0
        assert all(name in said.out for name in some)

    def test_of_networks_count_parameters_at_the_shape_asked_for(self, bakeoff):
        rows = {row["net"]: row for row in json.loads(bakeoff("nets", "--images", "1x28x28", "--json").out)}
        assert rows["lenet-afif"]["parameters"] == 150_742
        assert rows["inception-v3"]["parameters"] is None


def test_a_network_is_shown_layer_by_layer(bakeoff):
    facts = json.loads(bakeoff("show", "lenet-afif", "--images", "1x28x28", "--json").out)
    counts = ["total", "trainable", "non_trainable", "flops", "layers"]
    assert list(facts) == ["net", "images", "classes", *counts, "blanks"]
    assert (facts["total"], facts["images"], facts["classes"]) == (150_742, "1x28x28", 10)
    assert sum(layer["parameters"] for layer in facts["layers"]) == 150_742
    said = bakeoff("show", "lenet-afif", "--images", "1x28x28")
    assert "150,742 parameters (150,742 trainable, 0 not)" in said.out


def test_a_recipe_is_shown_field_by_field(bakeoff):
    facts = json.loads(bakeoff("recipes", "afif2018", "--net", "resnet20v1-keras", "--json").out)
    assert facts["optimizer"]["eps_before_correction"] is True
    assert facts["stop"] is None
    said = bakeoff("recipes", "quick")
    assert "optimizer.weight_decay" in said.out
    shown = {
        line.split()[0]: line.split()[1:] for line in bakeoff("recipes", "modern").out.splitlines() if line[:2] == "  "
    }
    assert (shown["augment.mixup"], shown["clip_norm"], shown["freeze"]) == (["0.2"], ["1.0"], ["none"])
    assert "Change any of them with --set FIELD=VALUE." in said.out


def test_a_data_set_is_described(bakeoff):
    facts = json.loads(bakeoff("data", "digits", "--json").out)
    assert facts["name"] == "digits"
    assert bakeoff("data", "digits").code == 0


def test_a_folder_with_images_of_several_sizes_is_described(bakeoff, tmp_path):
    for number, name in enumerate("aaabbb"):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.new("RGB", (20 + number, 30), (40 * number, 0, 0)).save(tmp_path / name / f"{number}.png")
    said = bakeoff("data", f"folder:{tmp_path}")
    assert (said.code, said.err) == (0, "")
    assert "3x64x64, 2 classes" in said.out
    assert "6 image sizes, height×width: 30×20 (1)" in said.out
    assert "at 64×64, centre-cropped" in said.out
    facts = json.loads(bakeoff("data", f"folder:{tmp_path}", "--json").out)
    assert facts["image"] == {"size": [64, 64], "fit": "crop"}
    assert facts["sizes"][0] == [30, 20, 1]
    assert "3x40x50" in bakeoff("data", f"folder:{tmp_path}", "--size", "40x50").out


def test_photographs_of_one_size_are_described_as_they_are_trained_on(bakeoff, tmp_path):
    for number, name in enumerate("aaabbb"):
        (tmp_path / name).mkdir(exist_ok=True)
        noise = np.random.default_rng(number).integers(0, 256, (75, 100, 3), np.uint8)
        Image.fromarray(noise).resize((1000, 750)).save(tmp_path / name / f"{number}.jpg")
    folder = f"folder:{tmp_path}"
    said = bakeoff("data", folder)
    assert said.code == 0
    assert "3x64x64, 2 classes" in said.out
    assert "image size, height×width: 750×1000 (6)" in said.out
    assert "compared pixel by pixel at 64×64" in said.out
    recipe = json.loads(bakeoff("recipes", "quick", "--data", folder, "--json").out)
    assert recipe["image"] == {"size": [64, 64], "fit": "crop", "scale": 1, "interpolation": "bilinear"}


def test_small_images_of_one_size_are_left_as_they_are(bakeoff, tmp_path):
    for number, name in enumerate("aaabbb"):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.new("RGB", (48, 32), (40 * number, 0, 0)).save(tmp_path / name / f"{number}.png")
    assert "as they are" in bakeoff("data", f"folder:{tmp_path}").out
    assert "at 32×32, centre-cropped" in bakeoff("data", f"folder:{tmp_path}", "--size", "32").out


class TestResults:
    def test_come_in_all_formats(self, trained, bakeoff):
        store, said = trained
        rows = json.loads(said.out)
        assert json.loads(bakeoff("results", "--store", store, "--format", "json").out) == rows
        assert json.loads(bakeoff("results", "--store", store, "--json").out) == rows
        read = list(csv.DictReader(io.StringIO(bakeoff("results", "--store", store, "--format", "csv").out)))
        assert [row["net"] for row in read] == [row["net"] for row in rows]
        assert [float(row["test_accuracy"]) for row in read] == [row["test_accuracy"] for row in rows]
        markdown = bakeoff("results", "--store", store, "--format", "markdown").out
        assert markdown.startswith("### digits, recipe quick (")
        assert "Reported epoch: last epoch" in markdown
        table = bakeoff("results", "--store", store).out
        assert "digits, recipe quick (epochs=2, images_per_class=20, validation=50)" in table
        for row in rows:
            assert row["net"] in table
            assert f"{100 * row['test_accuracy']:.1f}" in table  # one decimal for 360 test images

    def test_of_an_empty_store_say_so(self, bakeoff, tmp_path):
        path = tmp_path / "a.db"
        Store(path, create=True).close()
        assert bakeoff("results", "--store", str(path)).out.startswith("The store has no runs yet")
        assert json.loads(bakeoff("results", "--store", str(path), "--json").out) == []

    def test_are_written_to_a_page(self, trained, bakeoff, tmp_path):
        page = tmp_path / "page.html"
        said = bakeoff("report", "--store", trained[0], "-o", str(page), "--title", "<Mine> & yours")
        assert said.code == 0
        assert str(page) in said.out
        assert "lenet-afif" in page.read_text()
        assert "<Mine>" not in page.read_text()

    def test_without_any_mistake_make_a_page_too(self, bakeoff, tmp_path):
        tiny.finished_store(tmp_path / "a.db", clarity=2)
        said = bakeoff("report", "--store", str(tmp_path / "a.db"), "-o", str(tmp_path / "a.html"))
        assert (said.code, said.err) == (0, "")
        assert re.search(r"100(\.0+)?\u202f%", bakeoff("results", "--store", str(tmp_path / "a.db")).out)

    def test_with_brackets_in_their_names_are_printed_as_they_are(self, bakeoff, tmp_path):

        import tiny

        run = msgspec.structs.replace(tiny.run(), data="folder:my[/b]photos[red]")
        path = tmp_path / "a[1].db"
        with tiny.ClaimingStore(path, create=True) as store:
            store.add([run], [make_record(tiny.dataset())])
            store.fail(run.id, Failure("error", "RuntimeError: [enforce fail at x.cc] [/oops]"), {})
        said = bakeoff("results", "--store", str(path))
        assert said.code == 0
        assert "photos[red]" in said.out
        assert "RuntimeError: [enforce fail at x.cc] [/oops]" in said.out


def test_networks_say_where_to_begin(bakeoff):
    from bakeoff.nets import NETS, PRETRAINED, SHORTLIST

    assert {name for names in SHORTLIST.values() for name in names} <= {*NETS, *PRETRAINED}
    said = bakeoff("nets")
    assert all(purpose in said.out for purpose in SHORTLIST)
    rows = json.loads(bakeoff("nets", "--json").out)
    assert next(row for row in rows if row["net"] == "conv")["good_for"] == ["a first try on small images, in minutes"]
    assert {row["net"]: row["parameters"] for row in rows}["efficientnet-lite0:imagenet"] > 3e6


def test_a_store_without_a_finished_run_has_nothing_to_audit(bakeoff, tmp_path):
    with Store(tmp_path / "a.db", create=True) as store:
        store.add([tiny.run()], [make_record(tiny.dataset())])
    said = bakeoff("audit", "--store", str(tmp_path / "a.db"))
    assert "No run has finished yet" in said.out and "Found" not in said.out
    assert json.loads(bakeoff("audit", "--store", str(tmp_path / "a.db"), "--json").out) == []
