import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff import studies
from bakeoff.errors import BakeoffError
from bakeoff.studies.study import Study
from bakeoff.studies.toml import line_of, parse_study, read_study, write_study
from generated import values

SHORT = 'name = "é"\nnets = ["conv"]\ndata = ["folder:photos"]\n'


class TestStudyFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
    def test_are_read_in_the_encodings_of_windows(self, tmp_path, encoding):
        text = SHORT if encoding in ("utf-8", "utf-8-sig", "utf-16") else f"\ufeff{SHORT}"
        for begins in ("", "\ufeff"):  # some programs write the mark twice
            (tmp_path / "a.toml").write_bytes(f"{begins}{text}".replace("\n", "\r\n").encode(encoding))
            assert read_study(tmp_path / "a.toml").name == "é"

    @pytest.mark.parametrize("name", ["csv:labels.csv?label=breed&images=../a", "npz:scans.npz", "folder:photos"])
    def test_name_files_with_images_relative_to_themselves(self, tmp_path, monkeypatch, name):
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.toml").write_text(f'name = "a"\nnets = ["conv"]\ndata = ["{name}"]\n')
        monkeypatch.chdir(tmp_path)
        kind, _, path = name.partition(":")
        assert read_study(Path("sub/a.toml")).data == (f"{kind}:sub/{path}",)

    def test_name_folders_and_networks_relative_to_themselves(self, tmp_path, monkeypatch):
        text = """
            name = "a"
            nets = ["conv", "my_net.py:Tiny", "/else/where.py"]
            data = ["mnist", "folder:photos~contrast=0.5", "folder:~/photos", "folder:/photos"]
            data_as = { mnist = "folder:../mnist" }
            [[cells]]
            nets = ["my_net.py"]
            data = ["folder:photos"]
            leave_out = true
            [[variants]]
            data = ["mnist"]
            [[dials]]
            turn = "colour"
            data = "folder:photos"
            levels = [1, 0]
            [[published]]
            net = "my_net.py"
            data = "folder:photos"
        """
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.toml").write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        study = read_study(Path("sub/a.toml"))
        assert study.nets == ("conv", "sub/my_net.py:Tiny", "/else/where.py")
        assert study.data == ("mnist", "folder:sub/photos~contrast=0.5", "folder:~/photos", "folder:/photos")
        assert study.data_as == {"mnist": "folder:sub/../mnist"}
        assert (study.cells[0].nets, study.cells[0].data) == (("sub/my_net.py",), ("folder:sub/photos",))
        assert study.variants[0].data == ("mnist",)
        assert study.dials[0].data == study.published[0].data == "folder:sub/photos"
        monkeypatch.chdir(tmp_path / "sub")
        assert read_study(Path("a.toml")) == parse_study(text, "a")

    def test_that_are_not_files_are_refused_without_blocking(self, tmp_path):
        os.mkfifo(tmp_path / "a.toml")
        with pytest.raises(BakeoffError, match=r"a\.toml: expected a file"):
            read_study(tmp_path / "a.toml")
        with pytest.raises(BakeoffError, match=r"b\.toml.*nested too deeply"):
            parse_study("set = " + "{a = " * 5000, "b.toml")

    @given(study=values(Study))
    def test_are_read_back_as_they_were_written(self, study):
        assert parse_study(write_study(study), "here") == study

    def test_can_be_short(self):
        study = parse_study('name = "tiny"\nnets = ["conv"]\ndata = ["digits"]', "here")
        assert (study.recipe, study.seeds, study.first_seed, study.set) == ("quick", 3, 0, {})

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("seeds = 0", 4, "seeds: expected int >= 1"),
            ("# seeds = 1\n\nseeds = '3'", 6, "seeds: expected int, got str"),
            ("sedes = 2", 4, "unknown field 'sedes': did you mean seeds"),
            ("set = 3", 4, "set: expected object"),
            ("[set]\nepochs = 1\n[[cells]]\nrecipe = 'x'\n[[cells]]\nrecipe = 3", 9, "cells[1].recipe"),
            ("[[cells]]\nnets = ['a']\n[[cells]]\nnets = ['b',\n  3]", 7, "cells[1].nets[1]"),
            ("[[cells]]\nset = {}\n[[cells]]\nrecip = 'x'", 7, "unknown field 'recip': did you mean recipe?"),
            ("cells = [{recipe = 'x'}, {nets = 'conv'}]", 4, "cells[1].nets: expected array, got str"),
        ],
    )
    def test_name_the_line_and_the_field_that_is_wrong(self, text, line, words):
        with pytest.raises(BakeoffError) as caught:
            parse_study(f'name = "a"\nnets = ["conv"]\ndata = ["digits"]\n{text}', "a.toml")
        assert str(caught.value).startswith(f"a.toml, line {line}: ")
        assert words in str(caught.value)

    def test_need_a_name_that_can_be_read(self):
        with pytest.raises(BakeoffError, match="name is empty"):
            parse_study('name = " "\nnets = ["conv"]\ndata = ["digits"]', "a.toml")

    def test_name_the_field_that_is_missing(self):
        with pytest.raises(BakeoffError, match=r"^a\.toml: object missing required field nets$"):
            parse_study('name = "a"', "a.toml")

    @pytest.mark.parametrize("text", ["name = ", 'name = "a"\nname = "b"', "[[cells]\n", "\x00"])
    def test_say_where_they_are_no_toml(self, text):
        with pytest.raises(BakeoffError, match=r"^a\.toml is not valid TOML: .*\(at "):
            parse_study(text, "a.toml")

    @given(text=st.text(st.sampled_from("namets=\"'[]{}.,#\n 1cl"), max_size=60))
    def test_are_read_or_explained_whatever_they_hold(self, text):
        try:
            parse_study(text, "a.toml")
        except BakeoffError as error:
            assert str(error).startswith("a.toml")

    def test_are_found_or_the_path_is_named(self, tmp_path):
        with pytest.raises(BakeoffError, match=r"cannot read the study .*absent\.toml"):
            read_study(tmp_path / "absent.toml")
        (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(BakeoffError, match=r"cannot read the study .*binary\.toml"):
            read_study(tmp_path / "binary.toml")

    @given(study=values(Study), data=st.data())
    def test_lines_of_fields_are_found(self, study, data):
        name = data.draw(st.sampled_from(["name", "nets", "data", "seeds"]))
        text = write_study(study)
        line = line_of(text, name)
        if line is not None:  # what has its default is not written
            assert text.splitlines()[line - 1].startswith(f"{name} = ") or "\n" in study.name + study.about


class TestChangesInStudyFiles:
    """They are looked at when a file is read, with any recipe: its own may not be known yet."""

    START = 'name = "a"\nnets = ["conv"]\ndata = ["digits"]\n'

    @pytest.mark.parametrize(
        ("text", "line", "words"),
        [
            ("set = { epocs = 3 }", 4, "unknown recipe field 'epocs': did you mean epochs?"),
            ("[set]\n'optimizer.beta9' = 3", 5, "unknown recipe field 'optimizer.beta9': did you mean optimizer"),
            ("[set]\n'optimizer.lr' = 'x'", 5, "cannot set optimizer.lr=x: optimizer.lr: expected float, got str"),
            ("[[cells]]\n[[cells]]\nset = { loss = 'mse' }", 6, "loss: unknown value 'mse'"),
            ("[[variants]]\nset = { epochs = 3, 'schedule' = 'up' }", 5, "unknown schedule 'up'"),
            ("[[published]]\nnet = 'a'\ndata = 'b'\nset = { epochs = 0 }", 7, "epochs: expected int >= 1"),
        ],
    )
    def test_are_told_with_their_line_where_they_are_wrong(self, text, line, words, tmp_path):
        path = tmp_path / "a.toml"
        path.write_text(self.START + text)
        with pytest.raises(BakeoffError) as caught:
            read_study(path)
        assert str(caught.value).startswith(f"{path}, line {line}: ")
        assert words in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            "[set]\nschedule = 'steps'\n'schedule.epochs' = [3]\n'schedule.factor' = 0.1",
            "[set]\n'optimizer.rho' = 0.9",
            "[set]\nschedule = 'plateau'\n[[cells]]\nset = { 'schedule.monitor' = 'train_loss', 'schedule.factor' = "
            "0.1, 'schedule.patience' = 2 }",
            "[set]\nstop = 'none'\n'image.size' = 64",
        ],
    )
    def test_may_be_right_together_or_under_some_recipe_only(self, text, tmp_path):
        path = tmp_path / "a.toml"
        path.write_text(self.START + text)
        assert read_study(path).set

    def test_in_the_built_in_studies_are_right(self, tmp_path):
        for name in studies.study_names():
            path = tmp_path / f"{name}.toml"
            path.write_text(write_study(studies.load_study(name)))
            assert read_study(path) == studies.load_study(name)


def test_the_demonstration_is_a_valid_study():
    from bakeoff import studies

    for name in studies.study_names():
        study = studies.load_study(name)
        assert study.name == name
        assert tomllib.loads(write_study(study))["nets"] == list(study.nets)
    with pytest.raises(BakeoffError, match=r"unknown study 'dmo': did you mean demo\? \(or the path of"):
        studies.load_study("dmo")


@pytest.mark.parametrize(
    ("recipe", "recipes"), [('"quick"', ("quick",)), ('["quick", "clark2020"]', ("quick", "clark2020"))]
)
def test_a_study_has_one_recipe_or_several(recipe, recipes):
    study = parse_study(f'name = "a"\nnets = ["conv"]\ndata = ["digits"]\nrecipe = {recipe}\n', "a.toml")
    assert study.recipes == recipes
    assert parse_study(write_study(study), "a.toml") == study
