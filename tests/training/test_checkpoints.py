import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.records import Epoch
from bakeoff.training import checkpoints
from bakeoff.training.checkpoints import State, load_checkpoint, save_checkpoint, save_weights

HISTORY = [Epoch(n, 1.0 / n, 0.5, None, None, 0.1, 2.0, 0.5, 700.0, 10**9) for n in (1, 2)]


def trained(seed: int, kind=torch.optim.AdamW, width: int = 8) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network and an optimiser after a few steps."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.LazyLinear(3))
    net(torch.rand(2, 1, 5, 5))
    net = net.to(memory_format=torch.channels_last)
    optimizer = kind(net.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.rand(4, 1, 5, 5)).square().sum().backward()
        optimizer.step()
    return net, optimizer


def assert_same(left: dict, right: dict) -> None:
    torch.testing.assert_close(left, right, rtol=0, atol=0)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW, torch.optim.Adadelta])
def test_what_was_saved_comes_back(tmp_path, kind):
    net, optimizer = trained(0, kind)
    best = {name: value + 1 for name, value in net.state_dict().items()}
    save_checkpoint(tmp_path, "a", net, optimizer, State(HISTORY, best))
    other, other_optimizer = trained(1, kind)
    state = load_checkpoint(tmp_path, "a", other, other_optimizer)
    assert state.history == HISTORY
    assert_same(state.best, best)
    assert_same(other.state_dict(), net.state_dict())
    assert_same(other_optimizer.state_dict()["state"], optimizer.state_dict()["state"])


def test_what_is_absent_is_empty(tmp_path):
    net, optimizer = trained(0)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert load_checkpoint(tmp_path / "absent", "a", net, optimizer) == State()
    assert_same(net.state_dict(), before)


class TestDamage:
    @pytest.fixture
    def saved(self, tmp_path) -> Path:
        save_checkpoint(tmp_path, "a", *trained(0), State(HISTORY))
        return checkpoint_path(tmp_path, "a")

    def assert_starts_anew(self, saved: Path) -> None:
        net, optimizer = trained(1)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        assert load_checkpoint(saved.parent, "a", net, optimizer) == State()
        assert_same(net.state_dict(), before)

    @pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
    def test_by_cutting_starts_over(self, saved, share):
        whole = saved.read_bytes()
        saved.write_bytes(whole[: int(len(whole) * share)])
        self.assert_starts_anew(saved)

    @pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x02}q\x00.", b"PK\x03\x04" + bytes(100)])
    def test_by_something_else_in_its_place_starts_over(self, saved, content):
        saved.write_bytes(content)
        self.assert_starts_anew(saved)

    def test_by_one_bit_among_the_weights_starts_over(self, saved):
        """torch alone would continue with a wrong weight."""
        with zipfile.ZipFile(saved) as archive:
            tensors = [item for item in archive.infolist() if "/data/" in item.filename]
            payload = archive.read(max(tensors, key=lambda item: item.file_size))
        content = bytearray(saved.read_bytes())
        content[content.index(payload) + len(payload) // 2] ^= 1
        saved.write_bytes(content)
        assert torch.load(saved, weights_only=True)["protocol"] == checkpoints.PROTOCOL
        self.assert_starts_anew(saved)

    def test_by_a_pickle_runs_nothing(self, saved, tmp_path):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "evil"),)

        torch.save({"protocol": checkpoints.PROTOCOL, "net": Evil()}, saved)
        self.assert_starts_anew(saved)
        assert not (tmp_path / "evil").exists()

    def test_of_another_protocol_or_network_starts_over(self, saved, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "PROTOCOL", checkpoints.PROTOCOL + 1)
            self.assert_starts_anew(saved)
        save_checkpoint(saved.parent, "a", *trained(0, width=9), State(HISTORY))
        self.assert_starts_anew(saved)

    def test_is_a_folder_starts_over(self, saved):
        saved.unlink()
        saved.mkdir()
        self.assert_starts_anew(saved)


class TestWriting:
    def test_leaves_the_old_file_when_it_fails(self, tmp_path, monkeypatch):
        net, optimizer = trained(0)
        save_checkpoint(tmp_path, "a", net, optimizer, State(HISTORY[:1]))
        save_weights(tmp_path, "a", net)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

        def fail(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(tmp_path, "a", net, optimizer, State(HISTORY))
        with pytest.raises(OSError, match="No space left"):
            save_weights(tmp_path, "a", net)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
    def test_on_a_full_disk_is_the_systems_own_error(self, tmp_path, monkeypatch):
        """torch's own error is about positions in a file, that of safetensors about serialising."""
        net, optimizer = trained(0)
        full = Path("/dev/full").open
        monkeypatch.setattr(Path, "open", lambda self, mode: full(mode, buffering=0))
        for write in (
            lambda: save_checkpoint(tmp_path, "a", net, optimizer, State()),
            lambda: save_weights(tmp_path, "a", net),
        ):
            with pytest.raises(OSError, match="No space left on device"):
                write()
        assert not list(tmp_path.iterdir())

    def test_removes_what_killed_processes_left(self, tmp_path):
        net, optimizer = trained(0)
        save_checkpoint(tmp_path, "a", net, optimizer, State(HISTORY))
        for name in ("a.77.tmp", "a.78.tmp", "b.77.tmp"):
            (tmp_path / name).touch()
        assert load_checkpoint(tmp_path, "a", net, optimizer).history == HISTORY
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "b.77.tmp"]

    def test_of_weights_takes_those_that_share_memory(self, tmp_path):
        whole = torch.arange(12.0)
        net = nn.Module()
        for name, buffer in {"whole": whole, "again": whole, "part": whole[3:6], "wide": whole[:1].expand(4)}.items():
            net.register_buffer(name, buffer)
        save_weights(tmp_path, "a", net)
        torch.testing.assert_close(load_file(weights_path(tmp_path, "a")), dict(net.state_dict()), rtol=0, atol=0)

    def test_of_weights_makes_a_file_that_anything_reads(self, tmp_path):
        net, _ = trained(0)
        save_weights(tmp_path / "new", "a", net)
        tensors = load_file(weights_path(tmp_path / "new", "a"))
        torch.testing.assert_close(tensors, dict(net.state_dict()), rtol=0, atol=0)
