"""What bakeoff run --dry-run checks and prints."""

import json
import os
import shutil
from types import SimpleNamespace

import pytest


class TestDryRun:
    def test_prints_the_plan_and_trains_nothing(self, bakeoff, tmp_path):
        store = tmp_path / "b.db"
        said = bakeoff("run", "--dry-run", "--json", "--seeds", "2", "--store", str(store))
        plan = json.loads(said.out)
        assert (plan["study"], plan["runs"], plan["left"]) == ("demo", 8, 8)
        assert plan["workers"] >= 1
        assert plan["estimated_seconds"] > 0
        assert [cell["net"] for cell in plan["cells"]] == ["lenet-afif", "conv", "drop", "resnet20"]
        assert all(cell["seconds_per_run"] > 0 and cell["epochs"] == 8 for cell in plan["cells"])
        assert not store.exists()

    @pytest.mark.parametrize("command", ["run", "reproduce", "ablate", "dial"])
    def test_needs_no_data(self, command, bakeoff, tmp_path, monkeypatch):
        monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "none"))
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
        asked = {
            "run": ["run", "--nets", "lenet-afif", "--data", "mnist~contrast=0.5"],
            "reproduce": ["reproduce", "afif2018", "--nets", "lenet-afif", "--data", "mnist"],
            "ablate": ["ablate", "drop", "--from", "conv", "--data", "mnist"],
            "dial": ["dial", "mnist", "--turn", "classes", "--steps", "2", "--nets", "lenet-afif"],
        }[command]
        said = bakeoff(*asked, "--dry-run", "--json", "--store", str(tmp_path / "a.db"))
        plan = json.loads(said.out)
        assert all(name.startswith("mnist") for name in plan["to_fetch"]) and plan["to_fetch"]
        assert plan["left"] == plan["runs"] > 0 and plan["estimated_seconds"] > 0
        assert not list(tmp_path.rglob("*.gz"))

    def test_sees_what_would_fail(self, bakeoff, tmp_path, trained, tiny_options):
        asked = ["run", "--data", "digits", "--dry-run", "--store", str(tmp_path / "a.db")]
        both = bakeoff(*asked, "--nets", "conv,drop").err
        assert "conv needs at least" in both and "drop needs at least" in both and both.count("\n") == 1
        (tmp_path / "net.py").write_text(
            "from torch import nn\n"
            "class Net(nn.Module):\n"
            "    def __init__(self, images, classes):\n"
            "        super().__init__()\n"
            "        self.last = nn.Linear(images.height * images.width, classes)\n"
            "    def forward(self, x):\n"
            "        return self.last(x.flatten(1)).detach()\n"
        )
        said = bakeoff(*asked, "--nets", f"{tmp_path}/net.py")
        assert said.code == 2 and "Net@" in said.err
        assert bakeoff(*asked[:-1], "absent/a.db", "--nets", "lenet-afif").code == 2
        assert bakeoff(*asked, "--nets", "lenet-afif", "--device", "cuda:7").code == 2
        store = tmp_path / "copy.db"
        shutil.copyfile(trained[0], store)  # without its weights
        known = ["run", "--nets", "nin", "--data", "digits", "--seeds", "1", *tiny_options, "--store", str(store)]
        warned = json.loads(bakeoff(*known, "--robustness", "--dry-run", "--json").out)
        assert "weights" in warned["warnings"][0] and "--restart" in warned["warnings"][0]

    def test_says_when_memory_may_be_short(self, bakeoff, tmp_path, monkeypatch):
        free = SimpleNamespace(available=10)
        monkeypatch.setattr("psutil.virtual_memory", lambda: free)
        asked = ["run", "--nets", "lenet-afif", "--data", "digits", "--dry-run", "--store", str(tmp_path / "a.db")]
        assert "use fewer --workers" in bakeoff(*asked).out

    @pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
    def test_sees_a_store_that_cannot_be_written(self, bakeoff, tmp_path):
        tmp_path.chmod(0o500)
        said = bakeoff("run", "--dry-run", "--store", str(tmp_path / "a.db"))
        tmp_path.chmod(0o700)
        assert said.code == 2 and "cannot make the store" in said.err

    def test_counts_what_is_in_the_store(self, bakeoff, trained, tiny_options):
        arguments = ["run", "--nets", "lenet-afif,nin", "--data", "digits", "--seeds", "3", *tiny_options]
        said = bakeoff(*arguments, "--store", trained[0], "--dry-run")
        assert "6 runs, 2 of them to do: about 0:0" in said.out
        assert "Estimated by timing a few training steps" in said.out
