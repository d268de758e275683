import linecache
import sys
from functools import partial
from types import ModuleType

import pytest
from torch import nn
from torch.nn import functional as F

from bakeoff.errors import BakeoffError
from bakeoff.nets.from_object import gather_object

WIDTH = 4
SCALES = {"a": (1, 2.5)}
activation = nn.ReLU(inplace=True)
unused = object()


def same(value):
    return value


class Head(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, values):
        return self.linear(values)


class TinyNet(nn.Module):
    """A network with a part, a constant and an import of this file."""

    def __init__(self, images, classes):
        super().__init__()
        self.convolution = nn.Conv2d(images.channels, WIDTH, 3)
        self.head = Head(WIDTH, classes)

    def forward(self, images):
        maps = F.relu(self.convolution(images))
        return self.head(maps.mean((2, 3)))


def tiny_net(images, classes):
    features = nn.Sequential(nn.Conv2d(images.channels, same(WIDTH), 3), activation, nn.AdaptiveAvgPool2d(1))
    return nn.Sequential(features, nn.Flatten(), nn.Linear(WIDTH, classes))


def test_the_text_has_what_is_used_and_nothing_else():
    text = gather_object(TinyNet).text
    for part in ("class TinyNet(nn.Module)", "class Head(nn.Module)", "WIDTH = 4", "import functional as F"):
        assert text.count(part) == 1
    assert "tiny_net" not in text and "pytest" not in text and "unused" not in text
    text = gather_object(tiny_net).text
    assert "activation = nn.ReLU(inplace=True)" in text and "def same(value)" in text
    assert text.index("nn") < text.index("activation = ")


def test_another_text_is_another_network(monkeypatch):
    before = gather_object(TinyNet).text
    monkeypatch.setattr(sys.modules[__name__], "WIDTH", 5)
    assert gather_object(TinyNet).text == before.replace("WIDTH = 4", "WIDTH = 5")


def cell(number: int, text: str, namespace: ModuleType) -> None:
    """Run a cell as the kernel of a notebook does."""
    file = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    exec(compile(text, file, "exec"), vars(namespace))


@pytest.fixture
def notebook(monkeypatch):
    module = ModuleType("notebook_of_a_test")
    monkeypatch.setitem(sys.modules, "notebook_of_a_test", module)
    monkeypatch.setattr(linecache, "cache", dict(linecache.cache))
    cell(1, "import torch\nfrom torch import nn\nimport numpy as np\n\nwidth = 2 + 1\n", module)
    cell(2, "class Base(nn.Module):\n    pass\n\nclass Named(Base):\n    kind = 'a'\n", module)
    return module


def test_cells_of_a_notebook_are_searched(notebook):
    cell(3, "class Net(Named):\n    def __init__(self, images, classes):\n        super().__init__()\n"
         "        self.layer = torch.nn.Linear(width, classes)\n", notebook)  # fmt: skip
    text = gather_object(notebook.Net).text
    assert text.index("class Base") < text.index("class Named") < text.index("class Net")
    assert "width = 3" in text and "import torch\n" in text and "np" not in text
    cell(4, "class Named(Base):\n    kind = 'b'\n", notebook)
    assert "kind = 'b'" in gather_object(notebook.Net).text and "kind = 'a'" not in gather_object(notebook.Net).text


def test_local_names_are_not_taken_for_global_ones(notebook):
    cell(3, "images = object()\nclasses = object()\nx = object()\n", notebook)
    cell(4, "def net(images, classes):\n    x = nn.Linear(images.width, classes)\n    return x\n", notebook)
    assert gather_object(notebook.net).text == "from torch import nn\n\n\ndef net(images, classes):\n" + (
        "    x = nn.Linear(images.width, classes)\n    return x\n"
    )


def test_without_a_source_a_file_is_asked_for():
    namespace = {"nn": nn, "__name__": __name__}
    exec("def net(images, classes):\n    return nn.Linear(1, classes)", namespace)
    with pytest.raises(BakeoffError, match=r"source of net is not known.*into a file"):
        gather_object(namespace["net"])


def test_what_cannot_be_written_is_named(notebook):
    cell(3, "table, other = object(), 2\ndef net(images, classes):\n    return table\n", notebook)
    with pytest.raises(BakeoffError, match="net uses table"):
        gather_object(notebook.net)


class Wrong(nn.Module):
    def __init__(self, classes):
        super().__init__()


def enclosed(width):
    def net(images, classes):
        return nn.Linear(width, classes)

    return net


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (nn.Linear(2, 3), "expected a network's class or a function that builds one"),
        (lambda images, classes: None, "made with def"),
        (partial(tiny_net), "made with def"),
        (Wrong, "Wrong(classes)"),
        (dict, "subclass of torch.nn.Module"),
        (enclosed(3), "net uses width of the function around it"),
    ],
    ids=["module", "lambda", "partial", "arguments", "class", "closure"],
)
def test_what_is_not_a_network_is_refused(given, told):
    with pytest.raises(BakeoffError) as caught:
        gather_object(given)
    assert told in str(caught.value)
