import pytest
from click.shell_completion import ShellComplete

from bakeoff.cli import cli
from bakeoff.cli.complete import networks
from bakeoff.nets import NETS


def offered(arguments: str, typed: str) -> list[str]:
    """What the Tab key offers."""
    complete = ShellComplete(cli, {}, "bakeoff", "_BAKEOFF_COMPLETE")
    return [item.value for item in complete.get_completions(arguments.split(), typed)]


@pytest.mark.parametrize(
    ("arguments", "typed", "some"),
    [
        ("", "re", ["results", "report", "reproduce", "recipes"]),
        ("run --nets", "lenet", ["lenet5", "lenet-afif"]),
        ("run --nets", "conv,resnet1", ["conv,resnet18"]),
        ("run --data", "digits,fash", ["digits,fashion-mnist"]),
        ("run --recipe", "afif", ["afif2018"]),
        ("run", "demo", ["demo"]),
        ("reproduce", "clark", ["clark2020"]),
        ("studies", "sriv", ["srivastava2020"]),
        ("show", "densenet", ["densenet-bc-100-12"]),
        ("ablate drop --from", "con", ["conv"]),
        ("dial mnist --turn", "contrast,clu", ["contrast,clutter"]),
        ("data", "mni", ["mnist"]),
        ("recipes", "qui", ["quick"]),
        ("audit --study", "afif", ["afif2018"]),
    ],
)
def test_names_complete(arguments, typed, some):
    found = offered(arguments, typed)
    assert set(some) <= set(found)
    assert all(name.startswith(typed) for name in found)


def test_names_given_already_are_not_offered_again():
    assert "resnet18,resnet18" not in offered("run --nets", "resnet18,resnet1")


def test_networks_are_known_the_second_time_without_loading_them(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
    assert networks() == list(NETS)
    monkeypatch.setattr("bakeoff.nets.NETS", {})
    assert networks() == list(NETS)
    (tmp_path / "networks.json").write_text("{")
    assert networks() == []
