import codecs
import hashlib
import sys

import pytest
import torch
from own_files import LINEAR, SHAPE, add
from torch import nn

from bakeoff.errors import BakeoffError
from bakeoff.execution.names import known_network
from bakeoff.execution.options import StudyOptions
from bakeoff.execution.session import choose_study
from bakeoff.nets import build, find_net, guard, user_file
from bakeoff.nets.fast import to_device
from bakeoff.nets.guard import undone
from bakeoff.nets.sources import digest_sources, gather_file
from bakeoff.nets.summary import summarize

pytestmark = pytest.mark.usefixtures("nothing_known")


class TestNames:
    def test_are_those_of_the_network_and_its_text(self, file):
        called = add(str(file(LINEAR)))
        name, _, digest = called.partition("@")
        assert name == "linear" and len(digest) == 8
        assert add(f"{file(LINEAR, 'copy.py')}:linear") == called
        assert add(str(file(LINEAR + "# another text\n"))) != called

    def test_stand_in_a_study_wherever_networks_are_named(self, file, tmp_path):
        path, study = file(LINEAR), tmp_path / "study.toml"
        study.write_text(
            f'name = "mine"\nnets = ["{path}", "conv"]\ndata = ["digits"]\n[[cells]]\nnets = ["{path}:linear"]\n'
            "set = { epochs = 3 }\n"
        )
        called = add(str(path))
        made = choose_study(str(study), StudyOptions())
        assert made.nets == (called, "conv")
        assert made.cells[0].nets == (called,)
        assert choose_study(None, StudyOptions(nets=[f"{path}:linear"])).nets == (called,)
        assert known_network("conv") == "conv"


class TestNetworks:
    def test_are_built_counted_and_sped_up_like_any(self, file):
        called = add(str(file(LINEAR)))
        net = build(called, SHAPE, 5)
        assert net(torch.zeros(2, 3, 8, 8)).shape == (2, 5)
        assert summarize(called, SHAPE, 5).total == 3 * 64 * 5 + 5
        assert isinstance(to_device(net, "cpu"), nn.Module)
        assert find_net(called).source == str(file(LINEAR))

    def test_may_be_classes_with_more_arguments_beside_their_parts(self, file):
        path = file(
            "from torch import nn\n"
            "class _Part(nn.Module):\n    def __init__(self, inputs, outputs):\n        super().__init__()\n"
            "class Net(nn.Module):\n    def __init__(self, images, classes, width=4):\n"
            "        super().__init__()\n        self.layer = nn.Linear(images.width, classes)\n"
            "    def forward(self, x):\n        return self.layer(x.mean((1, 2)))\n"
            "def helper(x):\n    return x\n"
        )
        called = add(str(path))
        assert called.startswith("Net@")
        assert build(called, SHAPE, 5)(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


class TestKept:
    def test_texts_are_found_where_they_were_kept(self, file, tmp_path, monkeypatch):
        called = add(str(file(LINEAR)))
        user_file.save_sources(called, tmp_path / "kept")
        user_file.save_sources("conv", tmp_path / "kept")
        assert {path.name for path in (tmp_path / "kept").iterdir()} == {f"{called}.py", f"{called}.json"}
        monkeypatch.setattr(user_file, "OWN", {})  # as in a worker
        user_file.FOLDERS.append(tmp_path / "kept")
        assert build(called, SHAPE, 5)(torch.zeros(1, 3, 8, 8)).shape == (1, 5)

    def test_texts_that_were_changed_are_not_run(self, file, tmp_path, monkeypatch):
        called = add(str(file(LINEAR)))
        user_file.save_sources(called, tmp_path)
        monkeypatch.setattr(user_file, "OWN", {})
        user_file.FOLDERS.append(tmp_path)
        user_file.source_path(tmp_path, called).write_text("raise SystemExit")
        with pytest.raises(BakeoffError, match="has changed"):
            find_net(called)

    def test_nowhere_are_asked_for(self):
        with pytest.raises(
            BakeoffError, match=r"linear@12345678 comes from a file: give that, such as my_net.py:linear"
        ):
            find_net("linear@12345678")


class TestTexts:
    def test_have_the_identity_they_had_before_neighbours_counted(self, file):
        assert digest_sources(gather_file(file("x = 1\n"))) == hashlib.sha256(b"x = 1\n").hexdigest()[:8]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
    def test_may_be_in_another_encoding(self, encoding, file):
        text = "# -*- coding: latin-1 -*-\n" + LINEAR + "# é\n"
        expected = add(str(file(text.replace("latin-1", "utf-8"))))
        path = file("", "other.py")
        mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else b""
        path.write_bytes(mark + (text if encoding == "latin-1" else text.replace("latin-1", "utf-8")).encode(encoding))
        called = add(str(path))
        assert called == expected or encoding == "latin-1"
        assert user_file.OWN[called].sources[""].text.endswith("# é\n")

    def test_may_begin_with_two_marks(self, file):
        path = file("", "other.py")
        path.write_bytes(f"\ufeff{LINEAR}".encode("utf-16"))
        assert add(str(path)) == add(str(file(LINEAR)))

    def test_with_other_line_ends_are_the_same(self, file):
        expected = add(str(file(LINEAR)))
        path = file("", "windows.py")
        path.write_bytes(LINEAR.replace("\n", "\r\n").encode())
        assert add(str(path)) == expected

    def test_in_no_encoding_are_reported(self, file):
        path = file("")
        path.write_bytes(b"# \xe9\n")
        with pytest.raises(BakeoffError, match=r"mine\.py.*save it as UTF-8"):
            gather_file(path)
        with pytest.raises(BakeoffError, match="is not a file"):
            gather_file(path.parent)


SETTINGS = {
    "torch.manual_seed(42)": "the seed of torch",
    "torch.rand(1)": "",
    "numpy.random.seed(1)": "the seed of numpy.random",
    "random.seed(1)": "the seed of random",
    "torch.set_default_dtype(torch.float64)": "torch.set_default_dtype",
    "torch.set_default_device('meta')": "torch.set_default_device",
    "torch.set_grad_enabled(False)": "torch.set_grad_enabled",
    "torch.use_deterministic_algorithms(True)": "torch.use_deterministic_algorithms",
    "torch.set_num_threads(torch.get_num_threads() + 1)": "torch.set_num_threads",
    "torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark": "torch.backends.cudnn.benchmark",
    "os.chdir('/')": "os.chdir",
}


@pytest.mark.parametrize(("line", "told"), SETTINGS.items())
class TestWhatAFileChangesForAll:
    HEAD = "import os, random, numpy, torch\n"

    def test_when_it_is_read_is_undone_and_told(self, line, told, file):
        texts = gather_file(file(f"{self.HEAD}{line}\n{LINEAR}"))
        with undone(guard.SETTINGS | guard.STREAMS) as left:
            changed = user_file.read_contents(texts).changed
        assert (changed, left) == ((told,) if told else (), [])

    def test_when_it_is_built_is_undone(self, line, told, file):
        text = LINEAR.replace("    return", f"    {line}\n    return")
        called = add(str(file(self.HEAD + text)))
        with undone(guard.SETTINGS) as left:
            build(called, SHAPE, 5)
        assert left == []
        assert user_file.CHANGED[called] == ([] if "seed" in told or not told else [told])


def test_first_weights_do_not_depend_on_when_a_file_is_read(file):
    called = add(str(file(f"import torch\ntorch.manual_seed(42)\n{LINEAR}")))
    weights = []
    for _ in range(2):
        torch.manual_seed(7)
        weights.append(build(called, SHAPE, 5)[1].weight)
        sys.modules.pop(f"bakeoff_own_{called[-8:]}", None)
    torch.manual_seed(7)
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], nn.Linear(192, 5).weight)


def test_numpy_and_python_draw_from_the_seed_of_a_run(file):
    text = "import random, numpy, torch\nfrom torch import nn\ndef net(images, classes):\n    m = nn.Linear(1, 1)\n"
    called = add(str(file(text + "    m.drawn = random.random(), numpy.random.rand()\n    return m\n")))
    drawn = {}
    for seed in (1, 2, 1):
        torch.manual_seed(seed)
        drawn.setdefault(seed, set()).add(build(called, SHAPE, 5).drawn)
    assert [len(values) for values in drawn.values()] == [1, 1] and drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_there\n", r"ModuleNotFoundError: No module named 'nothing_there' \(mine\.py, line 1\)"),
        ("x = 1\ndef f(:\n", r"SyntaxError: invalid syntax \(mine\.py, line 2\)"),
        ("import sys\nsys.exit(0)\n", r"SystemExit: it ends the program \(0\) \(mine\.py, line 2\)"),
        ("x = 1\n", "has no network: no function or class of"),
        ("def a(x, y): ...\ndef b(x, y): ...\n", r"has several networks: write .*mine.py:a or .*mine.py:b"),
    ],
)
def test_unusable_files_are_reported(text, words, file):
    with pytest.raises(BakeoffError, match=words):
        add(str(file(text)))


def test_files_and_networks_that_are_not_there_are_reported(file):
    with pytest.raises(BakeoffError, match=r"cannot read the network .*absent\.py: No such file"):
        add("absent.py")
    with pytest.raises(BakeoffError, match="has no network 'square'; choose from linear"):
        add(f"{file(LINEAR)}:square")
    with pytest.raises(BakeoffError, match="has no network 'two words'; choose from linear"):
        known_network(f"{file(LINEAR)}:two words")
