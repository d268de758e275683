"""What a package adds can be used by its name, and is known by its package, version and source."""

import re
import shutil
import sys

import msgspec
import pytest
import torch
from click.shell_completion import ShellComplete
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from bakeoff.cli import cli
from bakeoff.data import ADDED
from bakeoff.errors import BakeoffError, BakeoffWarning
from bakeoff.execution.names import known_data, known_network, known_recipe
from bakeoff.execution.tryout import is_foreign
from bakeoff.nets import NETS, build, find_net
from bakeoff.spec import plugins
from bakeoff.spec.data import DataInfo, ImageShape
from bakeoff.studies.recipes import RECIPES
from packages import ENTRY_POINTS, FILES, NETWORKS, install

SHAPE = ImageShape(1, 8, 8)
INFO = DataInfo("digits", SHAPE, ("a", "b"), "", 100, 0, 20, False)


@pytest.fixture
def beside(monkeypatch):
    """Let this process find the packages of a folder."""

    def find(folder) -> None:
        monkeypatch.syspath_prepend(str(folder))
        forget()

    yield find
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Clear what was found and imported."""
    plugins.offered.cache_clear()
    plugins.warn_once.cache_clear()
    for registry in (NETS, RECIPES, ADDED):
        registry._loaded.clear()
    for module in [name for name in sys.modules if name.partition(".")[0] in ("acme", "other", "broken")]:
        del sys.modules[module]


@pytest.fixture
def acme(beside, packages):
    beside(packages)


def test_a_network_is_known_by_package_version_and_source(acme):
    name = known_network("TinyNet")
    assert re.fullmatch(r"tinynet@acme-1\.2\.0-[0-9a-f]{8}", name)
    assert known_network(name) == name
    assert build(name, SHAPE, 5)[1].out_features == 5
    assert "acme 1.2.0" in find_net(name).source


def test_another_source_or_version_is_another_network(beside, packages, tmp_path):
    beside(packages)
    name = known_network("tinynet")
    edited = install(tmp_path / "edited", files=FILES | {"networks": NETWORKS + "# edited\n"})
    beside(edited)
    with_edit = known_network("tinynet")
    assert with_edit != name
    with pytest.raises(BakeoffError, match=re.escape(f"found {with_edit}")):
        find_net(name)
    beside(install(tmp_path / "newer", version="1.3.0"))
    assert known_network("tinynet") == name.replace("1.2.0", "1.3.0")


def test_a_network_of_a_package_that_is_gone_is_refused_with_its_package(beside, packages, monkeypatch):
    beside(packages)
    name = known_network("tinynet")
    monkeypatch.undo()
    forget()
    with pytest.raises(BakeoffError, match=r"install acme==1\.2\.0"):
        find_net(name)


def test_a_network_starts_from_weights_of_your_own(acme, tmp_path):
    given = build("tinynet", SHAPE, 5).state_dict()
    save_file({name: torch.full_like(value, 0.5) for name, value in given.items()}, tmp_path / "half.safetensors")
    name = known_network(f"tinynet:{tmp_path / 'half.safetensors'}")
    assert name.startswith(f"{known_network('tinynet')}:half@")
    weights = find_net(name).weights
    assert weights is not None
    assert set(weights.load()) == set(given)
    assert is_foreign(name)


def test_recipes_and_data_sets_have_full_names(acme):
    recipe = RECIPES["gentle"]("conv", INFO)
    assert recipe.name == known_recipe("gentle") == RECIPES.full_name("gentle")
    assert recipe.epochs == 2
    assert ADDED["bars"]().info.name == known_data("bars")
    assert known_data("bars~contrast=0.5") == f"{known_data('bars')}~contrast=0.5"


def test_a_data_set_is_made_once(acme, monkeypatch, tmp_path):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    made = ADDED["bars"]()
    monkeypatch.setattr("acme.shapes.np", None)  # making it again would fail
    again = ADDED["bars"]()
    assert again.info == made.info
    assert (again.train.images == made.train.images).all()
    shutil.rmtree(tmp_path / "packs")
    with pytest.raises(BakeoffError, match="bars of the package acme"):
        ADDED["bars"]()


def test_a_misspelled_name_suggests_what_packages_add(acme):
    for kind, find in (("tinyne", find_net), ("gentl", lambda name: RECIPES[known_recipe(name)])):
        with pytest.raises((BakeoffError, KeyError)) as caught:
            find(kind)
        assert kind in str(caught.value)
    with pytest.raises(BakeoffError, match=r"did you mean .*tinynet"):
        find_net("tinynett")
    from bakeoff.data import load_dataset

    with pytest.raises(BakeoffError, match=r"did you mean bars"):
        load_dataset("barz")


def test_names_of_packages_complete(acme):
    complete = ShellComplete(cli, {}, "bakeoff", "_BAKEOFF_COMPLETE")
    for arguments, typed in (("run --nets", "tinyn"), ("run --data", "bar"), ("run --recipe", "gent")):
        assert [item.value for item in complete.get_completions(arguments.split(), typed)]


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("bakeoff.nets", "conv"),
        ("bakeoff.nets", "resnet62"),
        ("bakeoff.datasets", "mnist"),
        ("bakeoff.recipes", "quick"),
        ("bakeoff.nets", "a:b"),
    ],
)
def test_a_name_that_bakeoff_has_is_refused(beside, tmp_path, group, name):
    registry = {"bakeoff.nets": NETS, "bakeoff.datasets": ADDED, "bakeoff.recipes": RECIPES}[group]
    beside(
        install(tmp_path / "site", entry_points=f"[{group}]\n{name.replace(':', chr(58))} = acme.networks:tiny_net\n")
    )
    with pytest.warns(BakeoffWarning, match=r"acme 1\.2\.0 is left out"):
        assert registry.plugins() == {}


def test_a_name_that_two_packages_add_is_refused(beside, packages, tmp_path):
    beside(packages)
    beside(install(tmp_path / "other", name="other", entry_points=ENTRY_POINTS.replace("acme.", "other.")))
    with pytest.warns(BakeoffWarning, match=r"acme 1\.2\.0 and other 1\.2\.0|other 1\.2\.0 and acme 1\.2\.0"):
        assert "tinynet" not in NETS


@pytest.mark.parametrize(
    "broken", ["raise RuntimeError('half installed')", "import no_such_module", "import sys; sys.exit(3)"]
)
def test_a_broken_package_is_one_warning(beside, tmp_path, broken):
    beside(
        install(
            tmp_path / "site",
            name="broken",
            entry_points="[bakeoff.nets]\nbad = broken:net\n",
            files={"__init__": broken},
        )
    )
    with pytest.warns(BakeoffWarning) as told:
        names = [name for name, _ in NETS.items()]
        assert names == [name for name, _ in NETS.items()]
    assert "bad" not in names
    assert "conv" in names
    assert len(told) == 1
    assert "broken 1.2.0" in str(told[0].message)
    with pytest.raises(BakeoffError, match=r"bad of the package broken 1\.2\.0 cannot be loaded"):
        find_net("bad")


def test_a_package_with_damaged_metadata_hides_no_other(beside, packages, tmp_path):
    folder = tmp_path / "site"
    for name, metadata in {"torn": "Name: torn\nVersion: 1.0\n", "nameless": "Version: 1.0\n"}.items():
        about = folder / f"{name}-1.0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}")
        entry = {"torn": b"\xff = torn:net\n", "nameless": b"bad = bad:bad\n"}[name]
        (about / "entry_points.txt").write_bytes(b"[bakeoff.nets]\n" + entry)
    beside(packages)
    beside(folder)
    with pytest.warns(BakeoffWarning) as told:
        assert "tinynet" in NETS
        assert "bad" not in NETS
    assert len(told) == 2
    assert {"torn" in str(each.message) for each in told} == {True, False}


def test_what_a_package_returns_is_checked(acme):
    with pytest.raises(BakeoffError, match="must return a torch module, but returns int"):
        build("not-a-module", SHAPE, 2)
    with pytest.raises(BakeoffError, match=r"wrong of the package acme .* ValueError: no idea"):
        RECIPES["wrong"]("conv", INFO)


class TestFullNames:
    @given(
        name=st.from_regex(plugins.NAME, fullmatch=True),
        package=st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True),
        version=st.from_regex(r"[0-9]+(\.[0-9]+)*(\.post1)?(\+cu118)?", fullmatch=True),
    )
    def test_can_be_taken_apart(self, name, package, version):
        plugin = plugins.Plugin("bakeoff.nets", name, "bakeoff.errors:BakeoffError", package, version)
        parts = plugins.FULL_NAME.fullmatch(plugin.full_name)
        assert parts is not None
        assert (parts["name"], parts["package"]) == (name, package)
        assert parts["version"] == version.replace("+", ".")

    @pytest.mark.parametrize(
        "name", ["conv", "TinyNet@1a2b3c4d", "vgg16-tv+batchnorm", "arrays:petals@1a2b3c4d", "resnet20"]
    )
    def test_are_no_other_names(self, name):
        assert not plugins.is_full_name(name)


class TestCommands:
    def test_a_study_of_what_a_package_adds(self, command):
        options = ["--seeds", "1", "--store", "a.db"]
        done = command("run", "--nets", "tinynet", "--data", "bars", "--recipe", "gentle", *options)
        assert done.returncode == 0, done.stderr
        (table,) = command.json("results", "--store", "a.db")
        assert re.search(r"tinynet@acme-1\.2\.0-[0-9a-f]{8}", msgspec.json.encode(table).decode())

    def test_lists_name_the_package(self, command):
        for what in ("nets", "datasets", "recipes"):
            rows = command.json(what)
            assert {row["package"] for row in rows} == {None, "acme 1.2.0"}

    @pytest.mark.parametrize("arguments", [["--help"], ["datasets"], ["recipes", "gentle"]])
    def test_commands_without_networks_import_none(self, command, arguments):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        assert "acme.networks is imported" not in done.stdout + done.stderr
