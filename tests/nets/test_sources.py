"""What a network's file imports from its own folder is part of the network."""

import importlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from own_files import LINEAR, SHAPE, add

from bakeoff.errors import BakeoffError
from bakeoff.nets import build, find_net, user_file
from bakeoff.nets.sources import RUNNING, gather_file

pytestmark = pytest.mark.usefixtures("nothing_known")


NEIGHBOURS = {
    "mine.py": "from torch import nn\nfrom blocks.dense import make\nimport width as w\n"
    "def mine(images, classes):\n    import late\n    return make(images, classes, w.WIDTH + late.MORE)\n",
    "width.py": "from importlib import import_module\nfrom numbers import Number\nWIDTH = 3\n",
    "late.py": "MORE = 1\n",
    "blocks/__init__.py": "",
    "blocks/dense.py": "from torch import nn\nfrom . import sizes\nfrom .deep.shape import flat\n"
    "def make(images, classes, width):\n    return nn.Sequential(flat(), nn.Linear(sizes.of(images), width), "
    "nn.Linear(width, classes))\n",
    "blocks/sizes.py": "def of(images):\n    return images.channels * images.height * images.width\n",
    "blocks/deep/shape.py": "from torch import nn\nfrom ..sizes import of\ndef flat():\n    return nn.Flatten()\n",
    "unused.py": "raise SystemExit\n",
    "numbers.py": "raise SystemExit\n",
}


IMPORTED = {"", "width", "late", "blocks", "blocks.dense", "blocks.sizes", "blocks.deep", "blocks.deep.shape"}


@pytest.fixture
def folder(tmp_path):
    """A network's file and what it imports, in a folder."""

    def write(name: str = "first", **changes: str) -> Path:
        for inside, text in (NEIGHBOURS | changes).items():
            path = tmp_path / name / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / name / "mine.py"

    return write


class TestNeighbours:
    def test_are_those_that_are_imported_here_or_there_now_or_later(self, folder):
        assert set(gather_file(folder())) == IMPORTED

    def test_are_imported_and_hide_nothing(self, folder):
        importlib.invalidate_caches()
        before = set(sys.modules)
        called = add(str(folder()))
        net = build(called, SHAPE, 5)
        assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5) and net[1].out_features == 4
        assert not {name for name in set(sys.modules) - before if not name.startswith("bakeoff_own_")}

    @pytest.mark.parametrize("name", sorted(IMPORTED - {""}))
    def test_are_part_of_what_the_network_is(self, name, folder):
        called = add(str(folder()))
        assert add(str(folder("copy"))) == called
        files = [inside for inside in NEIGHBOURS if inside.replace("/", ".") in (f"{name}.py", f"{name}.__init__.py")]
        for inside in files:
            other = add(str(folder("changed", **{inside: NEIGHBOURS[inside] + "# changed\n"})))
            assert other.startswith("mine@") and other != called

    def test_of_the_same_name_in_two_folders_do_not_meet(self, folder):
        first = add(str(folder()))
        second = add(str(folder("second", **{"width.py": "WIDTH = 7\n"})))
        assert [build(called, SHAPE, 5)[1].out_features for called in (first, second, first)] == [4, 8, 4]

    def test_are_kept_and_read_where_they_were_kept(self, folder, tmp_path, monkeypatch):
        path = folder()
        called = add(str(path))
        user_file.save_sources(called, tmp_path / "kept")
        folder(**dict.fromkeys(NEIGHBOURS, "raise RuntimeError\n"))
        monkeypatch.setattr(user_file, "OWN", {})
        for name in [name for name in sys.modules if name.startswith(f"bakeoff_own_{called[-8:]}")]:
            del sys.modules[name]
        RUNNING.clear()
        user_file.FOLDERS.append(tmp_path / "kept")
        assert build(called, SHAPE, 5)[1].out_features == 4
        assert {source.file for source in RUNNING.popitem()[1].values()} >= {str(path), str(path.with_name("late.py"))}

    def test_that_were_changed_where_they_were_kept_are_not_run(self, folder, tmp_path, monkeypatch):
        called = add(str(folder()))
        user_file.save_sources(called, tmp_path / "kept")
        (tmp_path / "kept" / called / "width.py").write_text("WIDTH = 4\n")
        monkeypatch.setattr(user_file, "OWN", {})
        user_file.FOLDERS.append(tmp_path / "kept")
        with pytest.raises(BakeoffError, match="has changed"):
            find_net(called)

    def test_of_a_file_in_a_package_are_found_by_its_name_and_relatively(self, tmp_path):
        package = tmp_path / "models"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "size.py").write_text("SIZE = 2\n")
        path = package / "net.py"
        for line in ("from .size import SIZE", "from models.size import SIZE", "from size import SIZE"):
            path.write_text(f"{line}\n{LINEAR}\nassert SIZE == 2\n")
            assert add(str(path)).startswith("linear@")

    def test_that_lie_elsewhere_are_named(self, folder, tmp_path, monkeypatch):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "common_blocks.py").write_text("")
        monkeypatch.syspath_prepend(tmp_path / "elsewhere")
        texts = gather_file(folder(**{"mine.py": f"import common_blocks, width, wave\n{LINEAR}"}))
        assert set(texts) == {"", "width"}
        assert user_file.read_contents(texts).outside == ("common_blocks",)

    def test_failing_are_named_with_their_line(self, folder):
        with pytest.raises(BakeoffError, match=r"mine\.py: ValueError: no \(late\.py, line 2\)"):
            add(str(folder(**{"mine.py": "import late\n", "late.py": "\nraise ValueError('no')\n"})))
        with pytest.raises(BakeoffError, match=r"SyntaxError: .* \(late\.py, line 1\)"):
            add(str(folder("second", **{"mine.py": "import late\n", "late.py": "def f(:\n"})))

    @given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), min_size=1))
    @settings(max_examples=50, deadline=None)
    def test_are_all_that_can_be_reached(self, imports):
        with TemporaryDirectory() as place:
            for name, others in imports.items():
                Path(place, f"{name}.py").write_text("".join(f"import {other}\n" for other in others))
            Path(place, "start.py").write_text("import a\n")
            reached, todo = set(), ["a"]
            while todo:
                if (name := todo.pop()) in imports and name not in reached:
                    reached.add(name)
                    todo += imports[name]
            assert set(gather_file(Path(place, "start.py"))) == {"", *reached}
